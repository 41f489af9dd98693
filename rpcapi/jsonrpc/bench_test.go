package jsonrpc_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

func BenchmarkHandle(b *testing.B) {
	for name, message := range map[string]string{
		"none":     `{"jsonrpc":"2.0","method":"get_data","id":1}`,
		"small":    withID("1"),
		"named":    `{"jsonrpc":"2.0","method":"subtract","params":{"minuend":42,"subtrahend":23},"id":1}`,
		"batch100": `[` + strings.Repeat(withID("1")+`,`, 99) + withID("1") + `]`,
	} {
		b.Run(name, func(b *testing.B) {
			s := newServer(b, jsonrpc.Options{})
			b.ReportAllocs()
			b.SetBytes(int64(len(message)))
			for b.Loop() {
				s.Handle(b.Context(), []byte(message))
			}
		})
	}
}

// BenchmarkServeHTTP measures the handler without a network.
func BenchmarkServeHTTP(b *testing.B) {
	h := jsonrpc.NewHandler(newServer(b, jsonrpc.Options{}), jsonrpc.HTTPOptions{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(withID("1")))
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
