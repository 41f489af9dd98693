package sim

import (
	"context"
	"maps"
	"slices"

	"github.com/herocode/horus/handlers/presence"
	"github.com/herocode/horus/runnersdk/queue"
)

// Beat implements [queue.Presence].
func (x wire) Beat(_ context.Context, b queue.Beat) error {
	s := x.p.world.server
	_, err := call(x.p, writes, "beat", "", func() (none, error) {
		s.rest.beats[b.Field()] = b.Value()
		return none{}, nil
	})
	return err
}

// Modes implements [queue.Presence].
func (x wire) Modes(_ context.Context, fields []string) (map[string]string, error) {
	s := x.p.world.server
	fields = slices.Clone(fields)
	return call(x.p, reads, "modes", "", func() (map[string]string, error) {
		words := s.views.Modes()
		maps.DeleteFunc(words, func(field, _ string) bool { return !slices.Contains(fields, field) })
		return words, nil
	})
}

// pulses is a supervisor's way to the signs of life of runner processes.
type pulses struct{ p *process }

var _ presence.Pulses = pulses{}

// Page implements [presence.Pulses].
func (x pulses) Page(context.Context, uint64) (map[string]string, uint64, error) {
	s := x.p.world.server
	beats, err := call(x.p, reads, "signs of life", "", func() (map[string]string, error) { return maps.Clone(s.rest.beats), nil })
	return beats, 0, err
}

// Drop implements [presence.Pulses].
func (x pulses) Drop(_ context.Context, fields []string) error {
	s := x.p.world.server
	fields = slices.Clone(fields)
	_, err := call(x.p, writes, "remove signs of life", "", func() (none, error) {
		for _, field := range fields {
			delete(s.rest.beats, field)
		}
		return none{}, nil
	})
	return err
}
