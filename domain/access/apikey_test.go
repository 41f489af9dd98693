package access_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
)

// light is the least that a check may cost: tests make many.
func light() access.Cost { return access.Cost{Time: 1, Memory: 8 << 10, Threads: 1} }

// secretOf makes the secret of a number.
func secretOf(n byte) (text string, s access.Secret) {
	return access.Make([8]byte{n}, [32]byte{n, 1}, [16]byte{n, 2})
}

func chosen(t testing.TB, text string) access.Secret {
	t.Helper()
	s, err := access.Choose(text, [16]byte{7}, light())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Only the whole secret is the secret, and no secret can be read out of what is
// kept of it.
func TestASecretMatchesItselfAlone(t *testing.T) {
	text, made := secretOf(1)
	other, _ := secretOf(2)
	for name, c := range map[string]struct {
		kept access.Secret
		text string
		want bool
	}{
		"made":              {made, text, true},
		"made, another":     {made, other, false},
		"made, its id":      {made, text[:22], false},
		"made, in capitals": {made, strings.ToUpper(text), false},
		"made, nothing":     {made, "", false},
		"chosen":            {chosen(t, "correct horse"), "correct horse", true},
		"chosen, almost":    {chosen(t, "correct horse"), "correct horsf", false},
		"chosen, nothing":   {chosen(t, "correct horse"), "", false},
		"another salt's":    {access.Secret{ID: made.ID, Salt: [16]byte{9}, Hash: made.Hash}, text, false},
	} {
		if got := c.kept.Matches(c.text); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if kept := string(access.APIKeyAdded{Key: access.APIKey{Secret: c.kept}}.AppendData(nil)); c.text != "" && strings.Contains(kept, c.text) {
			t.Errorf("%s: %s holds the secret", name, kept)
		}
	}
	if id, ok := access.MadeID(text); !ok || id != made.ID {
		t.Errorf("the id within %s is %s", text, id)
	}
	for _, text := range []string{"", "horus_", text + "0", "x" + text, strings.ToUpper(text), text[:30], text + "\n"} {
		if id, ok := access.MadeID(text); ok {
			t.Errorf("%q is one that Horus made, with the id %s", text, id)
		}
	}
}

func TestChoosing(t *testing.T) {
	made, _ := secretOf(1)
	for name, c := range map[string]struct {
		text   string
		cost   access.Cost
		reason string
	}{
		"a word":               {text: "12345678", cost: light()},
		"as it is kept now":    {text: strings.Repeat("é", 512), cost: access.Costly()},
		"a short one":          {text: "1234567", cost: light(), reason: "secret"},
		"a long one":           {text: strings.Repeat("x", 1025), cost: light(), reason: "secret"},
		"one that Horus made":  {text: made, cost: light(), reason: "secret"},
		"at no cost":           {text: "12345678", reason: "cost"},
		"without memory":       {text: "12345678", cost: access.Cost{Time: 1, Memory: 1, Threads: 1}, reason: "cost"},
		"with all memory":      {text: "12345678", cost: access.Cost{Time: 1, Memory: 1 << 30, Threads: 1}, reason: "cost"},
		"for ever":             {text: "12345678", cost: access.Cost{Time: 1 << 30, Memory: 8 << 10, Threads: 1}, reason: "cost"},
		"with all other cores": {text: "12345678", cost: access.Cost{Time: 1, Memory: 8 << 10, Threads: 255}, reason: "cost"},
	} {
		if _, err := access.Choose(c.text, [16]byte{}, c.cost); domain.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want the reason %q", name, err, c.reason)
		}
	}
}

