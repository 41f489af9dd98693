package access_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

func id(t testing.TB, n byte) signing.KeyID { return key(t, n).Public().ID() }

// decided folds what is decided at noon into s and returns how many events that
// were; an auditor must agree with the decision.
func decided(t testing.TB, s access.State, c access.Command, said access.Event) (access.State, int, error) {
	t.Helper()
	events, err := access.Decide(s, c)
	legal := access.Legal(s, event.Fact[access.Event]{Data: said, Version: s.Statements + 1, At: noon})
	if (len(events) == 1) != (legal == nil) {
		t.Errorf("%d events, %v; an auditor says %v", len(events), err, legal)
	}
	return after(t, s, noon, events...), len(events), err
}

func TestRotation(t *testing.T) {
	tests := []struct {
		name     string
		old, new byte
		until    event.Time
		edit     func(*access.Rotated)
		then     int
		reason   string
	}{
		{name: "a client's key at once", old: 3, new: 9, until: noon, then: 1},
		{name: "a supervisor's key that goes on for a while", old: 1, new: 9, until: noon + hour, then: 1},
		{name: "the operator's key", old: 2, new: 9, until: noon + hour, then: 1},
		{name: "a key up to its end", old: 4, new: 9, until: noon + hour, then: 1},
		{name: "a key beyond its end", old: 4, new: 9, until: noon + hour + 1, reason: "until"},
		{name: "a key in the past", old: 3, new: 9, until: noon - 1, reason: "until"},
		{name: "a key that nobody knows", old: 8, new: 9, until: noon, reason: "key_unknown"},
		{name: "to a key that is known", old: 3, new: 1, until: noon, reason: "key_taken"},
		{name: "to itself", old: 3, new: 3, until: noon, reason: "key_taken"},
		{name: "a key that ended", old: 5, new: 9, until: noon, reason: "key_ended"},
		{name: "a key that has not begun", old: 6, new: 9, until: noon + hour, reason: "key_ended"},
		{name: "a key that was revoked", old: 7, new: 9, until: noon, reason: "key_revoked"},
		{name: "to a key that was revoked", old: 3, new: 7, until: noon, reason: "key_revoked"},
		{name: "without the old key", old: 3, new: 9, until: noon, edit: func(e *access.Rotated) { e.By = e.Proof }, reason: "key"},
		{name: "without the new key", old: 3, new: 9, until: noon, edit: func(e *access.Rotated) { e.Proof = e.By }, reason: "key"},
		{name: "to another end than was signed", old: 3, new: 9, until: noon, edit: func(e *access.Rotated) { e.Until++ }, reason: "key"},
		{name: "to no key", old: 3, new: 9, until: noon, edit: func(e *access.Rotated) { e.Key = signing.PublicKey{} }, reason: "key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := after(t, founded(t), noon-hour,
				access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "old", Until: noon - 1}, key(t, 5))},
				access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "young", Since: noon + 1}, key(t, 6))},
				access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "stolen"}, key(t, 7))},
				access.Revoked{Key: id(t, 7)})
			e := access.Rotation("horus", key(t, tt.old), key(t, tt.new), tt.until)
			if tt.edit != nil {
				tt.edit(&e)
			}
			s, n, err := decided(t, s, access.Rotate{Rotated: e, At: noon}, e)
			if n != tt.then || domain.ReasonOf(err) != tt.reason {
				t.Fatalf("%d events, %v; want %d and the reason %q", n, err, tt.then, tt.reason)
			}
			if n == 0 {
				return
			}
			old, _ := s.Find(id(t, tt.old))
			next, _ := s.Find(id(t, tt.new))
			if old.RotatedTo != next.ID || old.Ends != tt.until || next.Name != old.Name || next.Class != old.Class || next.Until != old.Until || len(next.Kinds) != len(old.Kinds) {
				t.Errorf("%+v took the place of %+v", next, old)
			}
			for at, want := range map[event.Time]bool{noon: true, tt.until: true, tt.until + 1: false} {
				if _, holds := s.Key(old.Class, old.ID, at); holds != want {
					t.Errorf("the old key holds at %s: %v", at, holds)
				}
			}
			if _, n, err := decided(t, s, access.Rotate{Rotated: e, At: noon}, e); n != 0 || err != nil {
				t.Errorf("the same again: %d events, %v", n, err)
			}
			other := access.Rotation("horus", key(t, tt.old), key(t, 10), tt.until)
			if _, _, err := decided(t, s, access.Rotate{Rotated: other, At: noon}, other); domain.ReasonOf(err) != "key_rotated" {
				t.Errorf("another one: %v", err)
			}
		})
	}
}

