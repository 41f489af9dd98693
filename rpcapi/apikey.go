package rpcapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/herocode/horus/domain"
)

// APIKey is a secret of the supervisor's own configuration that lets its holder
// call, known by its digest alone. No call changes it; those that calls add are
// in the history.
type APIKey struct {
	Name   string // stands in the history for who vouched for an unsigned job
	Scope  Scope
	Digest [sha256.Size]byte // of the secret
}

// NewAPIKey makes the key of a secret. The secret is not kept.
func NewAPIKey(name string, scope Scope, secret string) (APIKey, error) {
	if secret == "" {
		return APIKey{}, fmt.Errorf("API key %q: the secret is empty", name)
	}
	key := APIKey{Name: name, Scope: scope, Digest: sha256.Sum256([]byte(secret))}
	return key, key.check()
}

func (k *APIKey) check() error {
	if _, err := domain.ParseName(k.Name); err != nil {
		return fmt.Errorf("API key %q: %w", k.Name, err)
	}
	switch k.Scope {
	case Admin, User, Registrar:
	default:
		return fmt.Errorf("API key %q: scope is %q; it is %q, %q or %q", k.Name, k.Scope, Admin, User, Registrar)
	}
	if k.Digest == [sha256.Size]byte{} {
		return errors.New("API key " + k.Name + ": no digest")
	}
	return nil
}

// findKey returns the key of a secret, nil if there is none. It takes the same
// time whichever key it is, and whether it is any.
func findKey(keys []APIKey, secret string) *APIKey {
	digest := sha256.Sum256([]byte(secret))
	var found *APIKey
	for i := range keys {
		if subtle.ConstantTimeCompare(keys[i].Digest[:], digest[:]) == 1 {
			found = &keys[i]
		}
	}
	return found
}
