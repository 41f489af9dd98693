package rpcapi

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

const (
	// StaleKeys is how long a supervisor that does not lead goes on with what it
	// knows of the API keys of the history: so late it may refuse one that was
	// removed. One that it does not know it looks up at once.
	StaleKeys = time.Second
	// maxChecks is how many callers may wait for a slow hash, of which one is
	// computed at a time: it takes a core and 19 MiB.
	maxChecks = 8
	// maxRefused bounds the wrong secrets that are remembered; above it, any one is
	// forgotten.
	maxRefused = 1024
)

// keyring knows the API keys that let somebody in: those of the configuration,
// and those of the history. It is safe for concurrent use.
type keyring struct {
	configured []APIKey
	leader     Leader
	system     System
	clock      func() time.Time

	pepper  [32]byte      // of the digests of secrets in memory
	slow    chan struct{} // held by whoever computes a slow hash
	waiting atomic.Int32

	looking sync.Mutex // held by whoever reads the statements

	mu sync.Mutex

	recent access.State      // as they were at looked
	looked time.Time         // zero: never
	shown  map[digest]digest // by what is kept of a chosen secret: of the secret, once it was shown
	wrong  map[digest]digest // by a secret: of all the chosen ones of which it is none
}

// digest tells secrets, or what is kept of them, apart.
type digest = [sha256.Size]byte

func newKeyring(cfg *Config) *keyring {
	k := &keyring{
		configured: cfg.Keys, leader: cfg.Backend.Leader, system: cfg.Backend.System, clock: cfg.Clock,
		slow: make(chan struct{}, 1), shown: map[digest]digest{}, wrong: map[digest]digest{},
	}
	_, _ = rand.Read(k.pepper[:]) // never fails
	return k
}

// holder is whoever shows the secret of an API key. The zero holder is nobody.
type holder struct {
	caller

	number uint64 // of the statement that added the key; 0: it is configured
}

// identity tells API keys apart, also those that had one name after each other.
type identity struct {
	name   string
	number uint64
}

func (h *holder) identity() identity { return identity{h.Name, h.number} }

func (h *holder) known() bool { return h.Name != "" }

// find finds who shows a secret. What costs something is not begun before
// permit allowed it, which is asked for secrets that are not known here yet.
func (k *keyring) find(ctx context.Context, secret string, permit func() error) (holder, error) {
	if c := findKey(k.configured, secret); c != nil {
		return holder{caller: caller{Name: c.Name, Scope: c.Scope}}, nil
	}
	arrived := k.clock()
	keys, fresh := k.keys(arrived)
	found := k.match(keys, secret)
	if found.known() && fresh {
		return found, nil
	}
	if !found.known() {
		if err := permit(); err != nil {
			return holder{}, err
		}
	}
	keys, err := k.look(ctx, arrived)
	if err != nil {
		return holder{}, err
	}
	if found = k.match(keys, secret); found.known() {
		return found, nil
	}
	return k.try(ctx, keys, secret)
}

