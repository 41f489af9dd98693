package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// How the end of the log is read while somebody waits for news.
const (
	tailEvery = 50 * time.Millisecond
	tailPage  = 256 // entries of one read
)

// tail tells of news about jobs where no engine does: it reads the end of the
// log while somebody waits. What it tells is a hint; whoever hears it looks at
// the job. It is safe for concurrent use.
type tail struct {
	log  eventstore.Log
	wake chan struct{}

	mu sync.Mutex

	byJob map[job.ID][]chan struct{}
}

func newTail(log eventstore.Log) *tail {
	return &tail{log: log, wake: make(chan struct{}, 1), byJob: map[job.ID][]chan struct{}{}}
}

// Watch returns a channel that receives when something happened to a job. The
// caller looks at the job after it began to watch, and calls stop when it is
// done.
func (t *tail) Watch(id job.ID) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byJob[id] = append(t.byJob[id], ch)
	signal(t.wake)
	return ch, func() { t.remove(id, ch) }
}

func (t *tail) remove(id job.ID, ch chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := slices.DeleteFunc(t.byJob[id], func(c chan struct{}) bool { return c == ch })
	if len(left) == 0 {
		delete(t.byJob, id)
		return
	}
	t.byJob[id] = left
}

func (t *tail) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byJob) == 0
}

// run reads while somebody waits, until the context ends.
func (t *tail) run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-t.wake:
		case <-ctx.Done():
			return
		}
		if tip, err := t.log.Tip(ctx); err == nil {
			t.follow(ctx, tip.Seq)
		} else if !t.idle() {
			sleep(ctx, goroutines{}, time.Second)
			signal(t.wake)
		}
	}
}

// follow tells what comes after a place until nobody waits any more, or the log
// cannot be read.
func (t *tail) follow(ctx context.Context, after uint64) {
	t.tellAll() // what came before the place was perhaps missed
	for ctx.Err() == nil && !t.idle() {
		raws, err := t.log.Read(ctx, after, tailPage)
		if err != nil {
			sleep(ctx, goroutines{}, time.Second)
			signal(t.wake)
			return
		}
		for _, raw := range raws {
			after = raw.Seq
			e, err := history.ParseEntry(raw.Seq, raw.Event)
			if err == nil && e.Aggregate.Kind == event.Job {
				t.tell(e.Aggregate.ID)
			}
		}
		if len(raws) < tailPage {
			sleep(ctx, goroutines{}, tailEvery)
		}
	}
}

func (t *tail) tell(text string) {
	id, err := job.ParseID(text)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, ch := range t.byJob[id] {
		signal(ch)
	}
}

func (t *tail) tellAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, watching := range t.byJob {
		for _, ch := range watching {
			signal(ch)
		}
	}
}

func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
