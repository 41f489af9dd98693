package rpcapi

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type addSecretParams struct {
	wire.AddSecret
	secret
}

// exampleSecret is the API key that is made of bytes which are all 7.
const exampleSecret = "horus_0707070707070707_0707070707070707070707070707070707070707070707070707070707070707"

func addSecretInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "secrets.add", Mutates: true, Result: "secret",
		Summary: "Make an API key.",
		Description: "The key is in the answer and never shown again: the history, which names who added it, keeps a salted hash. " +
			"It is good at every supervisor from the answer on. " +
			"With `runners` or `kinds` its holder may submit, read, stop and delete the jobs of these queues alone, and is told of no others.\n\n" +
			"A name is taken until its key is removed. Where the answer was lost (-32009, -32013), remove the key and make another.",
		Errors: []domain.Code{domain.Invalid, domain.Conflict, domain.TooLarge, domain.TryAgain, domain.Indeterminate},
		Examples: []jsonrpc.Example{{
			Name:   "for a build server that runs shell jobs",
			Params: addSecretParams{AddSecret: wire.AddSecret{Name: "builds", Scope: User, Kinds: []string{"sh"}}},
			Result: wire.SecretAdded{Name: "builds", Scope: User, Key: exampleSecret, Statement: 2},
		}},
	}
}

func (a *API) addSecret(ctx context.Context, p addSecretParams) (wire.SecretAdded, error) {
	key := access.APIKey{Scope: p.Scope, Until: p.Until}
	var err error
	if key.Name, err = domain.ParseName(p.Name); err != nil {
		return wire.SecretAdded{}, within("/name", err)
	}
	if key.Runners, err = namesOf("/runners", p.Runners); err != nil {
		return wire.SecretAdded{}, err
	}
	if key.Kinds, err = namesOf("/kinds", p.Kinds); err != nil {
		return wire.SecretAdded{}, err
	}
	text, err := a.makeSecret(&key)
	if err != nil {
		return wire.SecretAdded{}, err
	}
	statement, err := a.addAPIKey(ctx, key)
	return wire.SecretAdded{Name: key.Name, Scope: key.Scope, Key: text, Statement: statement}, err
}

