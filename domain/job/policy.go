package job

import (
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Policy says which attempts are followed by another one. Lost ones always are,
// at once; rejected ones never.
type Policy struct {
	MaxAttempts uint32
	OnError     bool // also after an error
	OnTimeout   bool // also after a timeout
	Backoff     Backoff
}

// Backoff says how long a failed attempt keeps the next one waiting: Initial
// after the first, Factor times as long after each further one, Max at most,
// less a jitter of up to half of it.
type Backoff struct {
	Initial time.Duration
	Factor  uint32
	Max     time.Duration
}

// Again is what a runner says about another attempt.
type Again uint8

// What a runner can say.
const (
	ByPolicy Again = iota // nothing: the job's policy decides
	Please                // try again, whatever failed
	Never
)

// after returns how long the next attempt waits, once failures attempts had
// failed before the one of that grant. The jitter is drawn from the first three
// bytes of the grant's hash: nobody chooses it, and an auditor can check it. It
// is reckoned in whole microseconds.
func (b Backoff) after(failures uint32, grant signing.Hash) time.Duration {
	delay := b.Initial.Microseconds()
	for range failures {
		if delay *= int64(b.Factor); delay >= b.Max.Microseconds() {
			break
		}
	}
	half := min(delay, b.Max.Microseconds()) / 2
	jitter := int64(grant[0])<<16 | int64(grant[1])<<8 | int64(grant[2])
	return time.Duration(half+half*jitter>>24) * time.Microsecond
}

// retries reports whether an attempt that ended so may be followed by another
// one, if any are left.
func (p *Policy) retries(kind FailureKind, say Again) bool {
	switch kind {
	case FailedLost:
		return true
	case FailedError:
		return say == Please || p.OnError && say != Never
	case FailedTimeout:
		return say == Please || p.OnTimeout && say != Never
	case FailedRejected, FailedExpired:
	}
	return false
}

// Retry returns when the next attempt is due, once the open one failed at an
// instant with what its runner says of another; ok is false when there is none.
// after is how long the runner wants it to wait, 0 to leave that to the policy.
func (s *State) Retry(kind FailureKind, say Again, after time.Duration, at event.Time) (due event.Time, ok bool) {
	if s.Status == Ending || !s.Policy.retries(kind, say) || s.Counted+1 >= s.Policy.MaxAttempts {
		return 0, false
	}
	if after == 0 || say != Please {
		after = s.Policy.Backoff.after(s.Counted, s.Token)
	}
	due = at.Add(after)
	return due, !s.passed(due)
}
