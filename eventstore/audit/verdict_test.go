package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
)

// short is a history whose verdict can be written by hand.
func short() *historytest.Partition {
	p := lived(1, 1)
	p.Commit(func(tx *historytest.Tx) {
		r1 := p.Processes()[0]
		tx.Submit("good", historytest.Job{})
		tx.Report(r1, runner.Completed{About: tx.About("good"), Result: "done"})
		tx.Submit("bad", historytest.Job{Form: job.FormJCS})
		tx.Report(r1, runner.Failed{About: tx.About("bad"), Kind: job.FailedError, Exit: 3})
		tx.Submit("open", historytest.Job{Form: job.FormUnsigned})
	})
	return p
}

func TestAValidLogIsDescribed(t *testing.T) {
	log := short().Raws()
	verdict := verify(t, log, audit.Options{Trust: audit.Fingerprint(log[0].Event)})
	want := audit.Verdict{
		Finding: audit.Valid, Namespace: namespace, Seq: uint64(len(log)),
		Founding: signing.LeafHash(log[0].Event), Trusted: true,
		Counts: audit.Counts{
			// One of each seal, of six jobs, of two joins and of two ends.
			Events: uint64(len(log)), Commits: 6, Signatures: 16,
			Jobs: audit.Jobs{
				Total: 7, Completed: 1, Failed: map[string]uint64{"error": 1}, Open: 5, States: map[string]uint64{"queued": 5},
			},
			Keys:     map[string]uint64{"supervisor": 3, "operator": 1, "client": 2, "runner": 1},
			FirstUse: 1,
		},
	}
	seal, err := signing.ParseSeal(namespace, 0, log[len(log)-1].Seal)
	if err != nil {
		t.Fatal(err)
	}
	last, err := event.Parse(log[len(log)-1].Event)
	if err != nil {
		t.Fatal(err)
	}
	want.Seal, want.Time = seal.Hash(), last.At
	if diff := cmp.Diff(want, verdict); diff != "" {
		t.Error(diff)
	}
	if code := verdict.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// What an audit counts is what somebody counts who forgets nothing.
func TestJobsAreCounted(t *testing.T) {
	for seed := range uint64(4) {
		p := lived(seed, 600)
		want := audit.Jobs{Failed: map[string]uint64{}, States: map[string]uint64{}}
		outcomes := map[string]event.Data{}
		dropped := map[string]bool{}
		for _, c := range p.Commits {
			for i := range c.Entries {
				switch data := c.Entries[i].Data.(type) {
				case job.Completed, job.Failed, job.Stopped:
					outcomes[c.Entries[i].Aggregate.ID] = data
				case job.Dropped:
					dropped[c.Entries[i].Aggregate.ID] = true
				case job.ReportRefused:
					want.Refused++
				}
			}
		}
		for id, j := range p.State.Jobs {
			want.Total++
			if !j.Status.Terminal() {
				want.Open++
				want.States[j.Status.String()]++
				continue
			}
			switch data := outcomes[id.String()].(type) {
			case job.Completed:
				want.Completed++
			case job.Failed:
				want.Failed[string(data.Kind)]++
			case job.Stopped:
				want.Stopped++
			}
			if dropped[id.String()] {
				want.Dropped++
			}
		}
		if diff := cmp.Diff(want, verify(t, p.Raws(), audit.Options{}).Counts.Jobs); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// example is a verdict with a seal and a founding that are easy to write.
func example() audit.Verdict {
	var at event.Time
	if err := at.UnmarshalText([]byte("2026-01-02T15:04:05Z")); err != nil {
		panic(err)
	}
	return audit.Verdict{
		Finding: audit.Valid, Namespace: "horus", Partition: 3, Seq: 12, Time: at,
		Seal: signing.Hash(bytes.Repeat([]byte{0xab}, 32)), Founding: signing.Hash(bytes.Repeat([]byte{0xcd}, 32)),
		Counts: audit.Counts{
			Events: 12, Commits: 1, Signatures: 7, FirstUse: 2,
			Jobs: audit.Jobs{
				Total: 9, Completed: 2, Failed: map[string]uint64{"lost": 2, "error": 1}, Stopped: 1,
				Open: 3, States: map[string]uint64{"scheduled": 1, "queued": 2}, Dropped: 1, Refused: 4,
			},
			Keys: map[string]uint64{"supervisor": 1, "operator": 1},
		},
	}
}

func TestAVerdictReadsWell(t *testing.T) {
	const (
		ab = "abababababababababababababababababababababababababababababababab"
		cd = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	)
	tampered := audit.Verdict{Finding: audit.Tampered, Namespace: "horus", Seq: 7, Why: "event 7 is missing: the next one has 8"}
	cannot := audit.Verdict{Namespace: "horus", Why: "the log is empty"}
	for _, c := range []struct {
		verdict audit.Verdict
		exit    int
		people  string
		program string
	}{
		{
			verdict: example(), exit: 0,
			people: "valid up to seq 12 of horus p003\n" +
				"  seal        " + ab + "\n" +
				"  time        2026-01-02T15:04:05.000000Z\n" +
				"  founded by  " + cd + " (unchecked: compare it with what its founder says)\n" +
				"  proved      12 events in 1 commit, 7 signatures\n" +
				"  jobs        9: 2 completed, 3 failed (1 error, 2 lost), 1 stopped, 3 open (2 queued, 1 scheduled); " +
				"1 of the failed ones dropped; refused 4 late reports\n" +
				"  keys        1 operator, 1 supervisor; admitted by first use: 2 runners",
			program: `{"verdict":"valid","namespace":"horus","partition":3,"seq":12,"seal":"` + ab + `",` +
				`"time":"2026-01-02T15:04:05.000000Z","founded_by":"` + cd + `","trust":"unchecked",` +
				`"counts":{"events":12,"commits":1,"signatures":7,` +
				`"jobs":{"total":9,"completed":2,"failed":{"error":1,"lost":2},"stopped":1,` +
				`"open":3,"states":{"queued":2,"scheduled":1},"dropped":1,"refused":4},` +
				`"keys":{"operator":1,"supervisor":1},"first_use":2}}`,
		},
		{
			verdict: tampered, exit: 1,
			people:  "tampered at seq 7 of horus p000: event 7 is missing: the next one has 8",
			program: `{"verdict":"tampered","namespace":"horus","partition":0,"seq":7,"why":"event 7 is missing: the next one has 8"}`,
		},
		{
			verdict: cannot, exit: 2,
			people:  "cannot tell about horus p000: the log is empty",
			program: `{"verdict":"cannot_tell","namespace":"horus","partition":0,"why":"the log is empty"}`,
		},
	} {
		if got := c.verdict.ExitCode(); got != c.exit {
			t.Errorf("%s: exit code %d, want %d", c.verdict.Finding, got, c.exit)
		}
		if diff := cmp.Diff(c.people, c.verdict.String()); diff != "" {
			t.Error(diff)
		}
		doc, err := json.Marshal(c.verdict)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.program, string(doc)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAVerdictStaysInItsLine(t *testing.T) {
	broken := failing{errors.New("an answer\nwith \x1b[31mcolour")}
	verdict, err := audit.Verify(t.Context(), broken, audit.Options{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	if want := "cannot tell about horus p000: an answer\uFFFDwith \uFFFD[31mcolour"; verdict.String() != want {
		t.Errorf("got %q, want %q", verdict, want)
	}
}

// failing is a source that cannot be read.
type failing struct{ err error }

func (f failing) Next(context.Context) ([]history.Raw, error) { return nil, f.err }
func (failing) End() uint64                                   { return 0 }

func TestTrustIsInTheFounding(t *testing.T) {
	log := short().Raws()
	other := audit.Fingerprint(log[1].Event)
	verdict := verify(t, log, audit.Options{Trust: other})
	if verdict.Finding != audit.Tampered || verdict.Seq != 1 || !strings.Contains(verdict.Why, other.String()) {
		t.Errorf("got %s, want tampered at seq 1: another founding", verdict)
	}
	if verdict := verify(t, log, audit.Options{}); !verdict.Finding.Proved() || verdict.Trusted {
		t.Errorf("got %s, want valid, unchecked", verdict)
	}
}

func TestTheHeadIsRemembered(t *testing.T) {
	p := lived(1, 60)
	log := p.Raws()
	head := verify(t, log, audit.Options{}).Head()
	starts := historytest.Starts(log)
	cut := log[:starts[len(starts)-1]]

	dice := rand.New(rand.NewPCG(5, 0))
	fork := p.Fork(len(p.Commits) - 1)
	fork.Now++
	fork.Live(dice.IntN, 100)
	p.Live(dice.IntN, 100)
	var elsewhere uint64 // where the commit begins that stands at the head's place
	for _, c := range fork.Commits {
		if c.Seal.First <= head.Seq {
			elsewhere = c.Seal.First
		}
	}

	for _, c := range []struct {
		name    string
		log     []history.Raw
		finding audit.Finding
		wrong   uint64
	}{
		{"the log is as it was", log, audit.Valid, 0},
		{"the log went on", p.Raws(), audit.Valid, 0},
		{"the last commit was cut off", cut, audit.Tampered, uint64(len(cut)) + 1},
		{"everything was cut off", nil, audit.Tampered, 1},
		{"another end was written after a cut", fork.Raws(), audit.Tampered, elsewhere},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict := verify(t, c.log, audit.Options{Head: &head})
			if verdict.Finding != c.finding || c.wrong != 0 && verdict.Seq != c.wrong {
				t.Errorf("got %s, want %s at %d", verdict, c.finding, c.wrong)
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	log := short().Raws()
	unreachable := errors.New("cannot reach Redis at localhost:6379")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	fromLog := func(log audit.Log) audit.Source {
		source, err := audit.FromLog(t.Context(), log)
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
	for _, c := range []struct {
		name   string
		ctx    context.Context
		source audit.Source
		why    string
	}{
		{"an empty log", t.Context(), fromLog(memory(nil)), "the log is empty"},
		{"a store that stops to answer", t.Context(), fromLog(lossy{memory(log), unreachable}), "read the log behind seq 0: cannot reach Redis at localhost:6379"},
		{"an audit that is interrupted", canceled, fromLog(lossy{memory(log), nil}), "read the log behind seq 0: context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, err := audit.Verify(c.ctx, c.source, audit.Options{Namespace: namespace})
			if err != nil || verdict.Finding != audit.CannotTell || verdict.Why != c.why {
				t.Errorf("got %v and %s, want %s", err, verdict, c.why)
			}
		})
	}
	if _, err := audit.FromLog(t.Context(), unreachableLog{unreachable}); !errors.Is(err, unreachable) {
		t.Errorf("the end of a log that cannot be reached: %v", err)
	}
}

// lossy is a log whose end can be read, and no more.
type lossy struct {
	memory
	err error
}

func (l lossy) Read(ctx context.Context, _ uint64, _ int) ([]history.Raw, error) {
	if l.err == nil {
		return nil, ctx.Err()
	}
	return nil, l.err
}

func TestALogThatShrinksMeanwhileIsTamperedWith(t *testing.T) {
	log := written(1, 60)
	source, err := audit.FromLog(t.Context(), &shrinking{memory: log})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := audit.Verify(t.Context(), source, audit.Options{Namespace: namespace})
	if err != nil || verdict.Finding != audit.Tampered || verdict.Seq != 7 {
		t.Errorf("got %v and %s, want tampered at seq 7", err, verdict)
	}
}

// shrinking is a log that loses all but its first commits once its end was read.
type shrinking struct{ memory }

func (s *shrinking) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	return s.memory[:6].Read(ctx, after, limit)
}

func TestWhatIsAppendedMeanwhileIsNotLookedAt(t *testing.T) {
	p := short()
	log := &growing{memory: p.Raws()}
	source, err := audit.FromLog(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	end := source.End()
	p.Live(rand.New(rand.NewPCG(1, 0)).IntN, int(end)+40)
	log.memory = p.Raws()
	var done, total uint64
	verdict, err := audit.Verify(t.Context(), source, audit.Options{
		Namespace: namespace, Progress: func(d, t uint64) { done, total = d, t },
	})
	if err != nil || !verdict.Finding.Proved() || verdict.Seq != end {
		t.Errorf("got %v and %s, want valid up to %d", err, verdict, end)
	}
	if done != end || total != end {
		t.Errorf("progress ended with %d of %d, want %d of %d", done, total, end, end)
	}
}

type growing struct{ memory }

func TestOptionsThatCannotBeRightAreRefused(t *testing.T) {
	log := short().Raws()
	for name, o := range map[string]audit.Options{
		"no namespace":                   {},
		"a head of another namespace":    {Namespace: namespace, Head: &audit.Head{Namespace: "other", Seq: 1}},
		"a head of another partition":    {Namespace: namespace, Head: &audit.Head{Namespace: namespace, Partition: 1, Seq: 1}},
		"a namespace that is not a name": {Namespace: "Horus"},
	} {
		source, err := audit.FromLog(t.Context(), memory(log))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Verify(t.Context(), source, o); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

// unreachableLog answers nothing.
type unreachableLog struct{ err error }

func (u unreachableLog) Tip(context.Context) (eventstore.Tip, error) { return eventstore.Tip{}, u.err }

func (u unreachableLog) Read(context.Context, uint64, int) ([]history.Raw, error) {
	return nil, u.err
}
