package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/audit/audittest"
)

// prove makes the proof of a job.
func prove(t tester, log []history.Raw, id job.ID) *audit.Proof {
	t.Helper()
	source, err := audit.FromLog(t.Context(), memory(log))
	if err != nil {
		t.Fatal(err)
	}
	proof, verdict, err := audit.Prove(t.Context(), source, audit.Options{Namespace: namespace}, id)
	if err != nil || !verdict.Finding.Proved() {
		t.Fatal(err, verdict)
	}
	return proof
}

// tried is a history in which job-1 is lost, tried again by a process of a kind,
// and fails.
func tried() *historytest.Partition {
	p := lived(1, 1)
	r1, k1 := p.Processes()[0], p.Processes()[1]
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("other", historytest.Job{})
		tx.Submit("job-1", historytest.Job{Runner: "", Executor: "sh", Payload: "exit 3"})
	})
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Completed{About: tx.About("other"), Result: "done"})
		tx.Report(k1, runner.Started{About: tx.About("job-1")})
	})
	p.Commit(func(tx *historytest.Tx) { tx.Lose("job-1", job.LostLease) })
	p.BeginTerm()
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(k1, runner.Failed{About: tx.About("job-1"), Kind: job.FailedError, Exit: 3, Message: "no luck"})
	})
	p.Commit(func(tx *historytest.Tx) { tx.Submit("later", historytest.Job{}) })
	return p
}

func TestEveryJobIsProved(t *testing.T) {
	for seed := range uint64(6) {
		p := lived(seed, 150)
		log := p.Raws()
		for _, id := range p.Jobs() {
			data := prove(t, log, id).Append(nil)
			a := audit.CheckProof(data, audit.Fingerprint(log[0].Event))
			if !a.Finding.Proved() || !a.Trusted || len(a.Events) == 0 {
				t.Fatalf("seed %d, job %s: %s", seed, id, &a)
			}
			if diff := cmp.Diff(p.State.Jobs[id], a.State, cmp.AllowUnexported(job.Queue{}, job.ID{})); diff != "" {
				t.Fatalf("seed %d, job %s: %s", seed, id, diff)
			}
		}
	}
}

func TestAProofReadsWell(t *testing.T) {
	p := tried()
	log := p.Raws()
	proof := prove(t, log, historytest.ID("job-1"))
	a := audit.CheckProof(proof.Append(nil), signing.Hash{})
	var last uint64
	for _, raw := range log {
		if bytes.Contains(raw.Event, []byte(`"type":"job.failed"`)) {
			last = raw.Seq
		}
	}
	text := a.String()
	for _, want := range []string{
		fmt.Sprintf("proved: job job-1 is failed as of its event 6, seq %d of horus p000\n", last),
		"  founded by  " + audit.Fingerprint(log[0].Event).String() + " (unchecked: compare it with what its founder says)\n",
		"  failed      error: no luck\n",
		"job.submitted", "job.attempt_lost", string(historytest.Key("runner k1").Public().ID()),
		audit.Shortcoming,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	doc, err := json.Marshal(&a)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Verdict, Job, State, Trust, Limits string
		Version                            uint64
		Outcome                            struct {
			Failure, Message string
			Exit             int
		}
		Events []audit.AccountEvent
	}
	if err := json.Unmarshal(doc, &read); err != nil {
		t.Fatal(err)
	}
	if read.Verdict != "valid" || read.Job != "job-1" || read.State != "failed" || read.Trust != "unchecked" || read.Version != 6 ||
		read.Outcome.Failure != "error" || read.Outcome.Message != "no luck" || read.Outcome.Exit != 3 || len(read.Events) != 6 || read.Limits == "" {
		t.Errorf("%s", doc)
	}
	if a.ExitCode() != 0 {
		t.Errorf("exit code %d", a.ExitCode())
	}
}

