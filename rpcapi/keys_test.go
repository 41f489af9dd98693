package rpcapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// asked is what keys.add is asked in a test.
type asked struct {
	Class     string   `json:"class,omitempty"`
	Name      string   `json:"name,omitempty"`
	PublicKey string   `json:"public_key,omitempty"`
	Kinds     []string `json:"kinds,omitempty"`
	Since     string   `json:"since,omitempty"`
	Until     string   `json:"until,omitempty"`
	Proof     string   `json:"proof,omitempty"`
}

func askFor(key signing.PrivateKey, class access.Class, name string) asked {
	k := rpcapitest.Admission(key, class, name)
	return asked{Class: string(class), Name: name, PublicKey: k.Public.String(), Proof: k.Proof.String()}
}

// Which keys are admitted, and why others are not.
func TestAddKey(t *testing.T) {
	alice := rpcapitest.Key(3)
	good := askFor(alice, access.Client, "alice")
	for name, c := range map[string]struct {
		change  func(*asked)
		code    int
		reason  string
		pointer string
	}{
		"a client's":          {change: func(*asked) {}},
		"a runner's":          {change: func(a *asked) { *a = askFor(alice, access.Runner, "r1"); a.Kinds = []string{"sh"} }},
		"a supervisor's":      {change: func(a *asked) { *a = askFor(alice, access.Supervisor, "s2") }},
		"for some time":       {change: func(a *asked) { a.Until = "2026-01-02T16:00:00+01:00" }, code: -32602, reason: "until"},
		"from tomorrow on":    {change: func(a *asked) { a.Since = "2026-01-03T00:00:00Z" }},
		"ends as it begins":   {change: func(a *asked) { a.Since, a.Until = "2026-01-04T00:00:00Z", "2026-01-03T00:00:00Z" }, code: -32602, reason: "since"},
		"until tomorrow":      {change: func(a *asked) { a.Until = "2026-01-03T00:00:00Z" }},
		"an operator's":       {change: func(a *asked) { *a = askFor(alice, access.Operator, "o") }, code: -32602, reason: "bounds", pointer: "/class"},
		"no class":            {change: func(a *asked) { a.Class = "" }, code: -32602, reason: "missing", pointer: "/class"},
		"no name":             {change: func(a *asked) { a.Name = "" }, code: -32602, reason: "missing", pointer: "/name"},
		"a bad name":          {change: func(a *asked) { a.Name = "a b" }, code: -32602, reason: "pattern", pointer: "/name"},
		"no key":              {change: func(a *asked) { a.PublicKey = "" }, code: -32602, reason: "missing", pointer: "/public_key"},
		"half a key":          {change: func(a *asked) { a.PublicKey = a.PublicKey[:32] }, code: -32602, reason: "key", pointer: "/public_key"},
		"a key of order 1":    {change: func(a *asked) { a.PublicKey = "01" + strings.Repeat("00", 31) }, code: -32602, reason: "key", pointer: "/public_key"},
		"y = p, not 0":        {change: func(a *asked) { a.PublicKey = "ed" + strings.Repeat("ff", 30) + "7f" }, code: -32602, reason: "key", pointer: "/public_key"},
		"no proof":            {change: func(a *asked) { a.Proof = "" }, code: -32602, reason: "key", pointer: "/proof"},
		"half a proof":        {change: func(a *asked) { a.Proof = a.Proof[:44] }, code: -32602, reason: "key", pointer: "/proof"},
		"another key's proof": {change: func(a *asked) { a.Proof = askFor(rpcapitest.Key(4), access.Client, "alice").Proof }, code: -32602, reason: "key"},
		"another name's":      {change: func(a *asked) { a.Name = "bob" }, code: -32602, reason: "key"},
		"a client with kinds": {change: func(a *asked) { a.Kinds = []string{"sh"} }, code: -32602, reason: "kinds"},
		"the supervisor's own": {
			change: func(a *asked) { *a = askFor(rpcapitest.Key(1), access.Client, "s1") }, code: -32004, reason: "key_taken",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, nil)
			s.bearer = adminSecret
			ask := good
			c.change(&ask)
			text, err := json.Marshal(ask)
			if err != nil {
				t.Fatal(err)
			}
			got := s.call("keys.add", string(text))
			if got.Error.Code != c.code || got.Error.Data.Reason != c.reason || got.Error.Data.Pointer != c.pointer {
				t.Fatalf("%+v, want %d %s %s", got.Error, c.code, c.reason, c.pointer)
			}
			if c.code != 0 {
				return
			}
			id := string(alice.Public().ID())
			same(t, string(got.Result), `{"key_id":"`+id+`","statement":2,"duplicate":false}`)
			same(t, string(s.call("keys.add", string(text)).Result), `{"key_id":"`+id+`","statement":2,"duplicate":true}`)
			if list := s.call("keys.list", "[]").Result; !strings.Contains(string(list), `"key_id":"`+id+`"`) {
				t.Errorf("the list is %s", list)
			}
		})
	}
}

// A batch of calls with different secrets: each is judged alone.
func TestBatchOfCallers(t *testing.T) {
	s := newServer(t, nil)
	got := s.post(`[{"jsonrpc":"2.0","id":1,"method":"keys.list","params":{"secret":"` + userSecret + `"}},` +
		`{"jsonrpc":"2.0","id":2,"method":"runners.list","params":{"secret":"` + userSecret + `"}},` +
		`{"jsonrpc":"2.0","id":3,"method":"runners.list"}]`)
	same(t, got, `[{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"an API key of scope user may not call this method","data":{"reason":"scope","retry":"no"}}},`+
		`{"jsonrpc":"2.0","id":2,"result":{"runners":[]}},`+
		`{"jsonrpc":"2.0","id":3,"error":{"code":-32001,"message":"send an API key as Authorization: Bearer <secret>","data":{"reason":"no_secret","retry":"no"}}}]`)
}

// Old clients sign inside the job and find their signatures there again.
func TestOldSignatures(t *testing.T) {
	s := newServer(t, nil)
	alice := rpcapitest.Key(3)
	s.Admit(alice, access.Client, "alice", 0)
	s.bearer = userSecret
	text := signed(t, doc, alice)
	if e := s.call("create_job", `[`+text+`]`).Error; e.Code != 0 {
		t.Fatal(e)
	}
	var sent, got struct{ Signatures json.RawMessage }
	if err := json.Unmarshal([]byte(text), &sent); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(s.call("get_job", `["j1"]`).Result, &got); err != nil {
		t.Fatal(err)
	}
	same(t, string(got.Signatures), string(sent.Signatures))
}
