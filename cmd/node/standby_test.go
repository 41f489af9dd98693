package node

import (
	"testing"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore/memstore"
)

// A supervisor that halted went on waiting for the place that was damaged to be
// good again, also when somebody had cut the log off there, and never led.
func TestWhatEndsAHalt(t *testing.T) {
	p := historytest.Found("horus")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	submitted := p.Seq()
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
	for name, c := range map[string]struct {
		treat func(*memstore.Store)
		want  bool
	}{
		"nothing":      {func(*memstore.Store) {}, false},
		"put back":     {func(s *memstore.Store) { s.Tamper(submitted, func(raw *history.Raw) { raw.Event[0]++ }) }, true},
		"cut off":      {func(s *memstore.Store) { s.Truncate(submitted - 1) }, true},
		"all deleted":  {func(s *memstore.Store) { s.Truncate(0) }, false},
		"cut too late": {func(s *memstore.Store) { s.Truncate(submitted) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			intrude(store, p.Commits...)
			store.Tamper(submitted, func(raw *history.Raw) { raw.Event[0]-- })
			c.treat(store)
			s := &supervisor{store: store, cfg: Config{Namespace: "horus"}}
			if got := s.whole(t.Context(), submitted); got != c.want {
				t.Errorf("leading is tried again: %v, want %v", got, c.want)
			}
		})
	}
}