// The result of a report that had come too late was proved as the job's, and so
// was the message of an attempt that was tried again.
func TestAProofTellsTheOutcomeAndNoOther(t *testing.T) {
	p := lived(1, 1)
	r1 := p.Processes()[0]
	p.Commit(func(tx *historytest.Tx) { tx.Submit("job-1", historytest.Job{}) })
	first := p.About("job-1")
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Failed{About: first, Kind: job.FailedError, Exit: 3, Message: "no luck", Result: "a", Again: job.Please})
	})
	p.Commit(func(tx *historytest.Tx) { tx.Await("job-1") })
	tell := func(want ...string) {
		t.Helper()
		a := audit.CheckProof(prove(t, p.Raws(), historytest.ID("job-1")).Append(nil), signing.Hash{})
		if got := []string{a.State.Status.String(), a.Result, a.Message, fmt.Sprint(a.Exit)}; !slices.Equal(got, want) {
			t.Errorf("proved is %q, want %q", got, want)
		}
	}
	tell("queued", "", "", "0")
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Failed{About: tx.About("job-1"), Kind: job.FailedTimeout, Exit: 124, Message: "too long", Result: "b"})
	})
	tell("failed", "b", "too long", "124")
	p.Commit(func(tx *historytest.Tx) { tx.Replay("job-1", 2, job.Limits{}) })
	tell("queued", "", "", "0")
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Completed{About: tx.About("job-1"), Result: "c"}, runner.Completed{About: first, Result: "late"})
	})
	tell("completed", "c", "", "0")
	p.Commit(func(tx *historytest.Tx) {
		tx.Delete("job-1")
		tx.Submit("job-2", historytest.Job{})
		tx.Stop("job-2")
	})
	tell("deleted", "c", "", "0")
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Stopped{About: tx.About("job-2"), Result: "half"})
	})
	a := audit.CheckProof(prove(t, p.Raws(), historytest.ID("job-2")).Append(nil), signing.Hash{})
	if a.State.Status != job.Halted || a.Result != "half" {
		t.Errorf("proved is that job-2 is %s with %q", a.State.Status, a.Result)
	}
}

func TestAChangedProofIsFound(t *testing.T) {
	log := tried().Raws()
	data := prove(t, log, historytest.ID("job-1")).Append(nil)
	trust := audit.Fingerprint(log[0].Event)
	found := func(what string, data []byte) {
		t.Helper()
		if a := audit.CheckProof(data, trust); a.Finding.Proved() || a.ExitCode() == 0 {
			t.Fatalf("%s: %s", what, &a)
		}
	}
	dice := rand.New(rand.NewPCG(1, 0))
	for range 1500 {
		flipped := bytes.Clone(data)
		flipped[dice.IntN(len(flipped))] ^= 1 << dice.IntN(8)
		found("a bit is flipped", flipped)
	}
	for range 100 {
		found("the file is cut short", data[:dice.IntN(len(data))])
		at := dice.IntN(len(data))
		found("a space is put in", slices.Insert(bytes.Clone(data), at, ' '))
	}
	found("something follows", append(bytes.Clone(data), '\n'))
	trust[0]++
	found("another founding is trusted", data)
}

// TestWhatIsTakenOutOfAProofIsMissed takes parts out, exchanges them and puts
// others in. Nothing may be proved then that was not before.
func TestWhatIsTakenOutOfAProofIsMissed(t *testing.T) {
	log := tried().Raws()
	whole := func() *audit.Proof { return prove(t, log, historytest.ID("job-1")) }
	missed := func(what string, p *audit.Proof) {
		t.Helper()
		if a := audit.CheckProof(p.Append(nil), signing.Hash{}); a.Finding != audit.Tampered {
			t.Errorf("%s: %s", what, &a)
		}
	}
	for i := range whole().Parts {
		p := whole()
		p.Parts = slices.Delete(p.Parts, i, i+1)
		missed("a commit is taken out", p)
		p = whole()
		p.Parts = slices.Insert(p.Parts, i, p.Parts[i])
		missed("a commit is there twice", p)
		for j := range i {
			p = whole()
			p.Parts[i], p.Parts[j] = p.Parts[j], p.Parts[i]
			missed("two commits change places", p)
			p = whole()
			p.Parts[i].Seal, p.Parts[j].Seal = p.Parts[j].Seal, p.Parts[i].Seal
			missed("two seals change places", p)
		}
		for j := range whole().Parts[i].Entries {
			p = whole()
			p.Parts[i].Entries, p.Parts[i].Paths = slices.Delete(p.Parts[i].Entries, j, j+1), slices.Delete(p.Parts[i].Paths, j, j+1)
			missed("an event is taken out", p)
			if j > 0 {
				p = whole()
				e := p.Parts[i].Entries
				e[j], e[j-1] = e[j-1], e[j]
				missed("two events change places", p)
			}
		}
	}
	p := whole()
	p.Version--
	missed("the versions are fewer", p)
	p = whole()
	p.Job = historytest.ID("other")
	missed("it is said to be of another job", p)
	p = whole()
	later := prove(t, log, historytest.ID("later")).Parts
	p.Parts = append(p.Parts, later[len(later)-1])
	missed("another job's events are put in", p)
}

