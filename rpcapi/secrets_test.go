package rpcapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// with calls with a secret and returns the error.
func (s *server) with(secret, method, params string) (code int, reason string) {
	s.t.Helper()
	defer func(usual string) { s.bearer = usual }(s.bearer)
	s.bearer = secret
	e := s.call(method, params).Error
	return e.Code, e.Data.Reason
}

// whatever is the history, as bytes.
func (s *server) whatever() string {
	s.t.Helper()
	raws, err := s.Store.Read(s.t.Context(), 0, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	var all strings.Builder
	for _, raw := range raws {
		all.Write(raw.Event)
	}
	return all.String()
}

// An API key lets its holder call from the answer on until it is removed, and the
// history says who did both, and never the secret.
func TestAnAPIKeyLives(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = adminSecret
	key := s.addSecret(`{"name":"builds","scope":"user","until":"2026-01-02T15:04:05.000006Z"}`)
	for range 2 {
		if code, _ := s.with(key, "runners.list", "[]"); code != 0 {
			t.Fatalf("the new key is answered %d", code)
		}
	}
	if code, reason := s.with(key, "secrets.list", "[]"); code != -32002 || reason != "scope" {
		t.Errorf("the new key of scope user is answered %d %s to what admins may", code, reason)
	}
	almost := key[:len(key)-1] + string(key[len(key)-1]^1)
	for what, secret := range map[string]string{"almost the key": almost, "its id": key[:22], "another id": strings.Replace(key, "_", "_f", 1)} {
		if code, reason := s.with(secret, "runners.list", "[]"); code != -32001 || reason != "secret" {
			t.Errorf("%s is answered %d %s", what, code, reason)
		}
	}
	var list wire.Secrets
	if err := json.Unmarshal(s.must("secrets.list", "[]"), &list); err != nil || len(list.Secrets) != 4 {
		t.Fatalf("%+v, %v", list, err)
	}
	if k := list.Secrets[1]; k.Name != "builds" || k.AddedBy != "key:admin" || k.Source != wire.SecretFromHistory || k.State != wire.SecretHolds {
		t.Errorf("the list says %+v", k)
	}
	if e := s.call("secrets.add", `{"name":"builds","scope":"admin"}`).Error; e.Code != -32004 || e.Data.Reason != "api_key_taken" {
		t.Errorf("a second one of that name: %+v", e)
	}
	s.must("secrets.remove", `{"name":"builds","reason":"it was in a log"}`)
	if code, reason := s.with(key, "runners.list", "[]"); code != -32001 || reason != "secret" {
		t.Errorf("the removed key is answered %d %s", code, reason)
	}
	if e := s.call("secrets.remove", `{"name":"builds"}`).Error; e.Code != -32003 || e.Data.Reason != "api_key_unknown" {
		t.Errorf("removed again: %+v", e)
	}
	again := s.addSecret(`{"name":"builds","scope":"admin"}`)
	if code, _ := s.with(again, "secrets.list", "[]"); code != 0 {
		t.Errorf("the next one of that name is answered %d", code)
	}
	history := s.whatever()
	for _, secret := range []string{key, key[len("horus_"):], key[len(key)-64:], again} {
		if strings.Contains(history, secret) {
			t.Errorf("the history holds %s", secret)
		}
	}
	for _, want := range []string{`"type":"access.api_key_added"`, `"type":"access.api_key_removed"`, `"actor":"key:admin"`} {
		if !strings.Contains(history, want) {
			t.Errorf("the history lacks %s", want)
		}
	}
}

func TestAddSecretBounds(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = adminSecret
	for params, want := range map[string]string{
		`{"scope":"user"}`:            "-32602 missing",
		`{"name":"a"}`:                "-32602 missing",
		`{"name":"A","scope":"user"}`: "-32602 pattern",
		`{"name":"a","scope":"root"}`: "-32602 bounds",
		`{"name":"a","scope":"user","until":"2026-01-02T15:04:05Z"}`:   "-32602 until",
		`{"name":"a","scope":"user","until":"tomorrow"}`:               "-32602 time",
		`{"name":"a","scope":"admin","kinds":["sh"]}`:                  "-32602 bound",
		`{"name":"a","scope":"registrar","runners":["r1"]}`:            "-32602 bound",
		`{"name":"a","scope":"user","runners":["R"]}`:                  "-32602 pattern",
		`{"name":"a","scope":"user","kinds":` + list(17) + `}`:         "-32602 bounds",
		`{"name":"admin","scope":"user"}`:                              "-32004 configured",
		`{"name":"a","scope":"user","hash":"00"}`:                      "-32602 unknown_member",
		`{"name":"f","scope":"user","kinds":["sh"],"runners":["r1"]}`:  "0 ",
		`{"name":"b","scope":"user","until":"2026-01-02T15:04:06Z"}`:   "0 ",
		`{"name":"` + strings.Repeat("c", 65) + `","scope":"user"}`:    "-32602 bounds",
		`{"name":"d","scope":"user","kinds":[],"runners":[]}`:          "0 ",
		`{"name":"e","scope":"user","runners":["` + "r\\u0000" + `"]}`: "-32602 pattern",
	} {
		e := s.call("secrets.add", params).Error
		if got := fmt.Sprint(e.Code, " ", e.Data.Reason); got != want {
			t.Errorf("%s: %s, want %s", params, got, want)
		}
	}
	if e := s.call("secrets.remove", `{"name":"user","reason":""}`).Error; e.Code != -32004 || e.Data.Reason != "configured" {
		t.Errorf("a configured key is removed: %+v", e)
	}
	if code, _ := s.with(userSecret, "runners.list", "[]"); code != 0 {
		t.Errorf("after that, it is answered %d", code)
	}
}

func list(n int) string { return `["` + strings.Repeat(`x","`, n-1) + `x"]` }

// A key whose end has passed is refused in the words for one that never was.
func TestAnAPIKeyEnds(t *testing.T) {
	now := &tellable{}
	s := newServer(t, func(c *rpcapi.Config) {
		now.at = c.Clock()
		c.Clock = now.Now
	})
	s.bearer = adminSecret
	key := s.addSecret(`{"name":"builds","scope":"user","until":"2026-01-02T15:05:00Z"}`)
	if code, _ := s.with(key, "runners.list", "[]"); code != 0 {
		t.Fatal(code)
	}
	now.pass(56_000_000_000)
	if code, reason := s.with(key, "runners.list", "[]"); code != -32001 || reason != "secret" {
		t.Errorf("behind its end it is answered %d %s", code, reason)
	}
	if list := string(s.must("secrets.list", "[]")); !strings.Contains(list, `"state":"ended"`) {
		t.Errorf("the list says %s", list)
	}
}

// Clients of the original choose their secrets. They are known by themselves,
// twice is once, and nothing of them can be read out of the history.
func TestChosenSecrets(t *testing.T) {
	s := newServer(t, nil)
	ask := func(method, kind, secret string) string {
		e := s.call(method, fmt.Sprintf(`[%q,%q,%q]`, adminSecret, kind, secret)).Error
		return fmt.Sprint(e.Code, " ", e.Data.Reason)
	}
	const mine = "my-old-user-secret"
	for _, c := range []struct{ method, kind, secret, want string }{
		{"remove_secret", "user", mine, "-32003 api_key_unknown"},
		{"add_secret", "user", mine, "0 "},
		{"add_secret", "user", mine, "0 "},
		{"add_secret", "admin", mine, "-32004 secret_taken"},
		{"add_secret", "register", "my-old-register-secret", "0 "},
		{"add_secret", "user", "short", "-32602 secret"},
		{"add_secret", "root", "my-old-root-secret", "-32602 bounds"},
		{"add_secret", "user", "horus_" + strings.Repeat("0", 16) + "_" + strings.Repeat("0", 64), "-32602 secret"},
		{"add_secret", "admin", adminSecret, "0 "},
		{"remove_secret", "admin", adminSecret, "-32004 configured"},
		{"remove_secret", "admin", mine, "-32003 api_key_unknown"},
	} {
		if got := ask(c.method, c.kind, c.secret); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.kind, c.secret, got, c.want)
		}
	}
	if code, _ := s.with(mine, "runners.list", "[]"); code != 0 {
		t.Errorf("the secret is answered %d", code)
	}
	if code, reason := s.with("my-old-register-secret", "runners.list", "[]"); code != -32002 || reason != "scope" {
		t.Errorf("a registrar's is answered %d %s", code, reason)
	}
	if n := strings.Count(s.whatever(), "api_key_added"); n != 2 {
		t.Errorf("%d secrets were added", n)
	}
	if got := ask("remove_secret", "user", mine); got != "0 " {
		t.Errorf("removing it: %s", got)
	}
	if code, _ := s.with(mine, "runners.list", "[]"); code != -32001 {
		t.Errorf("once it was removed, it is answered %d", code)
	}
	if history := s.whatever(); strings.Contains(history, "my-old") {
		t.Errorf("the history holds a secret: %s", history)
	}
}

