package repair_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/eventstore/repair"
)

var about = audit.Options{Namespace: "horus"}

// written returns a store that holds a random history, and that history.
func written(t *rapid.T) (*memstore.Store, []history.Raw) {
	p := historytest.Found("horus")
	p.Live(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }, rapid.IntRange(10, 30).Draw(t, "events"))
	store := memstore.New()
	fill(store, p.Raws())
	return store, p.Raws()
}

func fill(store *memstore.Store, log []history.Raw) {
	var c eventstore.Batch
	for _, raw := range log {
		if len(c.Events) == 0 {
			c.First = raw.Seq
		}
		c.Events = append(c.Events, raw.Event)
		if len(raw.Seal) > 0 {
			c.Seal = raw.Seal
			store.Intrude(c)
			c = eventstore.Batch{}
		}
	}
}

// flip changes one byte of an event behind the founding's commit, and returns
// where the commit before it ends.
func flip(t *rapid.T, store *memstore.Store, log []history.Raw) (good uint64) {
	starts := historytest.Starts(log)
	i := rapid.IntRange(starts[1], len(log)-1).Draw(t, "flipped")
	store.Tamper(log[i].Seq, func(raw *history.Raw) {
		raw.Event = bytes.Clone(raw.Event)
		raw.Event[rapid.IntRange(0, len(raw.Event)-1).Draw(t, "byte")] ^= 1
	})
	for _, start := range starts {
		if start <= i {
			good = uint64(start)
		}
	}
	return good
}

func diagnose(t rapid.TB, store eventstore.Log) repair.Diagnosis {
	t.Helper()
	d, err := repair.Diagnose(context.Background(), store, about)
	if err != nil {
		t.Fatalf("diagnose: %v", err)
	}
	return d
}

// held takes the lease, as Hold does where nobody ever led.
func held(t rapid.TB, store *memstore.Store) (term uint64) {
	t.Helper()
	holder, _ := store.Holder(context.Background())
	next := eventstore.Holder{Term: holder.Term + 1, Name: "repair"}
	if err := store.Take(context.Background(), holder, next); err != nil {
		t.Fatal(err)
	}
	return next.Term
}

// A whole log needs nothing; one with a changed byte is good up to the commit
// before it, and there is a seal that shows that there was more.
func TestDiagnose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, log := written(t)
		if d := diagnose(t, store); !d.Verdict.Finding.Proved() || d.Good.Seq != uint64(len(log)) || d.End != d.Good.Seq {
			t.Fatalf("of a whole log: %+v", d)
		}
		good := flip(t, store, log)
		d := diagnose(t, store)
		if d.Verdict.Finding != audit.Tampered || d.Good.Seq != good || d.Good.Seal != string(log[good-1].Seal) || d.End != uint64(len(log)) {
			t.Fatalf("changed behind %d: %+v", good, d)
		}
		if want := evident(t, log, good); want != (d.Evidence != nil) || want && d.Evidence.Last() <= good {
			t.Fatalf("evidence of more than %d events: %v, want %v", good, d.Evidence, want)
		}
	})
}

// evident reports whether a supervisor whom the good part knows sealed anything
// behind it: a newcomer who had to be admitted there proves nothing.
func evident(t rapid.TB, log []history.Raw, good uint64) bool {
	t.Helper()
	c, err := historytest.Follow("horus", log[:good], signing.NewVerifier(1), (*history.Chain).Follow)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(log[good:], func(raw history.Raw) bool {
		seal, err := signing.ParseSeal("horus", 0, raw.Seal)
		key, known := c.State.Access.Find(seal.Key)
		return err == nil && known && key.Class == access.Supervisor && !key.Revoked()
	})
}

// Behind a cut, what is left verifies and takes commits.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, log := written(t)
		good := flip(t, store, log)
		d := diagnose(t, store)
		if err := d.Cut(context.Background(), store, held(t, store)); err != nil {
			t.Fatal(err)
		}
		if d := diagnose(t, store); !d.Verdict.Finding.Proved() || d.End != good {
			t.Fatalf("cut behind %d: %+v", good, d)
		}
		if d.Evidence == nil {
			return // see evident
		}
		if from, err := eventstore.LostFrom(context.Background(), store, *d.Evidence); from != good+1 || err != nil {
			t.Fatalf("lost from %d (%v), want %d", from, err, good+1)
		}
	})
}

