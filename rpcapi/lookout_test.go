package rpcapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi"
)

// countedLog is a log that counts how often it is asked for anything.
type countedLog struct {
	rpcapi.Log

	times atomic.Int64
	fails atomic.Bool
}

func (a *countedLog) Tip(ctx context.Context) (eventstore.Tip, error) {
	if a.times.Add(1); a.fails.Load() {
		return eventstore.Tip{}, domain.Errorf(domain.TryAgain, "unread", "not now")
	}
	return a.Log.Tip(ctx)
}

func (a *countedLog) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	a.times.Add(1)
	return a.Log.Read(ctx, after, limit)
}

// readers wait for events, in a test that owns the time.
type readers struct {
	*bubble

	log  *countedLog
	stop chan struct{}
}

func newReaders(t *testing.T) *readers {
	r := &readers{log: &countedLog{}, stop: make(chan struct{})}
	auditor, err := rpcapi.NewAPIKey("ci", rpcapi.Admin, userSecret)
	if err != nil {
		t.Fatal(err)
	}
	r.bubble = newBubble(t, func(c *rpcapi.Config) {
		r.log.Log, c.Backend.Log = c.Backend.Log, r.log
		c.Keys, c.Stopping = []rpcapi.APIKey{auditor}, r.stop
	})
	return r
}

// end is the last place of the history.
func (r *readers) end() uint64 {
	r.t.Helper()
	tip, err := r.Store.Tip(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return tip.Seq
}

// waiting has n callers wait for the next event, for so many seconds.
func (r *readers) waiting(n, seconds int) <-chan answer {
	answers, params := make(chan answer, n), fmt.Sprintf(`{"after":%d,"wait":%d}`, r.end(), seconds)
	for range n {
		go func() { answers <- r.call("events.read", params) }()
	}
	return answers
}

// events counts what is in the answers of n callers.
func (r *readers) events(n int, answers <-chan answer) (count int) {
	r.t.Helper()
	for range n {
		var page struct{ Events []json.RawMessage }
		if a := <-answers; a.Error.Code != 0 || json.Unmarshal(a.Result, &page) != nil {
			r.t.Errorf("%+v", a)
		}
		count += len(page.Events)
	}
	return count
}

func (r *readers) happens(id string) {
	r.t.Helper()
	r.call("jobs.submit", `{"job":{"id":"`+id+`","payload":"x","executor":"sh"}}`)
}

// The store is asked five times a second, however many wait: it used to be so
// for each of them, and a thousand of them kept it from everything else.
func TestManyWhoWaitForEventsCostAsMuchAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many, seconds = 500, 10
		r := newReaders(t)
		answers := r.waiting(many, 30)
		wait(t, 1000)
		before := r.log.times.Load()
		wait(t, seconds*1000)
		if spent := r.log.times.Load() - before; spent < 4*seconds || spent > 6*seconds {
			t.Errorf("the store was asked %d times in %d s", spent, seconds)
		}
		r.happens("j1")
		began := time.Now()
		if got := r.events(many, answers); got != many || time.Since(began) > 200*time.Millisecond {
			t.Errorf("%d callers had %d events after %s", many, got, time.Since(began))
		}
	})
}

// Who looks for the others may leave at any time: another one goes on.
func TestWhoWaitsForEventsDependsOnNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReaders(t)
		short := r.waiting(10, 1)
		synctest.Wait()
		long := r.waiting(10, 30)
		if got := r.events(10, short); got != 0 {
			t.Errorf("those who left had %d events", got)
		}
		r.happens("j1")
		if got := r.events(10, long); got != 10 {
			t.Errorf("those who stayed had %d events", got)
		}
	})
}

// Nobody is kept waiting for what cannot be read, nor by one who is to end.
func TestWaitingForEventsEndsWithTheirSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReaders(t)
		answers := r.waiting(10, 30)
		synctest.Wait()
		r.log.fails.Store(true)
		for range 10 {
			if a := <-answers; a.Error.Code != -32011 {
				t.Errorf("%+v", a)
			}
		}
		r.log.fails.Store(false)
		answers = r.waiting(10, 30)
		synctest.Wait()
		began := time.Now()
		close(r.stop)
		if got := r.events(10, answers); got != 0 || time.Since(began) > 0 {
			t.Errorf("%d events after %s", got, time.Since(began))
		}
	})
}