func TestRevocation(t *testing.T) {
	tests := []struct {
		name   string
		key    signing.KeyID
		why    string
		then   int
		reason string
	}{
		{name: "a client's key", key: id(t, 3), then: 1},
		{name: "the founding key", key: id(t, 1), why: "the disk \"a\" é was stolen", then: 1},
		{name: "a key that nobody admitted", key: id(t, 9), why: strings.Repeat("x", access.MaxReason), then: 1},
		{name: "no key", key: "9", reason: "key_id"},
		{name: "for too long a reason", key: id(t, 3), why: strings.Repeat("x", access.MaxReason+1), reason: "reason"},
		{name: "for a reason in two lines", key: id(t, 3), why: "a\nb", reason: "reason"},
		{name: "for a reason that turns around", key: id(t, 3), why: "a\u202eb", reason: "reason"},
		{name: "for a reason that is no UTF-8", key: id(t, 3), why: "a\xff", reason: "reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := access.Revoked{Key: tt.key, Reason: tt.why}
			s, n, err := decided(t, founded(t), access.Revoke{Revoked: e}, e)
			if n != tt.then || domain.ReasonOf(err) != tt.reason || s.Revoked(tt.key) != (n == 1) {
				t.Fatalf("%d events, %v; want %d and the reason %q", n, err, tt.then, tt.reason)
			}
			if n == 0 {
				return
			}
			k, _ := s.Find(tt.key)
			if _, holds := s.Key(k.Class, tt.key, noon); holds || k.Reason != tt.why {
				t.Errorf("the key holds: %v; revoked for %q", holds, k.Reason)
			}
			if _, n, err := decided(t, s, access.Revoke{Revoked: access.Revoked{Key: tt.key, Reason: "again"}}, e); n != 0 || err != nil {
				t.Errorf("again: %d events, %v", n, err)
			}
		})
	}
	s := after(t, founded(t), noon, access.Revoked{Key: id(t, 9)})
	again := access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "app"}, key(t, 9))}
	if _, _, err := decided(t, s, access.Admit{Key: again.Key, At: noon}, again); domain.ReasonOf(err) != "key_revoked" {
		t.Errorf("a revoked key was admitted: %v", err)
	}
}

