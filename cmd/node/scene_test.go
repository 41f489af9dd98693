package node

import (
	"context"
	"errors"
	"testing"
	"time"
)

// inline runs functions at once, and never rests.
type inline struct{ Scene }

func (inline) Go(f func()) { f() }

func (inline) Rest(context.Context, <-chan struct{}, time.Duration) {}

// A group whose first function ended before the second began was over twice,
// and the supervisor died of it.
func TestAGroupIsOverOnce(t *testing.T) {
	g, ctx := newGroup(t.Context(), inline{})
	first := errors.New("first")
	for _, err := range []error{nil, first, errors.New("second")} {
		g.Go(func() error { return err })
	}
	if err := g.Wait(); !errors.Is(err, first) || ctx.Err() == nil {
		t.Errorf("the group ended with %v and its context with %v, want the first error", err, ctx.Err())
	}
}
