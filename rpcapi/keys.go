package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type addKeyParams struct {
	wire.AddKey
	secret
}

func addKeyInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "keys.add", Mutates: true, Result: "key",
		Summary: "Admit a public key.",
		Description: "From the statement in the answer on, the key may sign jobs (client), report (runner) or seal (supervisor). " +
			"Whoever asks proves to hold the key: `proof` is its signature over its own admission.",
		Errors: []domain.Code{domain.Invalid, domain.Conflict, domain.TooLarge, domain.TryAgain, domain.Indeterminate},
		Examples: []jsonrpc.Example{{
			Name: "a client's key",
			Params: addKeyParams{AddKey: wire.AddKey{
				Class: access.Client, Name: "alice",
				PublicKey: "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1",
				Proof:     "cmD/+fY79FEmxMs3JaZh5cobxNbsOQYjtNCDX4/TDhjzy0J+gQjJOHs5OyDiMZHi82Q6S0OLwe+CIQy4/bp+Cw==",
			}},
			Result: wire.KeyAdded{KeyID: "b62e867fa2f33afe62d5d6b1642e1621", Statement: 2},
		}},
	}
}

func (a *API) addKey(ctx context.Context, p addKeyParams) (wire.KeyAdded, error) {
	key, err := admission(p.AddKey)
	if err != nil {
		return wire.KeyAdded{}, err
	}
	added := wire.KeyAdded{KeyID: key.Public.ID()}
	err = a.state(ctx, func(tx *eventstore.Tx, by eventstore.By) error {
		happened, err := tx.DecideAccess(by, access.Admit{Key: key, At: tx.Now()})
		k, _ := tx.Access().Find(added.KeyID)
		added.Statement, added.Duplicate = k.Number, !happened
		return err
	})
	return added, err
}

// admission reads what is asked for. A key that is none and a proof that is
// none have the same reason as a proof that does not hold.
func admission(p wire.AddKey) (access.Key, error) {
	key := access.Key{Class: p.Class, Since: p.Since, Until: p.Until}
	var err error
	if key.Name, err = domain.ParseName(p.Name); err != nil {
		return key, within("/name", err)
	}
	if key.Public, err = signing.ParsePublicKey(p.PublicKey); err != nil {
		return key, within("/public_key", err)
	}
	if key.Kinds, err = namesOf("/kinds", p.Kinds); err != nil {
		return key, err
	}
	if key.Proof, err = signing.ParseSignature(p.Proof); err != nil {
		return key, within("/proof", domain.Errorf(domain.Invalid, "key",
			"proof is the key's signature over its admission, 64 bytes in standard base64"))
	}
	return key, nil
}

type keysParams struct {
	wire.KeyQuery
	secret
}

func keysInfo() jsonrpc.Info {
	founding := event.BySystem("founding")
	return jsonrpc.Info{
		Name: "keys.list", Result: "keys",
		Summary:     "List every key that the history speaks of.",
		Description: "By class and name, with those that ended or were revoked: keys are never forgotten.",
		Examples: []jsonrpc.Example{{
			Name:   "the keys of the founding",
			Params: keysParams{},
			Result: wire.Keys{Founding: exampleFounding, Keys: []wire.Key{
				{
					KeyID: "6a3803d5f059902a1c6dafbc9ba47292", State: wire.KeyStateHolds, Class: access.Operator, Name: "operator",
					PublicKey: "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394", Algorithm: signing.Ed25519, Statement: 1, AdmittedBy: founding,
				},
				{
					KeyID: "34750f98bd59fcfc946da45aaabe933b", State: wire.KeyStateHolds, Class: access.Supervisor, Name: "s1",
					PublicKey: "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c", Algorithm: signing.Ed25519, Statement: 1, AdmittedBy: founding,
				},
			}},
		}},
	}
}

func (a *API) keys(ctx context.Context, p keysParams) (wire.Keys, error) {
	state, err := a.cfg.Backend.System.Access(ctx)
	if err != nil {
		return wire.Keys{}, err
	}
	info, err := a.cfg.Backend.System.Info(ctx)
	if err != nil {
		return wire.Keys{}, err
	}
	now := event.At(a.cfg.Clock())
	list := wire.Keys{Founding: info.Founding, Keys: []wire.Key{}}
	for _, k := range state.Keys() {
		if p.Class == "" || p.Class == k.Class {
			list.Keys = append(list.Keys, keyView(&k, now))
		}
	}
	return list, nil
}

func keyView(k *access.Standing, now event.Time) wire.Key {
	view := wire.Key{
		KeyID: k.ID, State: standing(k, now), Class: k.Class, Name: k.Name, Kinds: k.Kinds, Since: k.Since, Until: k.Ends,
		RotatedTo: k.RotatedTo, Reason: k.Reason, Statement: k.Number, AdmittedBy: k.By,
	}
	if !k.Public.IsZero() {
		view.PublicKey, view.Algorithm = k.Public.String(), k.Public.Algorithm()
	}
	return view
}

// standing is a key's state at a time, in a word.
func standing(k *access.Standing, now event.Time) string {
	switch {
	case k.Revoked():
		return wire.KeyStateRevoked
	case now < k.Since:
		return wire.KeyStateNotYet
	case !k.Ends.IsZero() && now > k.Ends:
		return wire.KeyStateEnded
	}
	return wire.KeyStateHolds
}
