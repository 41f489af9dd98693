package integration

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// TestReadersNoticeNoRebuild rebuilds the read models again and again while
// callers submit jobs, runners run them, and others read what ended before: no
// read fails, and none answers anything but the truth.
func TestReadersNoticeNoRebuild(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.up()
	const ended, rebuilds = 20, 6
	known := w.take(ended, w.submitting(ended, w.note()))
	var first []wire.Job
	for _, a := range known {
		w.wantOneOutcome(a.ID)
		first = append(first, w.mustGet(a.ID))
	}
	w.runs += "-under-load"
	load := w.begin(4, w.note())
	reads := w.hammer(first)
	for i := range rebuilds {
		if out := w.horus(0, "rebuild"); !strings.HasPrefix(out, "equal: ") {
			t.Errorf("rebuild %d: %s", i, out)
		}
	}
	t.Logf("%d reads went well during %d rebuilds", reads(), rebuilds)
	load.wantPromises()
}

func (w *world) mustGet(id string) wire.Job {
	w.t.Helper()
	j, err := w.Get(w.ctx(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// hammer reads jobs that ended, by id, in the list and with their history, until
// stop is called, which returns how many reads there were.
func (w *world) hammer(known []wire.Job) (stop func() int64) {
	const readers = 3
	ctx, cancel := context.WithCancel(w.ctx())
	once := w.caller(1, w.url()) // nothing is hidden by asking again
	var reads atomic.Int64
	var running sync.WaitGroup
	for r := range readers {
		running.Go(func() {
			for i := r; ctx.Err() == nil; i++ {
				if what := readOne(ctx, once, known[i%len(known)]); what != "" && ctx.Err() == nil {
					w.t.Error(what)
				}
				reads.Add(1)
			}
		})
	}
	return func() int64 {
		cancel()
		running.Wait()
		return reads.Load()
	}
}

// readOne reads a job in three ways, and says what is wrong with the answers.
func readOne(ctx context.Context, c *client.Client, want wire.Job) string {
	got, err := c.Get(ctx, want.ID)
	if err != nil {
		return "get: " + err.Error()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return "get (-before +now): " + diff
	}
	events, err := c.History(ctx, want.ID)
	if err != nil {
		return "history: " + err.Error()
	}
	if len(events) != 3 {
		return "history: " + strings.Join(types(events), ", ")
	}
	page, err := c.List(ctx, wire.JobQuery{})
	if err != nil {
		return "list: " + err.Error()
	}
	if len(page.Jobs) == 0 {
		return "list: nothing"
	}
	return ""
}

// TestARebuildCopiesNothing damages every table and list of the read models that
// are in use, and rebuilds while the supervisor is down: what is built is what
// the history says, twice the same, byte by byte.
func TestARebuildCopiesNothing(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	const ended = 20
	known := w.take(ended, w.submitting(ended, w.note()))
	for _, a := range known {
		w.wantOneOutcome(a.ID)
	}
	if code, _ := supervisor.terminate(patience); code != 0 {
		t.Fatalf("the supervisor ended with exit code %d", code)
	}
	w.horus(0, "rebuild")
	before := w.viewBytes()
	for _, key := range w.keys() {
		if strings.HasPrefix(key, w.live("")) {
			w.do("DEL", key)
		}
	}
	if out := w.horus(1, "rebuild"); !strings.HasPrefix(out, "different: ") {
		t.Errorf("a rebuild of views that were deleted: %s", out)
	}
	if after := w.viewBytes(); after != before {
		t.Errorf("two rebuilds of one history differ:\n%s\n%s", before, after)
	}
	w.do("SET", w.live(views.Jobs.String()), "x")
	if out := w.horus(1, "rebuild"); !strings.Contains(out, "something else") {
		t.Errorf("a rebuild of a table that is none: %s", out)
	}
	if after := w.viewBytes(); after != before {
		t.Errorf("the third rebuild differs:\n%s\n%s", before, after)
	}
	w.wantNoExpiry()
	w.supervisor()
	w.wantAll(known)
	w.wantRunOnce(known)
}

// viewBytes is everything that stands in the views that are read, in one text.
func (w *world) viewBytes() string {
	w.t.Helper()
	var all strings.Builder
	live := w.live("")
	for _, key := range w.keys() {
		name, ours := strings.CutPrefix(key, live)
		if ours && name != "pos" {
			all.WriteString(name + strings.TrimPrefix(values(w.t, w.hand, key), key) + "\n")
		}
	}
	return all.String()
}
