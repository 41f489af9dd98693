package rpcapi

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
)

// This file is for clients that choose their secrets, as the original had them
// do. They name no keys: a secret is known by itself.

// keepSecret makes a secret that somebody chose an API key. One that is kept
// already in that scope changes nothing.
func (a *API) keepSecret(ctx context.Context, scope Scope, text string) error {
	owner, err := a.owner(ctx, text)
	switch {
	case err != nil:
		return err
	case owner.known() && owner.Scope == scope && !owner.bound():
		return nil
	case owner.known():
		return within("/secret_value", domain.Errorf(domain.Conflict, "secret_taken", "the secret is that of an API key with other rights: choose another one"))
	}
	var random struct {
		name [4]byte
		salt [16]byte
	}
	for _, part := range [][]byte{random.name[:], random.salt[:]} {
		if _, err := io.ReadFull(a.cfg.Random, part); err != nil {
			return fmt.Errorf("keep a secret: %w", err)
		}
	}
	key := access.APIKey{Name: domain.Name(string(scope) + "-" + hex.EncodeToString(random.name[:])), Scope: scope}
	done, err := a.entrance.keys.turn(ctx)
	if err != nil {
		return err
	}
	key.Secret, err = access.Choose(text, random.salt, access.Costly())
	done()
	if err != nil {
		return within("/secret_value", err)
	}
	_, err = a.addAPIKey(ctx, key)
	return err
}

// dropSecret removes the API key of a secret.
func (a *API) dropSecret(ctx context.Context, scope Scope, text string) error {
	owner, err := a.owner(ctx, text)
	switch {
	case err != nil:
		return err
	case !owner.known() || owner.Scope != scope:
		return noSecret()
	case owner.number == 0:
		return configured(domain.Name(owner.Name))
	}
	_, err = a.removeAPIKey(ctx, domain.Name(owner.Name), "", func(k access.GrantedKey) bool { return k.Number == owner.number })
	return err
}

// owner returns who shows a secret, for those who may know.
func (a *API) owner(ctx context.Context, text string) (holder, error) {
	return a.entrance.keys.find(ctx, text, func() error { return nil })
}

// verified is what an API key is good for.
type verified struct {
	Valid bool   `json:"valid"`
	Name  string `json:"name" doc:"Empty when the key is not valid."`
	Scope Scope  `json:"scope" doc:"admin, user or registrar; empty when the key is not valid."`
}

// verify tells whether a key lets its holder call. Whoever asks is limited as
// one who calls with it.
func (a *API) verify(ctx context.Context, text string) (verified, error) {
	who, err := a.entrance.authenticate(ctx, text)
	if domain.CodeOf(err) == domain.Unauthenticated {
		return verified{}, nil
	}
	return verified{Valid: err == nil, Name: who.Name, Scope: who.Scope}, err
}
