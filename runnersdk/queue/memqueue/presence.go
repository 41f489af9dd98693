package memqueue

import (
	"context"
	"maps"

	"github.com/herocode/horus/runnersdk/queue"
)

// Beat implements [queue.Presence].
func (w *Wire) Beat(_ context.Context, b queue.Beat) error {
	keep, err := w.fail("Beat")
	if keep {
		w.change(func() { w.beats[b.Field()] = b.Value() })
	}
	return err
}

// Modes implements [queue.Presence].
func (w *Wire) Modes(_ context.Context, fields []string) (map[string]string, error) {
	if _, err := w.fail("Modes"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found := map[string]string{}
	for _, field := range fields {
		if mode, ok := w.modes[field]; ok {
			found[field] = mode
		}
	}
	return found, nil
}

// Beats returns the last beat of each process, as it stands in the hash.
func (w *Wire) Beats() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.beats)
}

// SetMode sets a field of the modes; an empty one removes it.
func (w *Wire) SetMode(field, mode string) {
	w.change(func() {
		w.modes[field] = mode
		if mode == "" {
			delete(w.modes, field)
		}
	})
}
