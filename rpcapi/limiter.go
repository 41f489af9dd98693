package rpcapi

import (
	"slices"
	"sync"
	"time"
)

// How many wrong secrets an address may send: a burst of maxFailures, and one
// more every failureEvery.
const (
	maxFailures  = 10
	failureEvery = time.Second
	// maxAddresses bounds what is remembered; above it, any one is forgotten.
	maxAddresses = 4096
	// maxUsed bounds the keys that are remembered of an address; above it, the
	// one that was used first is forgotten.
	maxUsed = 64
)

// limiter keeps whoever guesses secrets from guessing often. It is a token
// bucket an address.
type limiter struct {
	mu sync.Mutex

	addresses map[string]*record
}

// record is what is known of an address.
type record struct {
	full time.Time  // when the bucket will be full again
	used []identity // keys that were used from there
}

func newLimiter() *limiter { return &limiter{addresses: map[string]*record{}} }

// wait returns how long whoever shows this key, none if it is not known, must
// wait before an answer.
func (l *limiter) wait(address string, key identity, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.addresses[address]
	if r == nil || key != (identity{}) && slices.Contains(r.used, key) {
		return 0
	}
	const room = (maxFailures - 1) * failureEvery // one token is left
	return max(r.full.Add(-room).Sub(now), 0)
}

// failed takes a token.
func (l *limiter) failed(address string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(address)
	if r.full.Before(now) {
		r.full = now
	}
	r.full = r.full.Add(failureEvery)
}

// passed remembers that a key was used from an address.
func (l *limiter) passed(address string, key identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(address)
	if slices.Contains(r.used, key) {
		return
	}
	if len(r.used) == maxUsed {
		r.used = slices.Delete(r.used, 0, 1)
	}
	r.used = append(r.used, key)
}

func (l *limiter) of(address string) *record {
	r := l.addresses[address]
	if r == nil {
		if len(l.addresses) >= maxAddresses {
			l.forget()
		}
		r = &record{}
		l.addresses[address] = r
	}
	return r
}

// forget drops one address; a map yields them in no order.
func (l *limiter) forget() {
	for address := range l.addresses {
		delete(l.addresses, address)
		return
	}
}
