package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/openrpc"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

const (
	apiFile  = "api.md"
	apiBegin = "<!-- methods: written by go test ./docs -update -->\n"
	apiEnd   = "<!-- end of the methods -->\n"
)

// The page of methods is what the server itself says of them.
func TestTheReferenceIsWhatTheServerSays(t *testing.T) {
	text, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), apiBegin)
	old, after, ended := strings.Cut(rest, apiEnd)
	if !found || !ended {
		t.Fatalf("%s has no place for the methods", apiFile)
	}
	system := rpcapitest.New(t)
	api, err := rpcapi.New(rpcapi.Config{Backend: system.Backend(), Durability: system.Durability})
	if err != nil {
		t.Fatal(err)
	}
	methods, err := openrpc.Markdown(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		page := before + apiBegin + methods + apiEnd + after
		if err := os.WriteFile(apiFile, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(methods, old); diff != "" {
		t.Errorf("%s is not what the server says; go test ./docs -update writes it (-server +page):\n%s", apiFile, diff)
	}
}
