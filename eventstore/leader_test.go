package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

var errLost = errors.New("the connection is gone")

func TestBeginFoundsAnEmptyLog(t *testing.T) {
	h := open(t)
	if diff := cmp.Diff([]string{"access.founded", "term.began"}, h.types()); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if commits, _ := h.commits(); len(commits) != 1 {
		t.Errorf("founding and term are in %d commits, want one", len(commits))
	}
}

func TestBeginOnAFoundedLogAddsOnlyTheTerm(t *testing.T) {
	h := open(t)
	h.lead()
	h.must(h.begin())
	if diff := cmp.Diff([]string{"access.founded", "term.began", "term.began"}, h.types()); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestBeginRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(h *house)
		code   domain.Code
		words  string
	}{
		{"a key that is not admitted", func(h *house) { h.key = key(7); h.lead() }, domain.Forbidden, "horus keys add --class supervisor"},
		{"the operator's key", func(h *house) { h.key = key(2); h.lead() }, domain.Forbidden, "horus keys add"},
		{"a term that began", func(*house) {}, domain.TryAgain, "take the lease again"},
		{"a term that is the log's", func(h *house) { h.crown(1) }, domain.TryAgain, "take the lease again"},
	} {
		h := open(t)
		tt.change(h)
		err := h.begin()
		if domain.CodeOf(err) != tt.code || err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v, want %s with the words %q", tt.name, err, tt.code, tt.words)
		}
		if got := len(h.entries()); got != 2 {
			t.Errorf("%s: %d events in the log, want the two from before", tt.name, got)
		}
	}
}

func TestBeginRefusesTheFoundingOfAnotherNamespace(t *testing.T) {
	h := build(t)
	other := founding()
	other.Namespace = "other"
	h.want(h.do(func(ctx context.Context) error { return h.Begin(ctx, eventstore.Beginning{Founding: other}) }), domain.Invalid)
	if _, tip := h.commits(); tip.Seq != 0 {
		t.Errorf("the log has %d events, want none", tip.Seq)
	}
}

// A decision that came before the term began was sealed at the head of an empty
// log, which no auditor accepts. Nothing is decided now before Begin.
func TestNothingIsDecidedBeforeTheTermBegan(t *testing.T) {
	h := build(t)
	h.want(h.execute(submit("j1", "x")), domain.TryAgain)
	h.must(h.begin())
	h.must(h.execute(submit("j1", "x")))
	h.entries()
}

func TestManyProposalsTravelInOneCommit(t *testing.T) {
	h := open(t)
	var asked []eventstore.Proposal
	for i := range 100 {
		asked = append(asked, h.Propose(t.Context(), submit(fmt.Sprint("j", i), "x")))
	}
	busy, err := h.Turn(t.Context())
	if !busy || err != nil {
		t.Errorf("Turn = %v, %v; want company", busy, err)
	}
	for _, p := range asked {
		h.must(now(p))
	}
	if commits, _ := h.commits(); len(commits) != 2 || len(commits[1].Entries) != 100 {
		t.Errorf("%d commits, want the founding's and one of 100 events", len(commits))
	}
	if len(h.fed) != 2 || h.fed[1].Seal.Count != 100 {
		t.Errorf("%d commits were fed, want both", len(h.fed))
	}
	h.entries()
}

func TestALoneCallerIsNoCompany(t *testing.T) {
	h := open(t)
	p := h.Propose(t.Context(), submit("j1", "x"))
	if busy, err := h.Turn(t.Context()); busy || err != nil {
		t.Errorf("Turn = %v, %v; want no company", busy, err)
	}
	h.must(now(p))
	if busy, err := h.Turn(t.Context()); busy || err != nil {
		t.Errorf("an idle Turn = %v, %v", busy, err)
	}
}

// bulk submits n jobs of a size in one decision.
func bulk(prefix string, n, bytes int) eventstore.Work {
	payload := strings.Repeat("x", bytes)
	w := eventstore.Work{Decide: func(*eventstore.Tx) error { return nil }}
	for i := range n {
		next, one := w.Decide, submit(fmt.Sprint(prefix, i), payload)
		w.Aggregates = append(w.Aggregates, one.Aggregates...)
		w.Decide = func(tx *eventstore.Tx) error {
			return errors.Join(next(tx), one.Decide(tx))
		}
	}
	return w
}

