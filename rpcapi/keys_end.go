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

type rotateKeyParams struct {
	wire.RotateKey
	secret
}

func rotateKeyInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "keys.rotate", Mutates: true, Result: "key",
		Summary: "Let a key take the place of another.",
		Description: "From the statement in the answer on the new key holds, and until `until` the old one does, too. " +
			"Both sign that they want it. What the old key signed or sealed before its end stays good.",
		Errors: []domain.Code{
			domain.Invalid, domain.NotFound, domain.Conflict, domain.Expired, domain.TooLarge, domain.TryAgain, domain.Indeterminate,
		},
		Examples: []jsonrpc.Example{{
			Name: "the supervisor's key, and an hour for it to change",
			Params: rotateKeyParams{RotateKey: wire.RotateKey{
				Old: "34750f98bd59fcfc946da45aaabe933b", Key: "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1",
				Until: exampleTime() + 3600_000000,
				Proof: "toEI1K/wpU7eiDju5oaGX+j90qZqg6gAcflG+equ+OpCXoAJJ/yPuqtK9nS7+4jJUtPnd1y7sE3iYKp6HGKgCQ==",
				By:    "uaI3QYYHqZCK0cQHeZhfoOGqJjB0WtZqALUy2wMzVdg8seWjNomQE4vGoqa0rPEe2ZNiVia7FoePQPUc1OI6Ag==",
			}},
			Result: wire.KeyRotated{KeyID: "b62e867fa2f33afe62d5d6b1642e1621", Statement: 2},
		}},
	}
}

func (a *API) rotateKey(ctx context.Context, p rotateKeyParams) (wire.KeyRotated, error) {
	rotated, err := rotation(p.RotateKey)
	if err != nil {
		return wire.KeyRotated{}, err
	}
	done := wire.KeyRotated{KeyID: rotated.Key.ID()}
	err = a.state(ctx, func(tx *eventstore.Tx, by eventstore.By) error {
		happened, err := tx.DecideAccess(by, access.Rotate{Rotated: rotated, At: tx.Now()})
		k, _ := tx.Access().Find(rotated.Old)
		done.Statement, done.Duplicate = k.RotatedBy, !happened
		return err
	})
	return done, err
}

// rotation reads what is asked for. A signature that is none has the same reason
// as one that does not hold.
func rotation(p wire.RotateKey) (access.Rotated, error) {
	e := access.Rotated{Until: p.Until}
	var err error
	if e.Old, err = signing.ParseKeyID(p.Old); err != nil {
		return e, within("/old", err)
	}
	if e.Key, err = signing.ParsePublicKey(p.Key); err != nil {
		return e, within("/key", err)
	}
	if e.Until.IsZero() {
		return e, within("/until", domain.Errorf(domain.Invalid, "missing", "until is missing: say how long the old key holds"))
	}
	if e.Proof, err = signing.ParseSignature(p.Proof); err != nil {
		return e, within("/proof", unsignedRotation())
	}
	if e.By, err = signing.ParseSignature(p.By); err != nil {
		return e, within("/by", unsignedRotation())
	}
	return e, nil
}

func unsignedRotation() error {
	return domain.Errorf(domain.Invalid, "key",
		"proof and by are the new and the old key's signatures over the rotation, 64 bytes in standard base64")
}

type revokeKeyParams struct {
	wire.RevokeKey
	secret
}

func revokeKeyInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "keys.revoke", Mutates: true, Result: "key",
		Summary: "Make a key good for nothing, for ever.",
		Description: "Jobs that it signed and that are in the history still run; reports of a runner with it are refused, " +
			"and what a supervisor's key queued is queued again by the next leader, which costs a job no attempt. " +
			"The key of the leader may be revoked: this is then the last thing that it does.",
		Errors: []domain.Code{domain.Invalid, domain.TooLarge, domain.TryAgain, domain.Indeterminate},
		Examples: []jsonrpc.Example{{
			Name:   "a runner's key that was never admitted but used first",
			Params: revokeKeyParams{RevokeKey: wire.RevokeKey{KeyID: "b62e867fa2f33afe62d5d6b1642e1621", Reason: "its machine was stolen"}},
			Result: wire.KeyRevoked{KeyID: "b62e867fa2f33afe62d5d6b1642e1621", Statement: 2},
		}},
	}
}

func (a *API) revokeKey(ctx context.Context, p revokeKeyParams) (wire.KeyRevoked, error) {
	id, err := signing.ParseKeyID(p.KeyID)
	if err != nil {
		return wire.KeyRevoked{}, within("/key_id", err)
	}
	done := wire.KeyRevoked{KeyID: id}
	err = a.state(ctx, func(tx *eventstore.Tx, by eventstore.By) error {
		happened, err := tx.DecideAccess(by, access.Revoke{Revoked: access.Revoked{Key: id, Reason: p.Reason}})
		k, _ := tx.Access().Find(id)
		done.Statement, done.Duplicate = k.RevokedBy, !happened
		return err
	})
	return done, err
}

// state has the leader decide about a statement that the caller asks for.
func (a *API) state(ctx context.Context, decide func(tx *eventstore.Tx, by eventstore.By) error) error {
	by := eventstore.By{Actor: event.ByAPIKey(callerFrom(ctx).Name)}
	return a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
		Decide: func(tx *eventstore.Tx) error { return decide(tx, by) },
	})
}
