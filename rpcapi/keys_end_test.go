package rpcapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

func text(t *testing.T, params any) string {
	t.Helper()
	data, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Which rotations are taken, and why others are not.
func TestRotateKey(t *testing.T) {
	alice, next, bob := rpcapitest.Key(3), rpcapitest.Key(4), rpcapitest.Key(5)
	for name, c := range map[string]struct {
		change  func(*wire.RotateKey, event.Time)
		code    int
		reason  string
		pointer string
	}{
		"a client's key": {change: func(*wire.RotateKey, event.Time) {}},
		"at once":        {change: func(r *wire.RotateKey, now event.Time) { *r = client.Rotation("horus", alice, next, now) }},
		"the supervisor's own": {change: func(r *wire.RotateKey, now event.Time) {
			*r = client.Rotation("horus", rpcapitest.Key(1), next, now+1)
		}},
		"the operator's": {change: func(r *wire.RotateKey, now event.Time) {
			*r = client.Rotation("horus", rpcapitest.Key(2), next, now+1)
		}},
		"in the past": {
			change: func(r *wire.RotateKey, now event.Time) { *r = client.Rotation("horus", alice, next, now-1) },
			code:   -32602, reason: "until",
		},
		"another until than was signed":   {change: func(r *wire.RotateKey, _ event.Time) { r.Until++ }, code: -32602, reason: "key"},
		"no until":                        {change: func(r *wire.RotateKey, _ event.Time) { r.Until = 0 }, code: -32602, reason: "missing", pointer: "/until"},
		"no key id":                       {change: func(r *wire.RotateKey, _ event.Time) { r.Old = "" }, code: -32602, reason: "missing", pointer: "/old"},
		"half a key id":                   {change: func(r *wire.RotateKey, _ event.Time) { r.Old = r.Old[:16] }, code: -32602, reason: "key_id", pointer: "/old"},
		"half a key":                      {change: func(r *wire.RotateKey, _ event.Time) { r.Key = r.Key[:32] }, code: -32602, reason: "key", pointer: "/key"},
		"half a proof":                    {change: func(r *wire.RotateKey, _ event.Time) { r.Proof = r.Proof[:44] }, code: -32602, reason: "key", pointer: "/proof"},
		"without the old key's signature": {change: func(r *wire.RotateKey, _ event.Time) { r.By = "" }, code: -32602, reason: "key", pointer: "/by"},
		"with the new key's alone":        {change: func(r *wire.RotateKey, _ event.Time) { r.By = r.Proof }, code: -32602, reason: "key"},
		"for another namespace": {
			change: func(r *wire.RotateKey, now event.Time) { *r = client.Rotation("other", alice, next, now+1) },
			code:   -32602, reason: "key",
		},
		"of a key that nobody admitted": {
			change: func(r *wire.RotateKey, now event.Time) { *r = client.Rotation("horus", bob, next, now+1) },
			code:   -32003, reason: "key_unknown",
		},
		"to a key that was admitted": {
			change: func(r *wire.RotateKey, now event.Time) {
				*r = client.Rotation("horus", alice, rpcapitest.Key(1), now+1)
			},
			code: -32004, reason: "key_taken",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, nil)
			s.bearer = adminSecret
			s.Admit(alice, access.Client, "alice", 0)
			now := event.At(s.Clock())
			ask := client.Rotation("horus", alice, next, now+1)
			c.change(&ask, now)
			got := s.call("keys.rotate", text(t, ask))
			if got.Error.Code != c.code || got.Error.Data.Reason != c.reason || got.Error.Data.Pointer != c.pointer {
				t.Fatalf("%+v, want %d %s %s", got.Error, c.code, c.reason, c.pointer)
			}
			if c.code != 0 {
				return
			}
			id := string(next.Public().ID())
			same(t, string(got.Result), `{"key_id":"`+id+`","statement":3,"duplicate":false}`)
			s.call("keys.revoke", `{"key_id":"00000000000000000000000000000000"}`) // the answer names the first time's statement
			if ask.Old != string(rpcapitest.Key(1).Public().ID()) || ask.Until > now {
				same(t, string(s.call("keys.rotate", text(t, ask)).Result), `{"key_id":"`+id+`","statement":3,"duplicate":true}`)
			}
		})
	}
}

