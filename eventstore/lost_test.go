package eventstore_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
)

// ledger is a log of commits that nobody signed, whose terms and sizes a test
// chooses.
type ledger struct {
	*memstore.Store
	seals []signing.Seal
}

func (l *ledger) add(term uint64, count int) {
	seal := signing.Seal{Namespace: namespace, Term: term, First: 1, Count: uint32(count), Key: "00112233445566778899aabbccddeeff"}
	if n := len(l.seals); n > 0 {
		seal.First, seal.Prev = l.seals[n-1].Last()+1, l.seals[n-1].Hash()
	}
	b := eventstore.Batch{First: seal.First, Seal: seal.Append(nil)}
	for range count {
		b.Events = append(b.Events, []byte("an event"))
	}
	l.Intrude(b)
	l.seals = append(l.seals, seal)
}

// keep forgets all but the first n commits.
func (l *ledger) keep(n int) {
	l.seals = l.seals[:n:n]
	l.Truncate(l.seals[n-1].Last())
}

// Whatever was lost and whoever went on: a seal that is there is not lost, and
// one that is not was lost from behind the last commit of its time.
func TestLostFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{Store: memstore.New()}
		sizes, step := rapid.IntRange(1, 40), rapid.Uint64Range(0, 2)
		grow := func(term uint64, commits int) uint64 {
			for range commits {
				term += step.Draw(t, "term")
				l.add(term, sizes.Draw(t, "events"))
			}
			return term
		}
		term := grow(1, rapid.IntRange(1, 30).Draw(t, "before"))
		was := l.seals
		kept := rapid.IntRange(1, len(was)).Draw(t, "kept")
		l.keep(kept)
		grow(term+1, rapid.IntRange(0, 10).Draw(t, "after")) // a later leader, who did not know
		remembered := rapid.IntRange(0, len(was)-1).Draw(t, "remembered")
		want := uint64(0)
		if remembered >= kept {
			want = was[kept-1].Last() + 1
		}
		if got, err := eventstore.LostFrom(context.Background(), l, was[remembered]); err != nil || got != want {
			t.Fatalf("seal %d of %d, %d kept: lost from %d (%v), want %d", remembered, len(was), kept, got, err, want)
		}
	})
}

// What is no loss is not called one.
func TestLostFromHalts(t *testing.T) {
	l := &ledger{Store: memstore.New()}
	l.add(1, 3)
	lost := signing.Seal{Namespace: namespace, Term: 1, First: 4, Count: 2, Statements: 1, Prev: l.seals[0].Hash(), Key: l.seals[0].Key}
	for _, c := range []struct {
		name, reason string
		log          func() eventstore.Log
	}{
		{"nothing is left", "log_emptied", func() eventstore.Log { return memstore.New() }},
		{"another commit of the same term stands there", "log_rewritten", func() eventstore.Log {
			l := &ledger{Store: memstore.New()}
			l.add(1, 3)
			l.add(1, 2)
			return l
		}},
		{"the log has no seals", "log_damaged", func() eventstore.Log {
			s := memstore.New()
			s.Intrude(eventstore.Batch{First: 1, Events: [][]byte{[]byte("x")}, Seal: []byte("none")})
			return s
		}},
	} {
		if from, err := eventstore.LostFrom(t.Context(), c.log(), lost); domain.ReasonOf(err) != c.reason || domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: lost from %d, %v; want it halted with %s", c.name, from, err, c.reason)
		}
	}
}