// namesOf reads a list of names.
func namesOf(place string, words []string) (names []domain.Name, err error) {
	for _, word := range words {
		name, err := domain.ParseName(word)
		if err != nil {
			return nil, within(place, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// makeSecret gives an API key a secret, of which the text is the only copy.
func (a *API) makeSecret(key *access.APIKey) (text string, err error) {
	var random struct {
		id     [8]byte
		secret [32]byte
		salt   [16]byte
	}
	for _, part := range [][]byte{random.id[:], random.secret[:], random.salt[:]} {
		if _, err := io.ReadFull(a.cfg.Random, part); err != nil {
			return "", fmt.Errorf("make a secret: %w", err)
		}
	}
	text, key.Secret = access.Make(random.id, random.secret, random.salt)
	return text, nil
}

// addAPIKey has an API key recorded, and returns the number of the statement.
func (a *API) addAPIKey(ctx context.Context, key access.APIKey) (statement uint64, err error) {
	if a.entrance.keys.isConfigured(key.Name) {
		return 0, configured(key.Name)
	}
	err = a.state(ctx, func(tx *eventstore.Tx, by eventstore.By) error {
		_, err := tx.DecideAccess(by, access.AddAPIKey{Key: key, At: tx.Now()})
		statement = tx.Access().Statements
		return err
	})
	return statement, err
}

func configured(name domain.Name) error {
	return domain.Errorf(domain.Conflict, "configured",
		"the API key %s comes from the supervisor's configuration or state directory, which no call changes: change it there, and start the supervisor again", name)
}

func secretsInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "secrets.list", Result: "secrets",
		Summary:     "List the API keys, but for the secrets themselves.",
		Description: "By name: those of the history that were not removed, and those of the configuration and the state directory of the supervisor that answers.",
		Errors:      []domain.Code{domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "the key of the configuration and one that a call added",
			Params: none{},
			Result: wire.Secrets{Secrets: []wire.Secret{
				{
					Name: "builds", Scope: User, State: wire.SecretHolds, Source: wire.SecretFromHistory, Kinds: []domain.Name{"sh"},
					Statement: 2, AddedBy: event.ByAPIKey("ci"), AddedAt: exampleTime(),
				},
				{Name: "ci", Scope: Admin, State: wire.SecretHolds, Source: wire.SecretFromConfiguration},
			}},
		}},
	}
}

func (a *API) secrets(ctx context.Context, _ none) (wire.Secrets, error) {
	keys, err := a.cfg.Backend.System.Access(ctx)
	if err != nil {
		return wire.Secrets{}, err
	}
	now := event.At(a.cfg.Clock())
	list := wire.Secrets{Secrets: []wire.Secret{}}
	for _, k := range keys.APIKeys() {
		view := wire.Secret{
			Name: k.Name, Scope: k.Scope, State: wire.SecretHolds, Source: wire.SecretFromHistory, Chosen: k.Secret.Chosen(),
			Runners: k.Runners, Kinds: k.Kinds, Until: k.Until, Statement: k.Number, AddedBy: k.By, AddedAt: k.At,
		}
		if !k.Holds(now) {
			view.State = wire.SecretEnded
		}
		list.Secrets = append(list.Secrets, view)
	}
	for _, k := range a.cfg.Keys {
		list.Secrets = append(list.Secrets, wire.Secret{
			Name: domain.Name(k.Name), Scope: k.Scope, State: wire.SecretHolds, Source: wire.SecretFromConfiguration,
		})
	}
	slices.SortStableFunc(list.Secrets, func(a, b wire.Secret) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

type removeSecretParams struct {
	wire.RemoveSecret
	secret
}

func removeSecretInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "secrets.remove", Mutates: true, Result: "removed",
		Summary: "Make an API key good for nothing.",
		Description: "The supervisor that leads refuses it from the answer on, the others a second later at most. Calls that are on their way are answered. " +
			"Keys of a supervisor's configuration and state directory cannot be removed by a call, so nobody is locked out.",
		Errors: []domain.Code{domain.Invalid, domain.NotFound, domain.Conflict, domain.TryAgain, domain.Indeterminate},
		Examples: []jsonrpc.Example{{
			Name:   "a key that was seen in a log",
			Params: removeSecretParams{RemoveSecret: wire.RemoveSecret{Name: "builds", Reason: "it was in a log"}},
			Result: wire.SecretRemoved{Name: "builds", Statement: 3},
		}},
	}
}

func (a *API) removeSecret(ctx context.Context, p removeSecretParams) (wire.SecretRemoved, error) {
	name, err := domain.ParseName(p.Name)
	if err != nil {
		return wire.SecretRemoved{}, within("/name", err)
	}
	statement, err := a.removeAPIKey(ctx, name, p.Reason, func(access.GrantedKey) bool { return true })
	return wire.SecretRemoved{Name: name, Statement: statement}, err
}

// removeAPIKey has an API key removed, if it is the one that is meant.
func (a *API) removeAPIKey(ctx context.Context, name domain.Name, reason string, meant func(access.GrantedKey) bool) (statement uint64, err error) {
	err = a.state(ctx, func(tx *eventstore.Tx, by eventstore.By) error {
		key, known := tx.Access().APIKey(name)
		switch {
		case !known && a.entrance.keys.isConfigured(name):
			return configured(name)
		case known && !meant(key):
			return noSecret()
		}
		_, err := tx.DecideAccess(by, access.RemoveAPIKey{Removed: access.APIKeyRemoved{Name: name, Reason: reason}})
		statement = tx.Access().Statements
		return err
	})
	return statement, err
}

func noSecret() error {
	return domain.Errorf(domain.NotFound, "api_key_unknown", "there is no such API key")
}