func TestACommitHasLimits(t *testing.T) {
	for _, tt := range []struct {
		name string
		work []eventstore.Work
		want []int // events of each commit
	}{
		{"256 events", []eventstore.Work{bulk("a", 256, 1)}, []int{256}},
		{"256 events and one more", []eventstore.Work{bulk("a", 256, 1), bulk("b", 1, 1)}, []int{256, 1}},
		{"two that do not fit together", []eventstore.Work{bulk("a", 200, 1), bulk("b", 57, 1)}, []int{200, 57}},
		{"half a megabyte twice", []eventstore.Work{bulk("a", 3, 200<<10), bulk("b", 3, 200<<10)}, []int{3, 3}},
	} {
		h := open(t)
		var asked []eventstore.Proposal
		for _, w := range tt.work {
			asked = append(asked, h.Propose(t.Context(), w))
		}
		h.turn()
		for _, p := range asked {
			h.must(now(p))
		}
		var got []int
		commits, _ := h.commits()
		for _, c := range commits[1:] {
			got = append(got, len(c.Entries))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: commits of %v events, want %v", tt.name, got, tt.want)
		}
		h.entries()
	}
}

func TestADecisionThatNoCommitHoldsIsTooLarge(t *testing.T) {
	h := open(t)
	h.want(h.execute(bulk("a", 257, 1)), domain.TooLarge)
	h.want(h.execute(bulk("a", 6, 200<<10)), domain.TooLarge)
	h.must(h.execute(submit("a1", "x")))
	if s := h.state("a0"); s.Status != job.None {
		t.Errorf("a job of a refused decision is %s", s.Status)
	}
}

func TestWhoComesWhenTooMuchWaitsIsSentAway(t *testing.T) {
	h := open(t)
	var asked []eventstore.Proposal
	var err error
	for i := 0; err == nil && i < 100; i++ {
		p := h.Propose(t.Context(), bulk(fmt.Sprint("a", i, "-"), 256, 1))
		if err = p.Decided(); err == nil {
			asked = append(asked, p)
		}
	}
	h.want(err, domain.Overloaded)
	if len(asked) != 65 {
		t.Errorf("%d full commits wait, want 65", len(asked))
	}
	h.turn()
	for _, p := range asked {
		h.must(now(p))
	}
	h.must(h.execute(submit("later", "x")))
	h.entries()
}

// Two bulks filled a commit each while the committer slept, and one wake-up
// sent only the first: the second waited for a third caller.
func TestNobodyIsLeftBehindAFullCommit(t *testing.T) {
	h := open(t)
	first, second := h.Propose(t.Context(), bulk("a", 200, 1)), h.Propose(t.Context(), bulk("b", 200, 1))
	for _, p := range []eventstore.Proposal{first, second} {
		select {
		case <-h.Wake():
		default:
			t.Fatal("something waits and nobody says so")
		}
		_, err := h.Turn(t.Context())
		h.must(err)
		h.must(now(p))
	}
}

func TestARepeatWaitsForTheCommitThatItWasDecidedUpon(t *testing.T) {
	h := open(t)
	first := h.Propose(t.Context(), submit("j1", "x"))
	again := h.Propose(t.Context(), submit("j1", "x"))
	other := h.Propose(t.Context(), submit("j1", "y"))
	for _, p := range []eventstore.Proposal{first, again, other} {
		h.want(now(p), domain.Indeterminate)
	}
	h.mem.OnAppend = func() (bool, error) { return false, errLost }
	if _, err := h.Turn(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("Turn = %v", err)
	}
	for _, p := range []eventstore.Proposal{first, again, other} {
		h.want(now(p), domain.Indeterminate)
	}
	h.mem.OnAppend = nil
	_, err := h.Turn(t.Context())
	h.must(err)
	h.must(now(first))
	h.must(now(again))
	h.want(now(other), domain.Conflict)
	if got := len(h.entries()); got != 3 {
		t.Errorf("%d events, want founding, term and one submit", got)
	}
}

func TestWhatWasDecidedUponACommitThatWasNotKeptIsNotAnswered(t *testing.T) {
	h := open(t)
	first := h.Propose(t.Context(), submit("j1", "x"))
	other := h.Propose(t.Context(), submit("j1", "y"))
	old := h.Leader
	h.lead()
	h.must(h.begin())
	if _, err := old.Turn(t.Context()); !errors.Is(err, eventstore.ErrConflict) {
		t.Fatalf("Turn = %v, want a conflict", err)
	}
	h.want(now(first), domain.TryAgain)
	h.want(now(other), domain.TryAgain)
}

func TestAnAppendThatWasLostIsSentAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		keep bool
		err  error
	}{
		{"not kept", false, errLost},
		{"kept, but the reply was lost", true, errLost},
		{"refused", false, eventstore.ErrRefused},
	} {
		h := open(t)
		h.mem.OnAppend = func() (bool, error) { return tt.keep, tt.err }
		p := h.Propose(t.Context(), submit("j1", "x"))
		for range 3 {
			if _, err := h.Turn(t.Context()); !errors.Is(err, tt.err) {
				t.Fatalf("%s: Turn = %v", tt.name, err)
			}
			h.want(now(p), domain.Indeterminate)
		}
		h.mem.OnAppend = nil
		_, err := h.Turn(t.Context())
		h.must(err)
		h.must(now(p))
		if diff := cmp.Diff([]string{"access.founded", "term.began", "job.submitted"}, h.types()); diff != "" {
			t.Errorf("%s: the log (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestSomebodyElsesAppendEndsTheLeader(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  func() (bool, error) // of the first send; nil if there was none
		flying domain.Code
	}{
		{"before anything was sent", nil, domain.TryAgain},
		{"after a refusal", func() (bool, error) { return false, eventstore.ErrRefused }, domain.TryAgain},
		{"after a lost reply", func() (bool, error) { return false, errLost }, domain.Indeterminate},
	} {
		h := open(t)
		flying := h.Propose(t.Context(), bulk("a", 256, 1))
		full := h.Propose(t.Context(), bulk("b", 256, 1))
		gathering := h.Propose(t.Context(), submit("c", "x"))
		if tt.fault != nil {
			h.mem.OnAppend = tt.fault
			if _, err := h.Turn(t.Context()); err == nil {
				t.Fatalf("%s: the fault did not happen", tt.name)
			}
			h.mem.OnAppend = nil
		}
		old := h.Leader
		h.lead()
		h.must(h.begin())
		if _, err := old.Turn(t.Context()); !errors.Is(err, eventstore.ErrConflict) {
			t.Errorf("%s: Turn = %v, want a conflict", tt.name, err)
		}
		h.want(now(flying), tt.flying)
		h.want(now(full), domain.TryAgain)
		h.want(now(gathering), domain.TryAgain)
		h.want(old.Execute(t.Context(), submit("d", "x")), domain.TryAgain)
		_, err := old.Turn(t.Context())
		h.want(err, domain.TryAgain)
		h.entries()
	}
}

func TestALeaderThatIsFailedFromOutsideAnswersEverybody(t *testing.T) {
	h := open(t)
	p := h.Propose(t.Context(), submit("j1", "x"))
	h.Leader.Fail(errors.New("the beat found the term over"))
	h.want(now(p), domain.TryAgain)
	h.want(h.Execute(t.Context(), submit("j2", "x")), domain.TryAgain)
}

func TestWhoStopsWaitingKnowsNothing(t *testing.T) {
	h := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := h.Propose(t.Context(), submit("j1", "x"))
	h.want(p.Wait(ctx), domain.Indeterminate)
	h.turn()
	h.must(p.Wait(ctx))
}

// A clock that went back let a key act that had ended by the time of an event
// before: an auditor, who judges keys by the latest time so far, refused it.
func TestTimeNeverGoesBack(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	h.clock.Advance(-time.Hour)
	h.must(h.execute(submit("j2", "x")))
	h.lead()
	h.must(h.begin())
	var latest event.Time
	for _, e := range h.entries() {
		if e.At < latest {
			t.Errorf("%s is older than what is before it", &e)
		}
		latest = e.At
	}
}

// A leader whose key ended went on sealing what no auditor accepts.
func TestAKeyThatEndedSealsNothing(t *testing.T) {
	h := open(t)
	end := event.At(h.clock.Now().Add(time.Minute))
	k := access.Key{Class: access.Supervisor, Name: "s2", Public: key(3).Public(), Until: end}
	k.Proof = key(3).Sign(access.AdmissionText(namespace, k))
	h.must(h.execute(eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(byCI(), access.Admit{Key: k, At: tx.Now()})
		return err
	}}))
	h.key = key(3)
	h.lead()
	h.must(h.begin())
	h.clock.Advance(time.Minute)
	h.must(h.execute(submit("j1", "x")))
	h.clock.Advance(time.Microsecond)
	h.want(h.execute(submit("j2", "x")), domain.TryAgain)
	h.lead()
	h.want(h.begin(), domain.Forbidden)
	h.entries()
}