// What a key is good for may be asked by everybody who has it, and guessing so is
// no better than guessing elsewhere.
func TestVerify(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = adminSecret
	key := s.addSecret(`{"name":"builds","scope":"registrar"}`)
	s.bearer = ""
	for secret, want := range map[string]string{
		key:        `{"valid":true,"name":"builds","scope":"registrar"}`,
		userSecret: `{"valid":true,"name":"user","scope":"user"}`,
		"unknown":  `{"valid":false,"name":"","scope":""}`,
	} {
		for _, params := range []string{`{"key":"` + secret + `"}`, `["` + secret + `"]`} {
			same(t, string(s.must("auth.verify", params)), want)
		}
	}
	s.bearer = key
	same(t, string(s.must("auth.verify", "[]")), `{"valid":true,"name":"builds","scope":"registrar"}`)
	s.bearer = ""
	e := s.call("auth.verify", `["guess"]`).Error
	for e.Code == 0 {
		e = s.call("auth.verify", `["guess"]`).Error
	}
	if e.Code != -32006 {
		t.Errorf("after many guesses: %+v", e)
	}
}

// A supervisor that does not lead knows the keys of the history too: a new one at
// once, and that one was removed a second later at most.
func TestAStandByKnowsTheKeys(t *testing.T) {
	now := &tellable{}
	leads := newServer(t, nil)
	follows := newServer(t, func(c *rpcapi.Config) {
		now.at = c.Clock()
		c.Clock = now.Now
		c.Backend = leads.Backend()
		c.Backend.Leader = standingBy{c.Backend.Leader}
	})
	leads.bearer = adminSecret
	if code, _ := follows.with("horus_"+strings.Repeat("0", 16)+"_"+strings.Repeat("0", 64), "runners.list", "[]"); code != -32001 {
		t.Fatal(code) // it has looked
	}
	key := leads.addSecret(`{"name":"builds","scope":"user"}`)
	if code, _ := follows.with(key, "runners.list", "[]"); code != 0 {
		t.Errorf("a new key is answered %d", code)
	}
	leads.must("add_secret", `["","user","my-old-user-secret"]`)
	if code, _ := follows.with("my-old-user-secret", "runners.list", "[]"); code != 0 {
		t.Errorf("a new chosen secret is answered %d", code)
	}
	leads.must("secrets.remove", `{"name":"builds"}`)
	leads.must("remove_secret", `["","user","my-old-user-secret"]`)
	now.pass(rpcapi.StaleKeys)
	for _, secret := range []string{key, "my-old-user-secret"} {
		if code, _ := follows.with(secret, "runners.list", "[]"); code != -32001 {
			t.Errorf("a removed key is answered %d", code)
		}
	}
}

// standingBy is a leader who does not lead.
type standingBy struct{ rpcapi.Leader }

func (standingBy) Access() access.State { return access.State{} }

var _ rpcapi.Leader = standingBy{}

// An unsigned job stands in the history as that of the API key's name.
func TestAnAPIKeyVouches(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = adminSecret
	s.bearer = s.addSecret(`{"name":"builds","scope":"user"}`)
	s.must("jobs.submit", `{"job":{"id":"j1","payload":"x","executor":"sh"}}`)
	if view := string(s.must("job.get", `{"id":"j1"}`)); !strings.Contains(view, `"submitter":"key:builds"`) {
		t.Errorf("the job is %s", view)
	}
}
