package rpcapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/rpcapi"
)

// The secret may come in the header or as a parameter, and what says nothing
// says that.
func TestSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		bearer, params, reason string
	}{
		"in the header":                 {bearer: userSecret, params: `[]`},
		"as a parameter":                {params: `{"secret":"` + userSecret + `"}`},
		"in one, a good one in another": {bearer: "wrong", params: `{"secret":"` + userSecret + `"}`},
		"none":                          {params: `[]`, reason: "no_secret"},
		"an empty one":                  {params: `{"secret":""}`, reason: "no_secret"},
		"a wrong one":                   {bearer: "wrong", params: `[]`, reason: "secret"},
		"a part of one":                 {bearer: userSecret[1:], params: `[]`, reason: "secret"},
		"a long one":                    {params: `{"secret":"` + strings.Repeat("x", 5000) + `"}`, reason: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, nil)
			s.bearer = c.bearer
			got := s.call("system.info", c.params).Error
			if c.reason == "" && got.Code != 0 || c.reason != "" && (got.Code != -32001 || got.Data.Reason != c.reason) {
				t.Errorf("answer %+v, want reason %q", got, c.reason)
			}
		})
	}
}

// Whoever guesses secrets is slowed down. Those who showed a good one before
// from the same address are not: a program with an old secret must not lock out
// its neighbours.
func TestGuessing(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	s := newServer(t, func(c *rpcapi.Config) {
		c.Clock = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
	})
	ask := func(secret string) int {
		s.bearer = secret
		return s.call("runners.list", "[]").Error.Code
	}
	if got := ask(userSecret); got != 0 {
		t.Fatal(got)
	}
	for i := range 10 {
		if got := ask(fmt.Sprint("guess", i)); got != -32001 {
			t.Fatalf("guess %d: %d", i, got)
		}
	}
	for secret, want := range map[string]int{"guess": -32006, adminSecret: -32006, userSecret: 0} {
		if got := ask(secret); got != want {
			t.Errorf("after too many guesses, %s is answered %d, want %d", secret, got, want)
		}
	}
	s.bearer = ""
	if got := s.call("rpc.discover", "[]").Error.Code; got != 0 {
		t.Errorf("whoever shows no secret is answered %d", got)
	}
	mu.Lock()
	now = now.Add(time.Second)
	mu.Unlock()
	if got := ask(adminSecret); got != 0 {
		t.Errorf("a second later, a good secret is answered %d", got)
	}
}

// A secret is in no log, no metric label and no answer, wherever it was put.
func TestSecretsAreNotRepeated(t *testing.T) {
	const precious = "precious-secret"
	var (
		mu  sync.Mutex
		log bytes.Buffer
	)
	s := newServer(t, func(c *rpcapi.Config) {
		c.Log = slog.New(slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(p)
		}), &slog.HandlerOptions{Level: slog.LevelDebug}))
		key, err := rpcapi.NewAPIKey("precious", rpcapi.User, precious)
		if err != nil {
			t.Fatal(err)
		}
		c.Keys = append(c.Keys, key)
		if text := fmt.Sprintf("%v %+v %#v", key, key, c.Keys); strings.Contains(text, precious) {
			t.Errorf("a key prints its secret: %s", text)
		}
	})
	var said strings.Builder
	for _, m := range s.api.Methods() {
		for _, params := range []string{`{"secret":"` + precious + `"}`, `["` + precious + `"]`, `["` + precious + `",{}]`} {
			said.WriteString(s.post(`{"jsonrpc":"2.0","id":1,"method":"` + m.Name + `","params":` + params + `}`))
		}
	}
	s.bearer = precious + "-almost"
	said.WriteString(s.post(`{"jsonrpc":"2.0","id":1,"method":"system.info"}`))
	mu.Lock()
	defer mu.Unlock()
	for where, text := range map[string]string{"answers": said.String(), "log": log.String()} {
		if strings.Contains(text, precious) {
			t.Errorf("%s repeat the secret", where)
		}
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestConfigErrors(t *testing.T) {
	good := func(t *testing.T) rpcapi.Config {
		s := newServer(t, nil)
		return rpcapi.Config{Backend: s.Backend(), Durability: s.Durability}
	}
	key, err := rpcapi.NewAPIKey("a", rpcapi.User, "a")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*rpcapi.Config){
		"no backend":          func(c *rpcapi.Config) { c.Backend = rpcapi.Backend{} },
		"no durability":       func(c *rpcapi.Config) { c.Durability = nil },
		"unsigned is no word": func(c *rpcapi.Config) { c.Unsigned = "maybe" },
		"one name twice":      func(c *rpcapi.Config) { c.Keys = []rpcapi.APIKey{key, key} },
		"a key of no scope":   func(c *rpcapi.Config) { c.Keys = []rpcapi.APIKey{{Name: "a", Digest: key.Digest}} },
		"a key of no secret":  func(c *rpcapi.Config) { c.Keys = []rpcapi.APIKey{{Name: "a", Scope: rpcapi.User}} },
	} {
		c := good(t)
		change(&c)
		if _, err := rpcapi.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, name := range []string{"", "A", "a b", "a:b"} {
		if _, err := rpcapi.NewAPIKey(name, rpcapi.User, "x"); err == nil {
			t.Errorf("an API key may be called %q", name)
		}
	}
	if _, err := rpcapi.NewAPIKey("a", rpcapi.User, ""); err == nil {
		t.Error("an API key may have an empty secret")
	}
}

// What a health check sees.
func TestProbes(t *testing.T) {
	s := newServer(t, nil)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 404, "/": 405, "/rpc": 405, "/x": 404} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	resp, err := http.Post(s.url+"/", "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var document struct{ Result struct{ OpenRPC string } }
	if err := json.NewDecoder(resp.Body).Decode(&document); err != nil || document.Result.OpenRPC == "" {
		t.Errorf("POST /: %v", err)
	}
}