// keys returns the statements that are at hand, and whether they are good
// enough: those of a leader are.
func (k *keyring) keys(now time.Time) (keys access.State, fresh bool) {
	if keys = k.leader.Access(); keys.Statements > 0 {
		return keys, true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.recent, !k.looked.IsZero() && now.Sub(k.looked) < StaleKeys
}

// look returns the statements with all that was stated before a time. Only one
// caller reads them, for all who wait meanwhile.
func (k *keyring) look(ctx context.Context, since time.Time) (access.State, error) {
	if keys := k.leader.Access(); keys.Statements > 0 {
		return keys, nil
	}
	k.looking.Lock()
	defer k.looking.Unlock()
	k.mu.Lock()
	keys, done := k.recent, k.looked.After(since)
	k.mu.Unlock()
	if done {
		return keys, nil
	}
	now := k.clock()
	keys, err := k.system.Access(ctx)
	if err != nil {
		return keys, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recent, k.looked = keys, now
	return keys, nil
}

// match finds whose secret it is as far as that costs nothing: one that Horus
// made, by its id, or a chosen one that was shown before.
func (k *keyring) match(keys access.State, secret string) holder {
	if id, made := access.MadeID(secret); made {
		key, known := keys.APIKeyOf(id)
		key.Secret.ID = id // an unknown one takes as long
		if key.Secret.Matches(secret) && known && key.Holds(event.At(k.clock())) {
			return granted(key)
		}
		return holder{}
	}
	given := k.digest(secret)
	var found holder
	for _, key := range keys.ChosenAPIKeys() {
		if shown, ever := k.remembered(&key); ever && hmac.Equal(shown[:], given[:]) && key.Holds(event.At(k.clock())) {
			found = granted(key)
		}
	}
	return found
}

// try computes the slow hash of a secret for each chosen one that was never shown
// here, and remembers what came of it.
func (k *keyring) try(ctx context.Context, keys access.State, secret string) (holder, error) {
	chosen, given := keys.ChosenAPIKeys(), k.digest(secret)
	if _, made := access.MadeID(secret); made || len(secret) < access.MinChosen || len(secret) > access.MaxSecret {
		return holder{}, nil
	}
	if k.wasWrong(given, chosen) {
		return holder{}, nil
	}
	done, err := k.turn(ctx)
	if err != nil {
		return holder{}, err
	}
	defer done()
	if found := k.match(keys, secret); found.known() || k.wasWrong(given, chosen) {
		return found, nil // somebody else has found that meanwhile
	}
	for _, key := range chosen {
		_, ever := k.remembered(&key) // and it is not this one, see match
		if !ever && key.Holds(event.At(k.clock())) && key.Secret.Matches(secret) {
			k.remember(&key, given, chosen)
			return granted(key), nil
		}
	}
	k.refuse(given, chosen)
	return holder{}, nil
}

// turn waits until nobody else computes a slow hash. done ends it.
func (k *keyring) turn(ctx context.Context) (done func(), err error) {
	defer k.waiting.Add(-1)
	if k.waiting.Add(1) > maxChecks {
		return nil, jsonrpc.RateLimited(time.Second)
	}
	select {
	case k.slow <- struct{}{}:
		return func() { <-k.slow }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// digest is what a secret is remembered by, of no use to who reads the memory of
// a process that ended.
func (k *keyring) digest(secret string) (d digest) {
	mac := hmac.New(sha256.New, k.pepper[:])
	mac.Write([]byte(secret))
	mac.Sum(d[:0])
	return d
}

// remembered returns the digest of a chosen secret, if that was ever shown.
func (k *keyring) remembered(key *access.GrantedKey) (shown digest, ever bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	shown, ever = k.shown[key.Secret.Hash]
	return shown, ever
}

// remember keeps that a chosen secret was shown, and forgets those that were
// removed.
func (k *keyring) remember(key *access.GrantedKey, given digest, chosen []access.GrantedKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	there := make(map[digest]digest, len(chosen))
	for _, c := range chosen {
		if shown, ever := k.shown[c.Secret.Hash]; ever {
			there[c.Secret.Hash] = shown
		}
	}
	there[key.Secret.Hash] = given
	k.shown = there
}

// wasWrong reports whether a secret was found to be none of the chosen ones.
func (k *keyring) wasWrong(given digest, chosen []access.GrantedKey) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	of, ever := k.wrong[given]
	return len(chosen) == 0 || ever && of == together(chosen)
}

func (k *keyring) refuse(given digest, chosen []access.GrantedKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.wrong) >= maxRefused {
		for oldest := range k.wrong { // or any other: a map yields them in no order
			delete(k.wrong, oldest)
			break
		}
	}
	k.wrong[given] = together(chosen)
}

// together is one digest for what is kept of several secrets.
func together(chosen []access.GrantedKey) digest {
	hash := sha256.New()
	for _, key := range chosen {
		hash.Write(key.Secret.Hash[:])
	}
	return digest(hash.Sum(nil))
}

func granted(key access.GrantedKey) holder {
	return holder{caller: caller{Name: string(key.Name), Scope: key.Scope, queues: queuesOf(&key.APIKey)}, number: key.Number}
}

// isConfigured reports whether a name is that of a configured key.
func (k *keyring) isConfigured(name domain.Name) bool {
	return slices.ContainsFunc(k.configured, func(c APIKey) bool { return c.Name == string(name) })
}