func TestAddingAndRemovingAPIKeys(t *testing.T) {
	_, first := secretOf(1)
	_, second := secretOf(2)
	add := func(edit func(*access.APIKey)) access.AddAPIKey {
		k := access.APIKey{Name: "ci", Scope: access.User, Secret: second}
		edit(&k)
		return access.AddAPIKey{Key: k, At: noon}
	}
	remove := func(name domain.Name, reason string) access.RemoveAPIKey {
		return access.RemoveAPIKey{Removed: access.APIKeyRemoved{Name: name, Reason: reason}}
	}
	for _, tt := range []struct {
		name   string
		when   access.Command
		reason string
	}{
		{name: "a key", when: add(func(*access.APIKey) {})},
		{name: "an admin's", when: add(func(k *access.APIKey) { k.Scope = access.Admin })},
		{name: "a bound one", when: add(func(k *access.APIKey) { k.Runners, k.Kinds = names("r1"), names("sh", "sal") })},
		{name: "until this very moment", when: add(func(k *access.APIKey) { k.Until = noon })},
		{name: "a chosen one", when: add(func(k *access.APIKey) { k.Secret = chosen(t, "correct horse") })},
		{name: "one that is there", when: add(func(k *access.APIKey) { k.Name = "ops" }), reason: "api_key_taken"},
		{name: "with another's secret", when: add(func(k *access.APIKey) { k.Secret = first }), reason: "api_key_taken"},
		{name: "without a name", when: add(func(k *access.APIKey) { k.Name = "" }), reason: "name"},
		{name: "without a scope", when: add(func(k *access.APIKey) { k.Scope = "" }), reason: "scope"},
		{name: "without a secret", when: add(func(k *access.APIKey) { k.Secret = access.Secret{} }), reason: "cost"},
		{name: "with an id that is none", when: add(func(k *access.APIKey) { k.Secret.ID = "00C0FFEE12345678" }), reason: "secret_id"},
		{name: "that ended", when: add(func(k *access.APIKey) { k.Until = noon - 1 }), reason: "until"},
		{name: "an admin's that is bound", when: add(func(k *access.APIKey) { k.Scope, k.Kinds = access.Admin, names("sh") }), reason: "bound"},
		{name: "a registrar's that is bound", when: add(func(k *access.APIKey) { k.Scope, k.Runners = access.Registrar, names("r1") }), reason: "bound"},
		{name: "bound to too much", when: add(func(k *access.APIKey) { k.Kinds = make([]domain.Name, 17) }), reason: "bound"},
		{name: "bound to nobody", when: add(func(k *access.APIKey) { k.Runners = names("R1") }), reason: "name"},
		{name: "remove one", when: remove("ops", "it was in a log")},
		{name: "remove one that there is not", when: remove("ci", ""), reason: "api_key_unknown"},
		{name: "remove one for two lines", when: remove("ops", "a\nb"), reason: "reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := after(t, founded(t), noon, access.APIKeyAdded{Key: access.APIKey{Name: "ops", Scope: access.Admin, Secret: first}})
			var said access.Event
			switch c := tt.when.(type) { //nolint:gochecksumtype // no others are asked here
			case access.AddAPIKey:
				said = access.APIKeyAdded{Key: c.Key}
			case access.RemoveAPIKey:
				said = c.Removed
			}
			next, n, err := decided(t, s, tt.when, said)
			if (n == 1) != (tt.reason == "") || domain.ReasonOf(err) != tt.reason {
				t.Fatalf("%d events, %v; want the reason %q", n, err, tt.reason)
			}
			if k, ok := s.APIKeyOf(first.ID); !ok || k.Name != "ops" || len(s.APIKeys()) != 1 {
				t.Errorf("what follows changed what was: %+v", s.APIKeys())
			}
			if n == 0 {
				return
			}
			for _, k := range next.APIKeys() {
				if found, ok := next.APIKey(k.Name); !ok || found.Number != k.Number {
					t.Errorf("%s is listed and not found", k.Name)
				}
			}
		})
	}
	if _, err := access.Decide(access.State{}, add(func(*access.APIKey) {})); domain.ReasonOf(err) != "not_founded" {
		t.Errorf("before the founding: %v", err)
	}
}

// A name that is free again belongs to another key, which the old secret does not
// open.
func TestANameIsGivenAgain(t *testing.T) {
	_, first := secretOf(1)
	_, second := secretOf(2)
	s := after(t, founded(t), noon,
		access.APIKeyAdded{Key: access.APIKey{Name: "ci", Scope: access.User, Secret: first}},
		access.APIKeyRemoved{Name: "ci"},
		access.APIKeyAdded{Key: access.APIKey{Name: "ci", Scope: access.Registrar, Secret: second}})
	if _, ok := s.APIKeyOf(first.ID); ok {
		t.Error("the removed key is known")
	}
	if k, ok := s.APIKeyOf(second.ID); !ok || k.Number != 6 || k.Scope != access.Registrar {
		t.Errorf("the new one is %+v", k)
	}
}

// However many keys come and go, there is an end to all.
func TestAPIKeysAreBounded(t *testing.T) {
	add := func(s access.State, n int, secret access.Secret) (access.State, error) {
		events, err := access.Decide(s, access.AddAPIKey{Key: access.APIKey{Name: domain.Name(fmt.Sprint("k", n)), Scope: access.User, Secret: secret}, At: noon})
		for _, e := range events {
			s = access.Evolve(s, event.Fact[access.Event]{Data: e, Version: s.Statements + 1, At: noon})
		}
		return s, err
	}
	var err error
	s, kept := founded(t), chosen(t, "correct horse")
	for n := range access.MaxChosenKeys {
		if s, err = add(s, n, kept); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := add(s, access.MaxChosenKeys, kept); domain.ReasonOf(err) != "api_keys" {
		t.Errorf("one more chosen secret: %v", err)
	}
	for n := access.MaxChosenKeys; n < access.MaxAPIKeys; n++ {
		if s, err = add(s, n, access.Secret{ID: fmt.Sprintf("%016x", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := add(s, access.MaxAPIKeys, access.Secret{ID: fmt.Sprintf("%016x", access.MaxAPIKeys)}); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("one more: %v", err)
	}
	s = founded(t)
	for n := range access.MaxAPIKeysEver {
		if s, err = add(s, n, access.Secret{ID: fmt.Sprintf("%016x", n)}); err != nil {
			t.Fatal(err)
		}
		s = access.Evolve(s, event.Fact[access.Event]{Data: access.APIKeyRemoved{Name: domain.Name(fmt.Sprint("k", n))}, Version: s.Statements + 1})
	}
	if _, err := add(s, 0, access.Secret{ID: "00c0ffee12345678"}); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("one after all that there ever were: %v", err)
	}
}
