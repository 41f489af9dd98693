package history

import (
	"maps"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// leastNonces is how many nonces are kept at least before any is dropped.
const leastNonces = 1024

// Spends returns the nonces that an entry spends, as [job.Submitted.Spends] does:
// none unless it is a submission.
func (e *Entry) Spends() (nonces []string, until event.Time) {
	if submitted, ok := e.Data.(job.Submitted); ok {
		return submitted.Spends()
	}
	return nil, 0
}

// spend notes the nonces of a submitted job. Now and then it drops those that
// are good again, so that there are never many more than twice as many as were
// spent at one time.
//
// It is not a part of Apply: whoever reads one job again must not think that the
// nonce is that job's still.
func (s *State) spend(e *Entry) {
	nonces, until := e.Spends()
	for _, nonce := range nonces {
		s.Nonces[nonce] = until
	}
	if len(s.Nonces) > max(s.room, leastNonces) {
		maps.DeleteFunc(s.Nonces, func(_ string, until event.Time) bool { return until < e.At })
		s.room = 2 * len(s.Nonces)
	}
}
