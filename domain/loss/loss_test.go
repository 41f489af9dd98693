package loss_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/signing"
)

func key(t testing.TB, n byte) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// keys are those of a namespace with supervisor 1, operator 2, client 3 and a
// supervisor 4 who was revoked; supervisor 5 ended.
func keys(t testing.TB) access.State {
	t.Helper()
	var s access.State
	for _, e := range []access.Event{
		access.Founded{Namespace: "horus", Partitions: 8, Supervisor: "s1", Key: key(t, 1).Public(), Operator: key(t, 2).Public()},
		access.Admitted{Key: access.Key{Class: access.Client, Name: "web"}.Proved("horus", key(t, 3))},
		access.Admitted{Key: access.Key{Class: access.Supervisor, Name: "s4"}.Proved("horus", key(t, 4))},
		access.Revoked{Key: key(t, 4).Public().ID()},
		access.Admitted{Key: access.Key{Class: access.Supervisor, Name: "s5", Until: 1}.Proved("horus", key(t, 5))},
	} {
		s = access.Evolve(s, event.Fact[access.Event]{Data: e, Version: s.Statements + 1})
	}
	return s
}

// remembered is a seal of term 7 of the events 81 to 100.
func remembered() signing.Seal {
	return signing.Seal{Namespace: "horus", Partition: 3, Term: 7, First: 81, Count: 20, Root: signing.Hash{1}, Prev: signing.Hash{2}}
}

func TestALossIsDeclared(t *testing.T) {
	for _, tt := range []struct {
		name   string
		given  loss.State
		from   uint64
		sealer byte
		edit   func(*loss.Declare)
		then   int
		code   domain.Code
		reason string
	}{
		{name: "of a commit", from: 81, then: 1},
		{name: "of more than that", from: 40, then: 1},
		{name: "of the commit's last event", from: 100, then: 1},
		{name: "of what a key sealed that ended", from: 81, sealer: 5, then: 1},
		{name: "another gap", given: loss.State{Version: 1, From: 50, To: 100}, from: 81, then: 1},
		{name: "a longer gap", given: loss.State{Version: 1, From: 81, To: 99}, from: 81, then: 1},
		{name: "the same gap", given: loss.State{Version: 1, From: 81, To: 100}, from: 81},
		{name: "a shorter gap", given: loss.State{Version: 1, From: 81, To: 130}, from: 81},

		{name: "of what the log has", from: 101, code: domain.Halted, reason: "log_rewritten"},
		{name: "of everything", from: 1, code: domain.Halted, reason: "log_rewritten"},
		{name: "of its own term", from: 81, edit: func(c *loss.Declare) { c.Term = 7 }, code: domain.Invalid, reason: "seal_term"},
		{name: "of a later term", from: 81, edit: func(c *loss.Declare) { c.Term = 6 }, code: domain.Invalid, reason: "seal_term"},
		{name: "with another seal than was signed", from: 81, edit: func(c *loss.Declare) { c.Seal.Count++ }, code: domain.Invalid, reason: "seal"},
		{name: "of another partition", from: 81, edit: func(c *loss.Declare) { c.Partition++ }, code: domain.Invalid, reason: "seal"},
		{name: "of another namespace", from: 81, edit: func(c *loss.Declare) { c.Keys.Founding.Namespace = "osiris" }, code: domain.Invalid, reason: "seal"},
		{name: "with a client's seal", from: 81, sealer: 3, code: domain.Forbidden, reason: "seal_key"},
		{name: "with an operator's seal", from: 81, sealer: 2, code: domain.Forbidden, reason: "seal_key"},
		{name: "with a revoked key's seal", from: 81, sealer: 4, code: domain.Forbidden, reason: "seal_key"},
		{name: "with a stranger's seal", from: 81, sealer: 9, code: domain.Forbidden, reason: "seal_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := loss.Declare{Lost: loss.Lost{From: tt.from, Seal: remembered().Sign(key(t, max(tt.sealer, 1)))}, Partition: 3, Term: 8, Keys: keys(t)}
			if tt.edit != nil {
				tt.edit(&c)
			}
			events, err := loss.Decide(tt.given, c)
			if len(events) != tt.then || domain.ReasonOf(err) != tt.reason || err != nil && domain.CodeOf(err) != tt.code {
				t.Fatalf("%d events, %v; want %d and the reason %q", len(events), err, tt.then, tt.reason)
			}
			f := event.Fact[loss.Lost]{Data: c.Lost, Version: tt.given.Version + 1}
			at := loss.Place{Partition: c.Partition, Term: c.Term, Keys: c.Keys, From: tt.from}
			if err := loss.Legal(tt.given, f, at); (err == nil) != (tt.then == 1) {
				t.Errorf("an auditor says %v", err)
			}
			if tt.then == 0 {
				return
			}
			at.From++
			if err := loss.Legal(tt.given, f, at); domain.ReasonOf(err) != "illegal" {
				t.Errorf("from another place on: %v", err)
			}
			if at.From = 0; loss.Legal(tt.given, f, at) != nil {
				t.Error("refused where the place is not known")
			}
			f.Version++
			if err := loss.Legal(tt.given, f, at); domain.ReasonOf(err) != "illegal" {
				t.Errorf("with a version left out: %v", err)
			}
			f.Version--
			s := loss.Evolve(tt.given, f)
			if want := (loss.State{Version: f.Version, From: tt.from, To: 100}); s != want {
				t.Errorf("state %+v, want %+v", s, want)
			}
			if again, err := loss.Decide(s, c); len(again) != 0 || err != nil {
				t.Errorf("again: %d events, %v", len(again), err)
			}
		})
	}
}

func TestDecodeRefusesWhatCouldNotHaveBeenWritten(t *testing.T) {
	data := string(loss.Lost{From: 81, Seal: remembered().Sign(key(t, 1))}.AppendData(nil))
	for _, tt := range []struct{ name, old, replacement string }{
		{"a place in a text", `"from":81`, `"from":"81"`},
		{"a place with zeros before it", `"from":81`, `"from":081`},
		{"a seal of nothing", `.81.20.`, `.81.0.`},
		{"a seal of too much", `.81.20.`, `.81.257.`},
		{"no seal", `"seal":"1.`, `"seal":"2.`},
		{"a member more", `"}`, `","to":100}`},
	} {
		changed := strings.Replace(data, tt.old, tt.replacement, 1)
		if e, err := loss.DecodeLost("horus", 3, []byte(changed)); changed == data || domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %+v, %v", tt.name, e, err)
		}
	}
}
