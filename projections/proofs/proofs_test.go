package proofs_test

import (
	"testing"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/projections/proofs"
)

// log returns a log of commits with 3, 1 and 3 events, and what is in it.
func log(change func(batches []eventstore.Batch)) (*proofs.Source, *historytest.Partition) {
	p := historytest.Found("horus")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	p.Commit(func(tx *historytest.Tx) {
		for _, id := range []string{"j2", "j3", "j4"} {
			tx.Submit(id, historytest.Job{})
		}
	})
	batches := make([]eventstore.Batch, len(p.Commits))
	for i, c := range p.Commits {
		batches[i] = eventstore.Batch{First: c.Seal.First, Seal: c.Seal.Append(nil)}
		for _, raw := range historytest.RawsOf(c) {
			batches[i].Events = append(batches[i].Events, raw.Event)
		}
	}
	change(batches)
	store := memstore.New()
	for _, b := range batches {
		store.Intrude(b)
	}
	return &proofs.Source{Log: store, Namespace: "horus"}, p
}

func TestEveryEventIsProved(t *testing.T) {
	source, p := log(func([]eventstore.Batch) {})
	for _, raw := range p.Raws() {
		c, err := source.Commit(t.Context(), raw.Seq)
		if err != nil || c == nil {
			t.Fatalf("event %d: %v", raw.Seq, err)
		}
		proof := proofs.Of(c, raw.Seq)
		if err := proof.Check(); err != nil || proof.Seq != raw.Seq || string(proof.Event) != string(raw.Event) {
			t.Errorf("event %d: %+v, %v", raw.Seq, proof, err)
		}
	}
	for _, seq := range []uint64{0, p.Seq() + 1} {
		if c, err := source.Commit(t.Context(), seq); c != nil || err != nil {
			t.Errorf("event %d: %v, %v; want none", seq, c, err)
		}
	}
}

func TestWhatWasNotSealedIsNotProved(t *testing.T) {
	tests := []struct {
		name   string
		change func(batches []eventstore.Batch)
		seq    uint64
	}{
		{"an event of another", func(b []eventstore.Batch) { b[2].Events[1] = b[1].Events[0] }, 6},
		{"an event that is none", func(b []eventstore.Batch) { b[2].Events[1] = []byte("{}") }, 5},
		{"a seal of another commit", func(b []eventstore.Batch) { b[2].Seal = b[0].Seal }, 5},
		{"a seal that is none", func(b []eventstore.Batch) { b[1].Seal = []byte("seal") }, 4},
		{"a seal within", func(b []eventstore.Batch) {
			b[2] = eventstore.Batch{First: 5, Events: b[2].Events[:1], Seal: b[2].Seal}
		}, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source, _ := log(tt.change)
			c, err := source.Commit(t.Context(), tt.seq)
			if _, isFault := history.IsFault(err); c != nil || !isFault {
				t.Errorf("%v, %v; want a fault", c, err)
			}
		})
	}
}

func TestACommitWithoutItsEndIsNone(t *testing.T) {
	source, p := log(func(b []eventstore.Batch) {})
	source.Log.(*memstore.Store).Truncate(p.Seq() - 1)
	if c, err := source.Commit(t.Context(), p.Seq()-2); c != nil || err != nil {
		t.Errorf("%v, %v; want none", c, err)
	}
}
