package client

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Admission makes what [Client.AddKey] sends: the public half of a key, and the
// proof, for one namespace ([Client.Info] names it), that whoever asks holds
// the other. Kinds, Since and Until may be set in what it returns.
func Admission(namespace string, class access.Class, name string, key signing.PrivateKey) wire.AddKey {
	k := access.Key{Class: class, Name: domain.Name(name), Public: key.Public()}
	return wire.AddKey{
		Class: class, Name: name, PublicKey: k.Public.String(),
		Proof: key.Sign(access.AdmissionText(domain.Name(namespace), k)).String(),
	}
}

// AddKey admits a key; see [Admission]. It needs an API key of scope admin.
func (c *Client) AddKey(ctx context.Context, k wire.AddKey) (added wire.KeyAdded, err error) {
	err = c.Call(ctx, "keys.add", k, &added)
	return added, err
}

// Keys returns every key of which the history speaks, with those that ended or
// were revoked. It needs an API key of scope admin.
func (c *Client) Keys(ctx context.Context, q wire.KeyQuery) (list wire.Keys, err error) {
	err = c.Call(ctx, "keys.list", q, &list)
	return list, err
}

// Rotation makes what [Client.RotateKey] sends: that next takes the place of
// old, which holds until then; both sign it. Asked again it must be the very
// same: until is part of it.
func Rotation(namespace string, old, next signing.PrivateKey, until event.Time) wire.RotateKey {
	e := access.Rotation(domain.Name(namespace), old, next, until)
	return wire.RotateKey{
		Old: string(e.Old), Key: e.Key.String(), Until: e.Until, Proof: e.Proof.String(), By: e.By.String(),
	}
}

// RotateKey lets a key take the place of another; see [Rotation]. It needs an
// API key of scope admin.
func (c *Client) RotateKey(ctx context.Context, r wire.RotateKey) (rotated wire.KeyRotated, err error) {
	err = c.Call(ctx, "keys.rotate", r, &rotated)
	return rotated, err
}

// RevokeKey makes a key, admitted or not, good for nothing. The reason is for
// people, in one line of at most 200 bytes, and may be empty. It needs an API
// key of scope admin.
func (c *Client) RevokeKey(ctx context.Context, id signing.KeyID, reason string) (revoked wire.KeyRevoked, err error) {
	err = c.Call(ctx, "keys.revoke", wire.RevokeKey{KeyID: string(id), Reason: reason}, &revoked)
	return revoked, err
}