// A key that ended between two events of one commit made a good log look
// tampered with.
func TestAKeyMayEndWithinACommit(t *testing.T) {
	h := open(t)
	end := event.At(h.clock.Now())
	k := access.Key{Class: access.Client, Name: "c1", Public: key(4).Public(), Until: end}
	k.Proof = key(4).Sign(access.AdmissionText(namespace, k))
	h.must(h.execute(eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(byCI(), access.Admit{Key: k, At: tx.Now()})
		return err
	}}))
	signed := signedJob(t, "j1", key(4))
	by := eventstore.By{Actor: event.ByClient(string(key(4).Public().ID()))}
	first := h.Propose(t.Context(), eventstore.Work{
		Aggregates: eventstore.Jobs(signed.Spec.ID),
		Decide: func(tx *eventstore.Tx) error {
			_, err := tx.DecideJob(signed.Spec.ID, by, job.Submit{Job: signed, Namespace: namespace, At: tx.Now(), By: by.Actor})
			return err
		},
	})
	h.clock.Advance(time.Second)
	second := h.Propose(t.Context(), submit("j2", "x"))
	h.turn()
	h.must(now(first))
	h.must(now(second))
	if commits, _ := h.commits(); len(commits) != 3 {
		t.Fatalf("%d commits, want both jobs in the third", len(commits))
	}
	h.entries()
}

func signedJob(t *testing.T, id string, k signing.PrivateKey) *job.Opened {
	t.Helper()
	doc := fmt.Appendf(nil, `{"id":%q,"payload":"x","runner":"r1"}`, id)
	o, err := job.Submission{Form: job.FormDSSE, Doc: doc, Signatures: []job.SubmittedSignature{
		{Key: k.Public().ID(), Signature: k.Sign(signing.PAE(job.PayloadType, doc))},
	}}.Open()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnErrorOfDecideKeepsNothing(t *testing.T) {
	h := open(t)
	no := domain.Errorf(domain.Expired, "no", "no")
	w := submit("j1", "x")
	decide := w.Decide
	w.Decide = func(tx *eventstore.Tx) error { return errors.Join(decide(tx), no) }
	if err := h.execute(w); !errors.Is(err, no) {
		t.Errorf("Execute = %v, want Decide's own error", err)
	}
	if s := h.state("j1"); s.Status != job.None || h.Waiting() > 0 {
		t.Errorf("the job is %s, and %d commits wait", s.Status, h.Waiting())
	}
}

// A decision about an aggregate that its work did not name would take a known
// one that is not in memory for one that never was.
func TestAWorkNamesWhatItDecidesAbout(t *testing.T) {
	h := open(t)
	w := submit("j1", "x")
	w.Aggregates = nil
	h.want(h.execute(w), domain.Internal)
}

func TestAppendsAreObserved(t *testing.T) {
	h := open(t)
	var seen []int
	h.observe = func(events int, took time.Duration) { seen = append(seen, events, int(took)) }
	h.must(h.execute(bulk("a", 3, 1)))
	if diff := cmp.Diff([]int{3, 0}, seen); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// A leader that was cut off from its store does not know what another one has
// decided since: whoever asks it from outside is told to ask again, and never
// what it remembers.
func TestADeposedLeaderSaysNothingFromMemory(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	deposed := h.Leader
	h.lead()
	h.must(h.begin())
	for what, ask := range map[string]eventstore.Work{
		"a refusal":     submit("j1", "another"),
		"nothing to do": submit("j1", "x"),
	} {
		if err := deposed.Execute(t.Context(), durably(ask)); domain.CodeOf(err) != domain.TryAgain {
			t.Errorf("%s: %v, want TryAgain", what, err)
		}
	}
	h.want(h.execute(durably(submit("j1", "another"))), domain.Conflict)
	h.must(h.execute(durably(submit("j1", "x"))))
}
