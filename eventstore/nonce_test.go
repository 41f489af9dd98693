package eventstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

// admit lets keys sign jobs.
func (h *house) admit(clients ...signing.PrivateKey) {
	h.Helper()
	for i, client := range clients {
		k := historytest.Admission(namespace, client, access.Key{Class: access.Client, Name: domain.Name(fmt.Sprint("c", i))})
		h.must(h.execute(eventstore.Work{Decide: func(tx *eventstore.Tx) error {
			_, err := tx.DecideAccess(byCI(), access.Admit{Key: k, At: tx.Now()})
			return err
		}}))
	}
}

// once is a job with a nonce, good for as long from now on.
func (h *house) once(id, nonce string, life time.Duration, clients ...signing.PrivateKey) eventstore.Work {
	h.Helper()
	doc := fmt.Appendf(nil, `{"id":%q,"payload":"x","runner":"r1","nonce":%q,"not_after":%q}`, id, nonce, event.At(h.clock.Now().Add(life)))
	s := job.Submission{Form: job.FormDSSE, Doc: doc}
	for _, k := range clients {
		s.Signatures = append(s.Signatures, job.SubmittedSignature{Key: k.Public().ID(), Signature: k.Sign(signing.PAE(job.PayloadType, doc))})
	}
	o, err := s.Open()
	h.must(err)
	return submission(o)
}

// wantReplay fails the test unless err says that a nonce is another job's.
func (h *house) wantReplay(err error) {
	h.Helper()
	if domain.CodeOf(err) != domain.Expired || domain.ReasonOf(err) != "nonce" {
		h.Fatalf("got %v, want that the nonce is another job's", err)
	}
}

func TestOfTwoJobsInFlightOneHasTheNonce(t *testing.T) {
	h := open(t)
	h.admit(key(4))
	work := h.once("j1", "n1", time.Hour, key(4))
	first := h.Propose(t.Context(), work)
	again := h.Propose(t.Context(), work)
	other := h.Propose(t.Context(), h.once("j2", "n1", time.Minute, key(4)))
	for _, p := range []eventstore.Proposal{first, again, other} {
		h.want(now(p), domain.Indeterminate) // also who is refused waits for what that rests on
	}
	h.turn()
	h.must(now(first))
	h.must(now(again))
	h.wantReplay(now(other))
	if s := h.state("j2"); s.Status != job.None {
		t.Errorf("the job that was refused is %s", s.Status)
	}
	h.entries()
}

func TestANonceOfACommitThatWasNotKeptIsGood(t *testing.T) {
	h := open(t)
	h.admit(key(4))
	first := h.Propose(t.Context(), h.once("j1", "n1", time.Hour, key(4)))
	other := h.Propose(t.Context(), h.once("j2", "n1", time.Hour, key(4)))
	old := h.Leader
	h.succeed()
	if _, err := old.Turn(t.Context()); !errors.Is(err, eventstore.ErrConflict) {
		t.Fatalf("Turn = %v, want a conflict", err)
	}
	h.want(now(first), domain.TryAgain)
	h.want(now(other), domain.TryAgain)
	h.must(h.execute(h.once("j2", "n1", time.Hour, key(4))))
	h.entries()
}

func TestANonceIsTheKeysOwnAndGoodAgainBehindItsJobsEnd(t *testing.T) {
	h := open(t)
	h.admit(key(4), key(5))
	h.must(h.execute(h.once("j1", "n1", time.Minute, key(4))))
	h.must(h.execute(h.once("j2", "n2", time.Minute, key(4))))
	h.must(h.execute(h.once("j3", "n1", time.Minute, key(5))))
	h.wantReplay(h.execute(h.once("j4", "n2", time.Hour, key(5), key(4)))) // one of two signers is enough
	h.must(h.execute(h.once("j4", "n2", time.Hour, key(5))))               // and the other's was not spent by that
	h.clock.Advance(time.Minute)
	h.wantReplay(h.execute(h.once("j5", "n1", time.Hour, key(4))))
	h.clock.Advance(time.Microsecond)
	h.must(h.execute(h.once("j5", "n1", time.Hour, key(4))))
	h.wantReplay(h.execute(h.once("j6", "n1", time.Hour, key(4))))
	h.entries()
}

