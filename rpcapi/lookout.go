package rpcapi

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/herocode/horus/domain/history"
)

// lookEventsEvery is how often the end of the history is looked at while
// somebody waits for an event.
const lookEventsEvery = 200 * time.Millisecond

// horizon is how far the history can be read.
type horizon struct{ end, durable uint64 }

// horizon looks how far the history can be read.
func (a *API) horizon(ctx context.Context) (h horizon, err error) {
	if h.durable, err = a.cfg.Backend.System.Durable(ctx); err == nil {
		h.end, err = a.end(ctx)
	}
	return h, err
}

// end returns the last place of the history, 0 while what stands there is no
// event.
func (a *API) end(ctx context.Context) (uint64, error) {
	tip, err := a.cfg.Backend.Log.Tip(ctx)
	if _, strange := history.IsFault(err); err != nil && !strange {
		return 0, fmt.Errorf("read the end of the history: %w", err)
	}
	return tip.Seq, nil
}

// lookout tells those who wait for events that the horizon has moved. One of them
// looks, for all the others, so what it costs does not grow with how many they
// are; when he leaves, another one takes his place. It is safe for concurrent
// use.
type lookout struct {
	look func(context.Context) (horizon, error)
	stop <-chan struct{} // closed when nobody is to wait any more
	turn chan struct{}   // full while somebody looks

	looked time.Time // the last time; of whoever has the turn

	mu sync.Mutex

	seen  horizon
	moved chan struct{} // closed when another one is seen
}

func newLookout(look func(context.Context) (horizon, error), stop <-chan struct{}) *lookout {
	return &lookout{look: look, stop: stop, turn: make(chan struct{}, 1), moved: make(chan struct{})}
}

// news returns what is closed once the history may be another than whoever reads
// it after this call finds.
func (l *lookout) news() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.moved
}

// wait returns true when there is news, and false when the context ends before
// that, or nobody is to wait.
func (l *lookout) wait(ctx context.Context, news <-chan struct{}) bool {
	select {
	case <-news:
		return true
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
		return l.watch(ctx, news)
	case <-l.stop:
	case <-ctx.Done():
	}
	return false
}

// watch looks until there is news.
func (l *lookout) watch(ctx context.Context, news <-chan struct{}) bool {
	for {
		// The pace is that of all who looked, however short each of them stays.
		next := time.NewTimer(time.Until(l.looked.Add(lookEventsEvery)))
		select {
		case <-news:
			return true
		case <-next.C:
		case <-l.stop:
			return false
		case <-ctx.Done():
			return false
		}
		now, err := l.look(ctx)
		if ctx.Err() != nil {
			return false // nothing was seen
		}
		l.looked = time.Now()
		l.tell(now, err)
	}
}

// tell tells what was seen. That nothing could be is news, too: everybody looks
// for himself then, and is told why.
func (l *lookout) tell(now horizon, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && now == l.seen {
		return
	}
	l.seen = now
	close(l.moved)
	l.moved = make(chan struct{})
}