// Whose seal may hold the next statement, for whoever has statements alone.
func TestStatementsContinue(t *testing.T) {
	s := founded(t) // three statements
	last := signing.Seal{Term: 7, First: 10, Count: 3, Statements: 2, Key: id(t, 1)}
	for name, c := range map[string]struct {
		edit func(*signing.Seal)
		want bool
	}{
		"the same commit":            {func(*signing.Seal) {}, true},
		"the next one":               {func(n *signing.Seal) { n.First, n.Statements = 13, 3 }, true},
		"a later one":                {func(n *signing.Seal) { n.First, n.Statements = 99, 3 }, true},
		"one that counts fewer":      {func(n *signing.Seal) { n.First = 13 }, false},
		"one that counts more":       {func(n *signing.Seal) { n.First, n.Statements = 13, 4 }, false},
		"one that overlaps":          {func(n *signing.Seal) { n.First, n.Statements = 12, 3 }, false},
		"another of the same events": {func(n *signing.Seal) { n.Key = id(t, 2) }, false},
	} {
		next := last
		c.edit(&next)
		if got := s.Continues(&last, &next); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for statements, want := range map[uint64]bool{0: true, 1: false} {
		if got := (access.State{}).Continues(&signing.Seal{}, &signing.Seal{First: 1, Count: 1, Statements: statements}); got != want {
			t.Errorf("a founding behind %d statements: %v", statements, got)
		}
	}
}

func TestAnOperatorAdmitsASupervisorWhoSealsThat(t *testing.T) {
	vouched := func(k access.Key, operator byte) access.Key {
		return proved(k, key(t, 9)).Vouched("horus", key(t, operator))
	}
	s := after(t, founded(t), noon,
		access.Admitted{Key: proved(access.Key{Class: access.Operator, Name: "gone", Until: noon}, key(t, 5))},
		access.Admitted{Key: proved(access.Key{Class: access.Operator, Name: "second"}, key(t, 6))})
	changed := vouched(access.Key{Class: access.Supervisor, Name: "s2"}, 2)
	changed.Until = noon + 2*hour
	for _, tt := range []struct {
		name         string
		key          access.Key
		legal, seals bool
	}{
		{"the operator's", vouched(access.Key{Class: access.Supervisor, Name: "s2"}, 2), true, true},
		{"another operator's", vouched(access.Key{Class: access.Supervisor, Name: "s2"}, 6), true, true},
		{"one with an end", vouched(access.Key{Class: access.Supervisor, Name: "s2", Since: noon, Until: noon + hour}, 2), true, true},
		{"one that begins later", vouched(access.Key{Class: access.Supervisor, Name: "s2", Since: noon + hour}, 2), true, false},
		{"a client", vouched(access.Key{Class: access.Client, Name: "s2"}, 2), true, false},
		{"without an operator", proved(access.Key{Class: access.Supervisor, Name: "s2"}, key(t, 9)), true, false},
		{"a supervisor's word", vouched(access.Key{Class: access.Supervisor, Name: "s2"}, 1), false, false},
		{"an operator who is gone", vouched(access.Key{Class: access.Supervisor, Name: "s2"}, 5), false, false},
		{"for longer than was signed", changed, false, false},
	} {
		fact := event.Fact[access.Event]{Data: access.Admitted{Key: tt.key}, Version: s.Statements + 1, Seq: 10, At: noon + 1}
		if err := access.Legal(s, fact); (err == nil) != tt.legal {
			t.Errorf("%s: %v", tt.name, err)
		}
		seal := signing.Seal{Key: id(t, 9), First: 10, Statements: s.Statements}
		got, ok := s.Sealer(&seal, &fact, noon+1)
		if ok != tt.seals || ok && got != key(t, 9).Public() {
			t.Errorf("%s: seals %v, want %v", tt.name, ok, tt.seals)
		}
		if !tt.legal {
			continue
		}
		later := access.Evolve(s, fact)
		if _, ok := later.Sealer(&seal, nil, noon+1); ok != tt.seals {
			t.Errorf("%s: seals %v when asked later", tt.name, ok)
		}
		seal.First-- // the admission is not the commit's first event
		if _, ok := later.Sealer(&seal, nil, noon+1); ok {
			t.Errorf("%s: seals what stands before it", tt.name)
		}
	}
}

// What a key sealed is judged by the statements before it, whatever follows: a
// reader with all of them and one with those say the same.
func TestASealIsJudgedAsOfItsPlace(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := after(t, access.State{}, noon, founding(t))
		past := []access.State{{}, s}
		at := noon
		next := byte(20)
		for range rapid.IntRange(1, 12).Draw(rt, "statements") {
			at += event.Time(rapid.IntRange(0, 3).Draw(rt, "later"))
			one := rapid.ByteRange(21, max(21, next)).Draw(rt, "key")
			var e access.Event
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				e = access.Revoked{Key: id(t, one)}
			case 1:
				e = access.Rotation("horus", key(t, one), key(t, next+1), at+event.Time(rapid.IntRange(0, 3).Draw(rt, "until")))
				next++
			default:
				k := access.Key{Class: access.Supervisor, Name: "s2", Until: at + event.Time(rapid.IntRange(0, 9).Draw(rt, "end"))}
				e = access.Admitted{Key: proved(k, key(t, next+1))}
				next++
			}
			if access.Legal(s, event.Fact[access.Event]{Data: e, Version: s.Statements + 1, At: at}) == nil {
				s = after(t, s, at, e)
				past = append(past, s)
			}
		}
		for n, then := range past[1:] {
			for one := range next - 20 {
				seal := signing.Seal{Key: id(t, 21+one), First: 99, Statements: uint64(n) + 1}
				for when := noon; when < at+10; when++ {
					_, want := then.Key(access.Supervisor, seal.Key, when)
					if _, got := then.Sealer(&seal, nil, when); got != want {
						rt.Fatalf("key %d after %d statements: %v, want %v", 21+one, n+1, got, want)
					}
					if _, got := s.Sealer(&seal, nil, when); got != want {
						rt.Fatalf("key %d after all statements, of %d: %v, want %v", 21+one, n+1, got, want)
					}
				}
			}
		}
	})
}

// Who signs with a key of the one algorithm may go on with one of the other, but
// only to sign jobs.
func TestRotationToAnotherAlgorithm(t *testing.T) {
	s := founded(t)
	events, err := access.Decide(s, access.Rotate{Rotated: access.Rotation("horus", key(t, 3), ecKey(t, 9), noon), At: noon})
	if err != nil || len(events) != 1 {
		t.Fatalf("a client's: %v, %v", events, err)
	}
	s = after(t, s, noon, events...)
	if events, err = access.Decide(s, access.Rotate{Rotated: access.Rotation("horus", ecKey(t, 9), key(t, 8), noon), At: noon}); err != nil || len(events) != 1 {
		t.Errorf("and back: %v, %v", events, err)
	}
	_, err = access.Decide(s, access.Rotate{Rotated: access.Rotation("horus", key(t, 4), ecKey(t, 7), noon), At: noon})
	if domain.ReasonOf(err) != "key" {
		t.Errorf("a runner's: %v", err)
	}
}
