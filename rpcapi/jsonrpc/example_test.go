package jsonrpc_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// A server with one method, called over HTTP.
func Example() {
	type greeting struct {
		Name string `json:"name" validate:"required,max=64"`
	}
	greet := jsonrpc.Define(jsonrpc.Info{Name: "greet", Summary: "Say hello."},
		func(_ context.Context, p greeting) (string, error) { return "hello, " + p.Name, nil })

	server, err := jsonrpc.New([]jsonrpc.Method{greet}, jsonrpc.Options{})
	if err != nil {
		panic(err)
	}
	web := httptest.NewServer(jsonrpc.NewHandler(server, jsonrpc.HTTPOptions{}))
	defer web.Close()

	for _, params := range []string{`["Horus"]`, `{}`} {
		response, err := http.Post(web.URL, "application/json",
			strings.NewReader(`{"jsonrpc":"2.0","method":"greet","params":`+params+`,"id":1}`))
		if err != nil {
			panic(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(string(text))
	}
	// Output:
	// {"jsonrpc":"2.0","result":"hello, Horus","id":1}
	// {"jsonrpc":"2.0","error":{"code":-32602,"message":"name is required","data":{"reason":"missing","retry":"no","pointer":"/name"}},"id":1}
}
