package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/audit/audittest"
)

const namespace = "horus"

// memory is a log in memory. Nothing checks what is put into it.
type memory []history.Raw

func (m memory) Tip(context.Context) (eventstore.Tip, error) {
	if len(m) == 0 {
		return eventstore.Tip{}, nil
	}
	last := m[len(m)-1]
	return eventstore.Tip{Seq: last.Seq, Seal: string(last.Seal)}, nil
}

func (m memory) Read(_ context.Context, after uint64, limit int) ([]history.Raw, error) {
	for len(m) > 0 && m[0].Seq <= after {
		m = m[1:]
	}
	return m[:min(limit, len(m))], nil
}

// tester is what a test of any sort can do.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// lived returns a valid history of at least so many events.
func lived(seed uint64, events int) *historytest.Partition {
	p := historytest.New(namespace)
	p.Live(rand.New(rand.NewPCG(seed, 0)).IntN, events)
	return p
}

// written returns the log of one.
func written(seed uint64, events int) []history.Raw { return lived(seed, events).Raws() }

// verify audits a log with nothing known beforehand but what o says.
func verify(t tester, log []history.Raw, o audit.Options) audit.Verdict {
	t.Helper()
	source, err := audit.FromLog(t.Context(), memory(log))
	if err != nil {
		t.Fatal(err)
	}
	if o.Namespace == "" {
		o.Namespace = namespace
	}
	verdict, err := audit.Verify(t.Context(), source, o)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

func TestCleanLogsAreValid(t *testing.T) {
	for seed := range uint64(10) {
		log := written(seed, 20+int(seed)*15)
		verdict := verify(t, log, audit.Options{Trust: audit.Fingerprint(log[0].Event)})
		if !verdict.Finding.Proved() || verdict.Seq != uint64(len(log)) || !verdict.Trusted {
			t.Fatalf("seed %d, %d events: %s", seed, len(log), verdict)
		}
		for _, from := range historytest.Starts(log)[1:] { // so is everything up to any seal
			if verdict := verify(t, log[:from], audit.Options{}); !verdict.Finding.Proved() {
				t.Fatalf("seed %d, the first %d events: %s", seed, from, verdict)
			}
		}
	}
}

// clone copies a log with all its bytes.
func clone(log []history.Raw) []history.Raw {
	copied := slices.Clone(log)
	for i := range copied {
		copied[i].Event, copied[i].Seal = bytes.Clone(copied[i].Event), bytes.Clone(copied[i].Seal)
	}
	return copied
}

// TestWhatIsChangedIsFound does everything to logs that one without a key can
// do.
func TestWhatIsChangedIsFound(t *testing.T) {
	logs, same := make([][]history.Raw, 12), make([][]history.Raw, 12)
	for seed := range logs {
		p := lived(uint64(seed), 60) //nolint:gosec // not negative
		logs[seed], same[seed] = p.Raws(), clone(p.Raws())
	}
	for _, m := range audittest.Mutations() {
		t.Run(m.Name, func(t *testing.T) {
			found := 0
			for seed, log := range logs {
				dice := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // not negative
				falsified := m.Do(dice, log)
				if judged(t, log, falsified) {
					found++
				}
				if !reflect.DeepEqual(log, same[seed]) {
					t.Fatal("the mutation changed the log that it copied")
				}
			}
			if found == 0 {
				t.Error("it never changed anything")
			}
		})
	}
}

// judged checks the verdict on a log that was falsified, and reports whether
// there was anything to find.
func judged(t tester, log, falsified []history.Raw) (changed bool) {
	t.Helper()
	changed, err := audittest.Judge(log, falsified, func(head *audit.Head) audit.Verdict {
		return verify(t, falsified, audit.Options{Head: head})
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// TestWhatCouldNotHappenIsFound lets a supervisor seal what never may.
func TestWhatCouldNotHappenIsFound(t *testing.T) {
	for _, f := range audittest.Forgeries() {
		t.Run(f.Name, func(t *testing.T) {
			for seed := range uint64(3) {
				forged, wrong := f.Forge(lived(seed, 40))
				if verdict := verify(t, forged, audit.Options{}); verdict.Finding != audit.Tampered || verdict.Seq != wrong {
					t.Fatalf("want tampered at seq %d, not: %s", wrong, verdict)
				}
			}
		})
	}
}

// TestStolenKeysSealNothing seals the rest of a log again, from any commit on,
// with every kind of key that may not.
func TestStolenKeysSealNothing(t *testing.T) {
	log := written(1, 60)
	for _, name := range audittest.Thieves() {
		for _, from := range historytest.Starts(log) {
			t.Run(fmt.Sprintf("%s from seq %d", name, from+1), func(t *testing.T) {
				verdict := verify(t, historytest.Reseal(log, from, historytest.Key(name)), audit.Options{})
				if verdict.Finding != audit.Tampered || verdict.Seq != uint64(from)+1 {
					t.Fatalf("want tampered at seq %d, not: %s", from+1, verdict)
				}
			})
		}
	}
}

// TestAnyMutationIsFound mixes mutations: whatever was done, something is
// found, and not before the first place that differs.
func TestAnyMutationIsFound(t *testing.T) {
	logs := make([][]history.Raw, 8)
	for seed := range logs {
		logs[seed] = written(uint64(seed), 50)
	}
	mutations := audittest.Mutations()
	rapid.Check(t, func(t *rapid.T) {
		log := logs[rapid.IntRange(0, len(logs)-1).Draw(t, "log")]
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "dice"), 0))
		falsified := mutations[rapid.IntRange(0, len(mutations)-1).Draw(t, "mutation")].Do(dice, log)
		again := falsified
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			again = bytesChanged(dice, again)
		}
		from, _, ok := audittest.Wrong(log, again)
		verdict := verify(t, again, audit.Options{})
		if ok && (verdict.Finding != audit.Tampered || verdict.Seq < from) {
			t.Fatalf("want tampered at seq %d or later, not: %s", from, verdict)
		}
		if !ok && len(again) > 0 && !verdict.Finding.Proved() {
			t.Fatalf("want valid, not: %s", verdict)
		}
	})
}

func bytesChanged(dice *rand.Rand, log []history.Raw) []history.Raw {
	if len(log) == 0 {
		return log
	}
	i := dice.IntN(len(log))
	changed := make([]history.Raw, len(log))
	copy(changed, log)
	changed[i].Event = append([]byte{}, log[i].Event...)
	if n := len(changed[i].Event); n > 0 {
		changed[i].Event[dice.IntN(n)] ^= 0x55
	}
	return changed
}

// A commit is refused as a whole where one of its events is of another place,
// and is not folded. A job that began in it is no job that had ended, and the
// place to name is that of the event which is wrong.
func TestWhatBeganInACommitThatIsWrongHadNotEnded(t *testing.T) {
	p := historytest.Found(namespace)
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{Held: true})
		tx.Release("j1")
		tx.Submit("j2", historytest.Job{})
	})
	log := p.Raws()
	last := &log[len(log)-1]
	last.Event = bytes.Replace(last.Event, []byte(`"ns":"`), []byte(`"ns":"x`), 1)
	verdict := verify(t, log, audit.Options{})
	if verdict.Finding != audit.Tampered || verdict.Seq != last.Seq {
		t.Errorf("%s; want it at seq %d", verdict, last.Seq)
	}
}
