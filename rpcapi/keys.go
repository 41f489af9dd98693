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
	by := eventstore.By{Actor: event.ByAPIKey(callerFrom(ctx).Name)}
	added := wire.KeyAdded{KeyID: key.Public.ID()}
	err = a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		happened, err := tx.DecideAccess(by, access.Admit{Key: key, At: tx.Now()})
		added.Statement, added.Duplicate = tx.Access().Statements, !happened
		return err
	}})
	return added, err
}

// admission reads what is asked for. A key that is none and a proof that is
// none have the same reason as a proof that does not hold.
func admission(p wire.AddKey) (access.Key, error) {
	key := access.Key{Class: p.Class, Until: p.Until}
	var err error
	if key.Name, err = domain.ParseName(p.Name); err != nil {
		return key, within("/name", err)
	}
	if key.Public, err = signing.ParsePublicKey(p.PublicKey); err != nil {
		return key, within("/public_key", err)
	}
	for _, kind := range p.Kinds {
		name, err := domain.ParseName(kind)
		if err != nil {
			return key, within("/kinds", err)
		}
		key.Kinds = append(key.Kinds, name)
	}
	if key.Proof, err = signing.ParseSignature(p.Proof); err != nil {
		return key, within("/proof", domain.Errorf(domain.Invalid, "key",
			"proof is the key's signature over its admission, 64 bytes in standard base64"))
	}
	return key, nil
}

func keysInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "keys.list", Result: "keys",
		Summary: "List every key that was admitted.",
		Examples: []jsonrpc.Example{{
			Name:   "the keys of the founding",
			Params: none{},
			Result: wire.Keys{Keys: []wire.Key{
				{
					KeyID: "6a3803d5f059902a1c6dafbc9ba47292", Class: access.Operator, Name: "operator",
					PublicKey: "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
				},
				{
					KeyID: "34750f98bd59fcfc946da45aaabe933b", Class: access.Supervisor, Name: "s1",
					PublicKey: "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
				},
			}},
		}},
	}
}

func (a *API) keys(ctx context.Context, _ none) (wire.Keys, error) {
	access, err := a.cfg.Backend.System.Access(ctx)
	if err != nil {
		return wire.Keys{}, err
	}
	now := event.At(a.cfg.Clock())
	list := wire.Keys{Keys: []wire.Key{}}
	for _, k := range access.Keys() {
		list.Keys = append(list.Keys, wire.Key{
			KeyID: k.Public.ID(), Class: k.Class, Name: k.Name, PublicKey: k.Public.String(),
			Kinds: k.Kinds, Until: k.Until, Expired: !k.Until.IsZero() && now > k.Until,
		})
	}
	return list, nil
}