// A copy that was made before the damage brings everything back, with what was
// appended since.
func TestRestore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, log := written(t)
		starts := historytest.Starts(log)
		good := flip(t, store, log)
		d := diagnose(t, store)
		ends := append(starts, len(log))
		var behind []int // ends of commits that a useful copy may end with
		for _, end := range ends {
			if uint64(end) >= d.Verdict.Seq {
				behind = append(behind, end)
			}
		}
		copied := memstore.New()
		fill(copied, log[:rapid.SampledFrom(behind).Draw(t, "copied")])
		whole := splice(t, copied, store)
		interrupted := rapid.Bool().Draw(t, "interrupted")
		ctx, stop := context.WithCancel(context.Background())
		err := d.Restore(ctx, store, held(t, store), whole(), func(uint64) {
			if interrupted {
				stop()
			}
		})
		stop()
		if d = diagnose(t, store); interrupted && d.End < uint64(len(log)) { // and again, with what is there now
			err = d.Restore(context.Background(), store, held(t, store), whole(), func(uint64) {})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := store.Read(context.Background(), 0, len(log)+1); !same(got, log) {
			t.Fatalf("changed behind %d: the log is another than before", good)
		}
	})
}

// splice exports a copy continued by the log, and opens it as often as it is
// asked.
func splice(t rapid.TB, copied, log eventstore.Log) func() audit.Source {
	t.Helper()
	source, err := audit.FromLog(context.Background(), copied)
	if err != nil {
		t.Fatal(err)
	}
	spliced, err := repair.NewSplice(context.Background(), source, log)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := audit.Export(context.Background(), "horus", 0, spliced, &file); err != nil {
		t.Fatal(err)
	}
	return func() audit.Source {
		source, err := audit.Open(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
}

func same(a, b []history.Raw) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Seq != b[i].Seq || !bytes.Equal(a[i].Event, b[i].Event) || !bytes.Equal(a[i].Seal, b[i].Seal) {
			return false
		}
	}
	return true
}

// A copy that differs in what is good, or ends before the damage, changes
// nothing.
func TestRestoreRefuses(t *testing.T) {
	for reason, edit := range map[string]func(log []history.Raw, good uint64) []history.Raw{
		"other_history": func(log []history.Raw, good uint64) []history.Raw {
			return historytest.Edited(log, int(good)-1, func(s *signing.Seal) { s.Term++ })
		},
		"short_copy": func(log []history.Raw, good uint64) []history.Raw { return log[:good] },
	} {
		t.Run(reason, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				store, log := written(t)
				good := flip(t, store, log)
				copied := memstore.New()
				fill(copied, edit(log, good))
				source, err := audit.FromLog(context.Background(), copied)
				if err != nil {
					t.Fatal(err)
				}
				before, _ := store.Read(context.Background(), 0, len(log))
				d := diagnose(t, store)
				err = d.Restore(context.Background(), store, held(t, store), source, func(uint64) {})
				after, _ := store.Read(context.Background(), 0, len(log))
				if domain.ReasonOf(err) != reason || !same(before, after) {
					t.Fatalf("restored: %v", err)
				}
			})
		})
	}
}

// What a supervisor wrote between the look and the repair is not cut off with
// the rest: it stands in no copy.
func TestALogThatGrewIsLookedAtAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, log := written(t)
		flip(t, store, log)
		d := diagnose(t, store)
		copied := memstore.New()
		fill(copied, log)
		source, err := audit.FromLog(context.Background(), copied)
		if err != nil {
			t.Fatal(err)
		}
		store.Intrude(eventstore.Batch{First: d.End + 1, Events: [][]byte{[]byte("news")}, Seal: log[len(log)-1].Seal})
		before, _ := store.Read(context.Background(), 0, len(log)+2)
		term := held(t, store)
		for name, err := range map[string]error{
			"cut":     d.Cut(context.Background(), store, term),
			"restore": d.Restore(context.Background(), store, term, source, func(uint64) {}),
		} {
			after, _ := store.Read(context.Background(), 0, len(log)+2)
			if domain.ReasonOf(err) != "grown" || !same(before, after) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

// Nobody repairs under a leader's feet; where nobody leads, the lease is given
// back afterwards.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		if err := store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "s1"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				_ = store.Beat(ctx, 1)
				time.Sleep(eventstore.BeatEvery)
			}
		}()
		err := repair.Hold(t.Context(), store, "repair", func(context.Context, uint64) error { t.Error("held under a leader"); return nil })
		if domain.ReasonOf(err) != "led" {
			t.Errorf("while s1 leads: %v", err)
		}
		stop()
		ran := false
		err = repair.Hold(t.Context(), store, "repair", func(ctx context.Context, term uint64) error {
			time.Sleep(3 * eventstore.TakeAfter)
			holder, err := store.Holder(ctx)
			ran = holder.Term == term && holder.Beat > 0
			return err
		})
		if err != nil || !ran {
			t.Errorf("after s1: %v, beaten %v", err, ran)
		}
		if holder, _ := store.Holder(t.Context()); holder.Name != "" {
			t.Errorf("the lease is still %s's", holder.Name)
		}
	})
}
