package history

import "github.com/herocode/horus/domain/signing"

// Signatures are what must hold for commits to be the word of those whom they
// name, in the order of their places.
type Signatures struct {
	Checks []signing.Check
	Seqs   []uint64 // place of the event that each check belongs to; of a seal: its first
}

// Append adds the signatures of a later commit.
func (s *Signatures) Append(later Signatures) {
	s.Checks = append(s.Checks, later.Checks...)
	s.Seqs = append(s.Seqs, later.Seqs...)
}

// Reset removes all signatures and keeps the room.
func (s *Signatures) Reset() { s.Checks, s.Seqs = s.Checks[:0], s.Seqs[:0] }

func (s *Signatures) add(seq uint64, checks ...signing.Check) {
	for _, check := range checks {
		s.Checks, s.Seqs = append(s.Checks, check), append(s.Seqs, seq)
	}
}

// Verify checks all signatures. Its error is a [*Fault] at the place of the
// first that does not hold.
func (s *Signatures) Verify(v *signing.Verifier) error {
	verdicts := make([]bool, len(s.Checks))
	v.VerifyAll(s.Checks, verdicts)
	for i, ok := range verdicts {
		if !ok {
			return fault(s.Seqs[i], "a signature is not of the key that it names")
		}
	}
	return nil
}

// Earlier returns the error whose fault is at the lower place, the first when
// both are at the same. Nil is no error at all, and one that is no fault comes
// before all places.
func Earlier(first, second error) error {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	at1, _ := IsFault(first)
	at2, _ := IsFault(second)
	if at2 < at1 {
		return second
	}
	return first
}
