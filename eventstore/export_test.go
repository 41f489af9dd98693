package eventstore

import (
	"context"
	"iter"

	"github.com/herocode/horus/domain/event"
)

// Remember makes the leader forget all but about n touches.
func (l *Leader) Remember(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.memory.limit = n
}

// Load reads cold aggregates and leaves it to the caller when what was read is
// learned.
func (l *Leader) Load(ctx context.Context, cold ...event.Aggregate) (learn func() error, err error) {
	loaded, err := l.loader.load(ctx, cold, l.Access())
	return func() error { return l.learn(cold, loaded) }, err
}

// Hot reports whether a is in memory.
func (l *Leader) Hot(a event.Aggregate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.memory.has(a)
}

// Waiting is how many commits wait behind the one on its way.
func (l *Leader) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.full)
	if l.open != nil {
		n++
	}
	return n
}

// Meet fills a filter and returns what it says of others.
func Meet(ids iter.Seq[string]) (stranger func(id string) bool) {
	met := acquaintances{all: true}
	for id := range ids {
		met.add(id)
	}
	return met.stranger
}