// A key is revoked once, admitted or not, and never comes back.
func TestRevokeKey(t *testing.T) {
	alice, next := rpcapitest.Key(3), rpcapitest.Key(4)
	id := string(alice.Public().ID())
	s := newServer(t, nil)
	s.bearer = adminSecret
	same(t, string(s.call("keys.revoke", `{"key_id":"`+id+`","reason":"lost on a train"}`).Result), `{"key_id":"`+id+`","statement":2,"duplicate":false}`)
	s.Admit(next, access.Client, "bob", 0)
	same(t, string(s.call("keys.revoke", `{"key_id":"`+id+`","reason":"or stolen"}`).Result), `{"key_id":"`+id+`","statement":2,"duplicate":true}`)
	for method, params := range map[string]string{
		"keys.add":    text(t, askFor(alice, access.Client, "alice")),
		"keys.rotate": text(t, client.Rotation("horus", alice, rpcapitest.Key(5), event.At(s.Clock()))),
	} {
		if got := s.call(method, params).Error; got.Code != -32004 || got.Data.Reason != "key_revoked" {
			t.Errorf("%s of a revoked key: %+v", method, got)
		}
	}
	for params, reason := range map[string]string{
		`{}`:              "missing",
		`{"key_id":"ab"}`: "key_id",
		`{"key_id":"` + id + `","reason":"two\nlines"}`:                          "reason",
		`{"key_id":"` + id + `","reason":"` + strings.Repeat("x", 201) + `"}`:    "bounds",
		`{"key_id":"` + id + `","reason":"` + strings.Repeat("é", 101) + `"}`:    "reason",
		`{"key_id":"` + id + `","reason":"` + "\u202e" + `reversed, or hidden"}`: "reason",
	} {
		if got := s.call("keys.revoke", params).Error; got.Code != -32602 || got.Data.Reason != reason {
			t.Errorf("%s: %+v, want -32602 %s", params, got, reason)
		}
	}
}

// What the list says of keys in every state, and who may not sign with them.
func TestKeyStates(t *testing.T) {
	s := newServer(t, nil)
	now := event.At(s.Clock())
	alice, next := rpcapitest.Key(3), rpcapitest.Key(4)
	old, early, stolen, runner := rpcapitest.Key(5), rpcapitest.Key(6), rpcapitest.Key(7), rpcapitest.Key(8)
	s.Admit(old, access.Client, "old", now-1)
	s.bearer = adminSecret
	ask := askFor(early, access.Client, "early")
	ask.Since = (now + 1).String()
	for _, c := range []struct{ method, params string }{
		{"keys.add", text(t, askFor(alice, access.Client, "alice"))},
		{"keys.add", text(t, askFor(stolen, access.Client, "stolen"))},
		{"keys.add", text(t, ask)},
		{"keys.rotate", text(t, client.Rotation("horus", alice, next, now+1))},
		{"keys.revoke", `{"key_id":"` + string(stolen.Public().ID()) + `","reason":"why"}`},
		{"keys.revoke", `{"key_id":"` + string(runner.Public().ID()) + `"}`},
	} {
		if e := s.call(c.method, c.params).Error; e.Code != 0 {
			t.Fatalf("%s %s: %+v", c.method, c.params, e)
		}
	}
	var list struct {
		Founding string
		Keys     []wire.Key
	}
	if err := json.Unmarshal(s.call("keys.list", `{"class":"client"}`).Result, &list); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range list.Keys {
		got = append(got, strings.Join([]string{string(k.Name), k.State, string(k.RotatedTo), k.Reason, string(k.AdmittedBy)}, " "))
	}
	id := string(next.Public().ID())
	if diff := cmp.Diff([]string{
		"alice holds " + id + "  key:admin", "alice holds   key:admin", "early not_yet   key:admin", "old ended   system:test", "stolen revoked  why key:admin",
	}, got, cmp.Transformer("sorted", func(s []string) map[string]bool {
		m := map[string]bool{}
		for _, x := range s {
			m[x] = true
		}
		return m
	})); diff != "" || len(list.Founding) != 64 {
		t.Errorf("the keys differ: %s", diff)
	}
	if all := string(s.call("keys.list", `{}`).Result); !strings.Contains(all, `{"key_id":"`+string(runner.Public().ID())+`","state":"revoked"`) {
		t.Errorf("the list lacks what was revoked and never admitted: %s", all)
	}
	s.bearer = userSecret
	for reason, key := range map[string]string{
		"key_ended": envelope(doc, old), "key_not_yet": envelope(doc, early), "key_revoked": envelope(doc, stolen),
	} {
		if e := s.call("jobs.submit", `{"job":`+key+`}`).Error; e.Code != -32002 || e.Data.Reason != reason {
			t.Errorf("%+v, want -32002 %s", e, reason)
		}
	}
	if e := s.call("jobs.submit", `{"job":`+envelope(doc, next)+`}`).Error; e.Code != 0 {
		t.Errorf("the new key: %+v", e)
	}
}