// TestAShorterProofIsOfAnEarlierState says what the file's words say that it
// cannot prove.
func TestAShorterProofIsOfAnEarlierState(t *testing.T) {
	p := prove(t, tried().Raws(), historytest.ID("job-1"))
	p.Parts, p.Version = p.Parts[:len(p.Parts)-1], p.Version-2 // started and failed
	if a := audit.CheckProof(p.Append(nil), signing.Hash{}); !a.Finding.Proved() || a.State.Status == job.Broken {
		t.Errorf("%s", &a)
	}
}

func TestNoProofOfWhatIsNotThere(t *testing.T) {
	log := tried().Raws()
	source, err := audit.FromLog(t.Context(), memory(log))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.Prove(t.Context(), source, audit.Options{Namespace: namespace}, historytest.ID("nobody")); domain.CodeOf(err) != domain.NotFound {
		t.Errorf("got %v, want not found", err)
	}
	spoilt := slices.Clone(log)
	spoilt[8].Event = append([]byte(" "), spoilt[8].Event...)
	if source, err = audit.FromLog(t.Context(), memory(spoilt)); err != nil {
		t.Fatal(err)
	}
	proof, verdict, err := audit.Prove(t.Context(), source, audit.Options{Namespace: namespace}, historytest.ID("job-1"))
	if err != nil || proof != nil || verdict.Finding != audit.Tampered {
		t.Errorf("got %v, %s, %v; want tampered", proof, verdict, err)
	}
	a := audit.CheckProof([]byte("Tyger Tyger"), signing.Hash{})
	if a.Finding != audit.CannotTell || a.ExitCode() != 2 {
		t.Errorf("a poem: %s", &a)
	}
}

// TestAnExcerptFindsWhatCouldNotHappen shows everything but the beginnings of
// terms as an excerpt: whatever a supervisor sealed that never may be is found
// as in the whole log, but for what an excerpt cannot know.
func TestAnExcerptFindsWhatCouldNotHappen(t *testing.T) {
	for _, f := range audittest.Forgeries() {
		if strings.Contains(f.Name, "term begins") || strings.Contains(f.Name, "did not begin") || strings.Contains(f.Name, "a loss is declared") {
			continue // left out
		}
		t.Run(f.Name, func(t *testing.T) {
			forged, wrong := f.Forge(lived(1, 40))
			err := excerpt(t, forged)
			seq, found := history.IsFault(err)
			if !found || seq != wrong {
				t.Errorf("want a fault at %d, got %v", wrong, err)
			}
		})
	}
}

// excerpt checks a log as parts of all events but the beginnings of terms.
func excerpt(t *testing.T, log []history.Raw) error {
	t.Helper()
	x := history.NewExcerpt(namespace, 0, signing.NewVerifier(16))
	reader := history.NewReader(namespace, 0, 0)
	for _, raw := range log {
		c, err := reader.Next(raw)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		var take []int
		for i := range c.Entries {
			if kind := c.Entries[i].Aggregate.Kind; kind != event.Leader && kind != event.Log {
				take = append(take, i)
			}
		}
		if len(take) == 0 {
			continue
		}
		if err := x.Check(history.PartOf(c, take...)); err != nil {
			return err
		}
	}
	return nil
}

// What says something of the log itself has no place in a proof of a job.
func TestTermsHaveNoPlaceInAProof(t *testing.T) {
	p := historytest.Found(namespace)
	x := history.NewExcerpt(namespace, 0, signing.NewVerifier(16))
	if seq, found := history.IsFault(x.Check(history.PartOf(p.Commits[0], 0, 1))); !found || seq != 2 {
		t.Errorf("a fault at %d, want it at 2", seq)
	}
}

// FuzzCheckProof has to take any bytes, and prove nothing but what it is given.
func FuzzCheckProof(f *testing.F) {
	data := prove(f, tried().Raws(), historytest.ID("job-1")).Append(nil)
	few := 0
	for changed := range seedtest.Variants(data) {
		if few++; few%29 == 1 { // each costs a check of signatures
			f.Add(changed)
		}
	}
	f.Fuzz(func(t *testing.T, changed []byte) {
		if a := audit.CheckProof(changed, signing.Hash{}); a.Finding.Proved() {
			if p, err := audit.ParseProof(changed); err != nil || !bytes.Equal(p.Append(nil), changed) {
				t.Errorf("proved by another spelling: %v", err)
			}
		}
	})
}
