package access

import (
	"cmp"
	"maps"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// Limits of API keys.
const (
	// MaxAPIKeys bounds the API keys that there are at a time.
	MaxAPIKeys = 1_000
	// MaxAPIKeysEver bounds those that were ever added: every supervisor and
	// runner reads all statements.
	MaxAPIKeysEver = 10_000
	// MaxChosenKeys bounds those with a secret that somebody chose: a secret that
	// is not known yet costs one check for each of them.
	MaxChosenKeys = 16
)

// APIKey is a secret that lets its holder call, and what for.
type APIKey struct {
	Name    domain.Name // stands in the history for whoever shows the secret
	Scope   Scope
	Runners []domain.Name // with Kinds: whose jobs alone the holder may touch; both empty: all
	Kinds   []domain.Name
	Until   event.Time // last instant at which it holds; zero: until it is removed
	Secret  Secret
}

// Scope says what the holder of an API key may do.
type Scope string

// The scopes.
const (
	Admin     Scope = "admin"     // everything
	User      Scope = "user"      // jobs, and looking
	Registrar Scope = "registrar" // register runners, and nothing else
)

// ParseScope reads a scope's word.
func ParseScope(s string) (Scope, error) {
	switch c := Scope(s); c {
	case Admin, User, Registrar:
		return c, nil
	}
	return "", domain.Errorf(domain.Invalid, "scope", "a scope is admin, user or registrar")
}

// GrantedKey is an API key that was not removed, with who added it.
type GrantedKey struct {
	APIKey
	Number uint64 // of the statement that added it; no two keys have one
	By     event.Actor
	At     event.Time
}

// Holds reports whether the key holds at a time.
func (k *APIKey) Holds(at event.Time) bool { return k.Until.IsZero() || at <= k.Until }

// Bound reports whether the holder may touch jobs of some runners or kinds alone.
func (k *APIKey) Bound() bool { return len(k.Runners)+len(k.Kinds) > 0 }

// AddAPIKey asks for an API key to let its holder call.
type AddAPIKey struct {
	Key APIKey
	At  event.Time
}

// RemoveAPIKey asks for an API key to be good for nothing from here on.
type RemoveAPIKey struct{ Removed APIKeyRemoved }

func (AddAPIKey) accessCommand()    {}
func (RemoveAPIKey) accessCommand() {}

func decideAddAPIKey(s State, c AddAPIKey) ([]Event, error) {
	k := c.Key
	if s.Statements == 0 {
		return nil, notFounded()
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	if old, taken := s.api.byName[k.Name]; taken {
		return nil, domain.Errorf(domain.Conflict, "api_key_taken", "there is an API key %s of scope %s: remove it first, or choose another name", k.Name, old.Scope)
	}
	if _, taken := s.api.byID[k.Secret.ID]; taken && !k.Secret.Chosen() {
		return nil, domain.Errorf(domain.Conflict, "api_key_taken", "another API key has this secret's id: make a new secret")
	}
	if !k.Holds(c.At) {
		return nil, domain.Errorf(domain.Invalid, "until", "the API key's end has passed")
	}
	if err := s.api.room(&k); err != nil {
		return nil, err
	}
	return []Event{APIKeyAdded{k}}, nil
}

func decideRemoveAPIKey(s State, c RemoveAPIKey) ([]Event, error) {
	e := c.Removed
	if s.Statements == 0 {
		return nil, notFounded()
	}
	if _, err := parseReason(e.Reason); err != nil {
		return nil, err
	}
	if _, known := s.api.byName[e.Name]; !known {
		return nil, domain.Errorf(domain.NotFound, "api_key_unknown", "there is no API key of that name")
	}
	return []Event{e}, nil
}

// check refuses what could not be read back, and bounds where there are none.
func (k *APIKey) check() error {
	_, err1 := domain.ParseName(string(k.Name))
	_, err2 := ParseScope(string(k.Scope))
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	if k.Bound() && k.Scope != User || len(k.Runners) > maxKinds || len(k.Kinds) > maxKinds {
		return domain.Errorf(domain.Invalid, "bound", "an API key of scope user is bound to at most %d runners and %d kinds, another to none", maxKinds, maxKinds)
	}
	for _, names := range [][]domain.Name{k.Runners, k.Kinds} {
		for _, name := range names {
			if _, err := domain.ParseName(string(name)); err != nil {
				return err
			}
		}
	}
	return k.Secret.check()
}

// apiKeys are those that were not removed. A value is never changed.
type apiKeys struct {
	byName map[domain.Name]GrantedKey
	byID   map[string]domain.Name // of secrets that Horus made
	chosen []domain.Name          // those with other secrets, the oldest first
	ever   int                    // how many were added
}

func (a apiKeys) room(k *APIKey) error {
	switch {
	case len(a.byName) >= MaxAPIKeys:
		return domain.Errorf(domain.TooLarge, "api_keys", "the namespace has %d API keys, which is the limit: remove some", MaxAPIKeys)
	case a.ever >= MaxAPIKeysEver:
		return domain.Errorf(domain.TooLarge, "api_keys", "%d API keys were added to this namespace; that is the limit", MaxAPIKeysEver)
	case k.Secret.Chosen() && len(a.chosen) >= MaxChosenKeys:
		return domain.Errorf(domain.TooLarge, "api_keys", "the namespace has %d API keys with chosen secrets, which is the limit: have secrets made", MaxChosenKeys)
	}
	return nil
}

func (a apiKeys) with(k GrantedKey) apiKeys {
	a = a.copied()
	a.ever++
	a.byName[k.Name] = k
	if k.Secret.Chosen() {
		a.chosen = append(slices.Clip(a.chosen), k.Name)
	} else {
		a.byID[k.Secret.ID] = k.Name
	}
	return a
}

func (a apiKeys) without(name domain.Name) apiKeys {
	a = a.copied()
	k := a.byName[name]
	delete(a.byName, name)
	delete(a.byID, k.Secret.ID)
	a.chosen = slices.DeleteFunc(slices.Clone(a.chosen), func(chosen domain.Name) bool { return chosen == name })
	return a
}

func (a apiKeys) copied() apiKeys {
	byName, byID := make(map[domain.Name]GrantedKey, len(a.byName)+1), make(map[string]domain.Name, len(a.byID)+1)
	maps.Copy(byName, a.byName)
	maps.Copy(byID, a.byID)
	a.byName, a.byID = byName, byID
	return a
}

// APIKeys returns the API keys that were not removed, by name. Some may have
// ended.
func (s State) APIKeys() []GrantedKey {
	return slices.SortedFunc(maps.Values(s.api.byName), func(a, b GrantedKey) int { return cmp.Compare(a.Name, b.Name) })
}

// ChosenAPIKeys returns those with secrets that somebody chose, the oldest first.
func (s State) ChosenAPIKeys() []GrantedKey {
	keys := make([]GrantedKey, len(s.api.chosen))
	for i, name := range s.api.chosen {
		keys[i] = s.api.byName[name]
	}
	return keys
}

// APIKey returns the API key of a name, unless it was removed.
func (s State) APIKey(name domain.Name) (GrantedKey, bool) {
	k, ok := s.api.byName[name]
	return k, ok
}

// APIKeyOf returns the API key whose secret Horus made with that id. Whether
// somebody who shows a secret shows this one is for [Secret.Matches] to say.
func (s State) APIKeyOf(id string) (GrantedKey, bool) {
	name, ok := s.api.byID[id]
	if !ok {
		return GrantedKey{}, false
	}
	return s.APIKey(name)
}