// A nonce that is used twice in one bulk is the first job's.
func TestInOneDecisionTheFirstHasTheNonce(t *testing.T) {
	h := open(t)
	h.admit(key(4))
	first, second := h.once("j1", "n1", time.Hour, key(4)), h.once("j2", "n1", time.Hour, key(4))
	var refused error
	h.must(h.execute(eventstore.Work{
		Aggregates: append(first.Aggregates, second.Aggregates...),
		Decide: func(tx *eventstore.Tx) error {
			err := first.Decide(tx)
			refused = second.Decide(tx)
			return err
		},
	}))
	h.wantReplay(refused)
	h.entries()
}

// A job whose nonce is another's by now was read again, and its own spending
// taken for the last one.
func TestAJobThatIsReadAgainDoesNotGetItsNonceBack(t *testing.T) {
	h := open(t)
	h.admit(key(4))
	h.must(h.execute(h.once("j1", "n1", time.Minute, key(4))))
	h.clock.Advance(2 * time.Minute)
	h.must(h.execute(h.once("j2", "n1", time.Hour, key(4))))
	h.succeed()
	h.wantReplay(h.execute(h.once("j3", "n1", time.Hour, key(4))))
	h.must(h.execute(stop("j1")))
	h.wantReplay(h.execute(h.once("j3", "n1", time.Hour, key(4))))
	h.entries()
}

func TestASubmissionNamesItsNonces(t *testing.T) {
	h := open(t)
	h.admit(key(4))
	w := h.once("j1", "n1", time.Hour, key(4))
	w.Aggregates = eventstore.Jobs(jobID("j1"))
	h.want(h.execute(w), domain.Internal)
}

func TestAnIndexThatNamesAnotherSpendingHaltsTheLeader(t *testing.T) {
	for name, seq := range map[string]uint64{"a job with another nonce": 5, "a job of another key": 6, "a job without one": 7, "no job": 1} {
		h := open(t)
		h.admit(key(4), key(5))                                        // 3 and 4
		h.must(h.execute(h.once("j1", "n1", time.Hour, key(4))))       // 5
		h.must(h.execute(h.once("j2", "n2", time.Hour, key(5))))       // 6
		h.must(h.execute(submit("j3", "x")))                           // 7
		wanted := h.once("j4", "n2", time.Hour, key(4)).Aggregates[1:] // n2 is good for that key
		h.index = finds(func(aggregates []event.Aggregate) ([][]uint64, uint64, error) {
			found := make([][]uint64, len(aggregates))
			for i, a := range aggregates {
				if a == wanted[0] {
					found[i] = []uint64{seq}
				}
			}
			return found, 100, nil
		})
		h.succeed()
		if err := h.execute(h.once("j4", "n2", time.Hour, key(4))); domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v, want halted", name, err)
		}
	}
}

// Whatever is submitted, while leaders change and forget: a job is refused if and
// only if another one has a nonce of its signers, and the log says the same.
func TestNobodyHasANonceTwice(t *testing.T) {
	clients := []signing.PrivateKey{key(4), key(5)}
	rapid.Check(t, func(t *rapid.T) {
		h := open(t)
		h.indexed = func() uint64 {
			_, tip := h.commits()
			return tip.Seq
		}
		h.admit(clients...)
		until := map[string]time.Time{}
		var jobs []eventstore.Work
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				h.succeed()
			case 1:
				h.Remember(rapid.IntRange(3, 6).Draw(t, "memory")) // one decision fits
			case 2:
				h.clock.Advance(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
			case 3:
				if len(jobs) > 0 {
					h.must(h.execute(jobs[rapid.IntRange(0, len(jobs)-1).Draw(t, "job")])) // a duplicate
				}
			default:
				signers := clients[:1]
				if n := rapid.IntRange(0, 2).Draw(t, "signers"); n > 0 {
					signers = clients[2-n:]
				}
				nonce := fmt.Sprint("n", rapid.IntRange(0, 2).Draw(t, "nonce"))
				life := time.Duration(rapid.IntRange(0, 4).Draw(t, "life")) * time.Second
				work := h.once(fmt.Sprint("j", len(jobs)), nonce, life, signers...)
				replayed := false
				for _, a := range work.Aggregates[1:] {
					replayed = replayed || !until[a.ID].Before(h.clock.Now())
				}
				err := h.execute(work)
				if replayed {
					h.wantReplay(err)
					continue
				}
				h.must(err)
				jobs = append(jobs, work)
				for _, a := range work.Aggregates[1:] {
					until[a.ID] = h.clock.Now().Add(life)
				}
			}
		}
		h.entries()
	})
}
