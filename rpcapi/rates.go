package rpcapi

import (
	"sync"
	"time"
)

// maxPaced bounds how many callers' paces are remembered; above it, those of
// whoever rests are forgotten first.
const maxPaced = 4096

// rates keep one caller from calling for all. Each has a token bucket, which is
// remembered as the time when it will be full again.
type rates struct {
	every time.Duration // between two tokens
	burst time.Duration // that fills an empty bucket

	mu sync.Mutex

	full map[string]time.Time
}

// newRates allows so many calls a second, and as many at once.
func newRates(perSecond int) *rates {
	return &rates{every: time.Second / time.Duration(perSecond), burst: time.Second, full: map[string]time.Time{}}
}

// take takes a token, or returns how long a caller must wait for one.
func (r *rates) take(who string, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full, known := r.full[who]
	if !known && len(r.full) >= maxPaced {
		r.forget(now)
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(r.every)
	if over := full.Sub(now) - r.burst; over > 0 {
		return over
	}
	r.full[who] = full
	return 0
}

// forget drops everybody whose bucket is full, and at least one.
func (r *rates) forget(now time.Time) {
	for who, full := range r.full {
		if full.Before(now) {
			delete(r.full, who)
		}
	}
	for who := range r.full {
		if len(r.full) >= maxPaced {
			delete(r.full, who)
		}
		return
	}
}
