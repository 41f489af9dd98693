package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// ballast fills a Redis with what is of no use to anybody.
type ballast struct {
	*world
	n int
}

// share is how much of its memory Redis uses, in percent, of what counts.
func (b *ballast) share() float64 {
	b.t.Helper()
	text, err := b.hand.Info(b.ctx(), "memory").Result()
	if err != nil {
		b.t.Fatal(err)
	}
	read := func(name string) float64 {
		_, rest, _ := strings.Cut(text, "\n"+name+":")
		value, _, _ := strings.Cut(rest, "\r")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.t.Fatalf("%s of INFO: %v", name, err)
		}
		return n
	}
	return 100 * (read("used_memory") - read("mem_not_counted_for_evict")) / read("maxmemory")
}

// fill puts ballast in until so much is used.
func (b *ballast) fill(percent float64) {
	b.t.Helper()
	for b.share() < percent {
		if !b.put(64 << 10) {
			return
		}
	}
}

// limit is what Redis may use. Far below what it uses, no write gets through:
// beside a limit that is just reached, what clients give up makes room for one.
func (b *ballast) limit(bytes string) {
	b.t.Helper()
	if err := b.hand.ConfigSet(b.ctx(), "maxmemory", bytes).Err(); err != nil {
		b.t.Fatal(err)
	}
}

// put puts a piece in, and reports whether it was taken.
func (b *ballast) put(size int) bool {
	b.t.Helper()
	err := b.hand.Set(b.ctx(), fmt.Sprint("ballast:", b.n), strings.Repeat("x", size), 0).Err()
	switch {
	case err == nil:
		b.n++
	case !redis.HasErrorPrefix(err, "OOM"):
		b.t.Fatal(err)
	}
	return err == nil
}

// drop takes all of it out again.
func (b *ballast) drop() {
	b.t.Helper()
	for ; b.n > 0; b.n-- {
		if err := b.hand.Unlink(b.ctx(), fmt.Sprint("ballast:", b.n-1)).Err(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// gated is a job that runs until a file is there.
func (w *world) gated(id string) (open func()) {
	w.t.Helper()
	gate := filepath.Join(w.t.TempDir(), "gate")
	script := fmt.Sprintf("while [ ! -e %s ]; do sleep 0.05; done; echo through", gate)
	if _, err := w.Submit(w.ctx(), client.NewJob(script).ID(id).Runner("r1")); err != nil {
		w.t.Fatal(err)
	}
	w.is(id, job.Running)
	return func() {
		if err := writeFile(gate); err != nil {
			w.t.Fatal(err)
		}
	}
}

// is waits until a job is in a state.
func (w *world) is(id string, s job.Status) {
	w.t.Helper()
	eventually(w.t, patience, func(ctx context.Context) error {
		view, err := w.Get(ctx, id)
		if err == nil && view.State != s {
			err = fmt.Errorf("job %s is %s, want %s", id, view.State, s)
		}
		return err
	})
}

// TestMemoryEndsGracefully fills a Redis of 64 MiB while jobs run. From three
// quarters on no new job is taken, and all else goes on; when nothing more can be
// written, everything waits, nobody takes the lead from anybody, and it goes on
// by itself when there is room again. Nothing is lost.
func TestMemoryEndsGracefully(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{AOF: redistest.EverySecond, Args: []string{"--maxmemory", "64mb"}}))
	supervisor, _ := w.up()
	standBy := w.standBy(freePort(t), "--name", "stand-by")
	w.waitForLog(standBy, "standing by")
	b := &ballast{world: w}
	acked := w.finish(10)
	term := w.term()
	openOne, openTwo := w.gated("one"), w.gated("two")
	gone := w.finish(1)[0]
	once := w.caller(1, w.url())

	b.fill(80)
	var refused *client.Error
	eventually(t, patience, func(ctx context.Context) error {
		if _, err := once.Submit(ctx, client.NewJob("true").Runner("r1")); !errors.As(err, &refused) {
			return fmt.Errorf("submit: %w", err)
		}
		return nil
	})
	if refused.Code != domain.Overloaded || refused.Reason != "memory" || refused.After != 5*time.Second || refused.Retry != "later" ||
		!strings.Contains(refused.Message, "new jobs are refused from 75 % on until it is below 70 %") {
		t.Errorf("submit: %+v", refused)
	}
	w.wantConcern("% of its memory: new jobs are refused")
	if m := w.metrics(); m[`horus_jobs_refused{reason="memory"}`] != 1 || m[`horus_redis_memory_bytes{of="max"}`] != 64<<20 ||
		m[`horus_redis_memory_bytes{of="used"}`] < 48<<20 {
		t.Errorf("metrics: %v of %v", m[`horus_redis_memory_bytes{of="used"}`], m[`horus_redis_memory_bytes{of="max"}`])
	}
	openOne()
	w.wantOneOutcome("one") // reports are taken, queues move
	if err := once.Delete(w.ctx(), gone.ID); err != nil || !w.isGone(gone.ID) {
		t.Errorf("delete: %v", err)
	}
	w.horus(0, "keys", "add", "--class", "runner", "--name", "r9")

	b.limit("16mb")
	eventually(t, patience, func(ctx context.Context) error {
		code, body, err := fetch(ctx, w.url()+"/readyz")
		if err == nil && (code != http.StatusServiceUnavailable || !strings.Contains(body, "memory of Redis is full")) {
			err = fmt.Errorf("/readyz: %d %q", code, body)
		}
		return err
	})
	openTwo()
	full := time.Now()
	eventually(t, patience, func(context.Context) error {
		if time.Since(full) < 5*time.Second { // more than a stand-by needs to take a leader for dead
			return errors.New("wait")
		}
		return nil
	})
	if view, err := w.Get(w.ctx(), "two"); err != nil || view.State != job.Running {
		t.Errorf("a job whose end cannot be recorded is %s, %v", view.State, err)
	}
	if _, err := once.Submit(w.ctx(), w.note()); !errors.As(err, &refused) || refused.Reason != "memory_full" {
		t.Errorf("submit to a full Redis: %v", err)
	}

	b.drop()
	b.limit("64mb")
	w.wantOneOutcome("two")
	if now := w.term(); now != term {
		t.Errorf("term %s began while the memory was full, it was %s", now, term)
	}
	w.waitForLog(supervisor, "taking new jobs again")
	acked = append(acked, w.finish(20)...)
	w.wantAll(acked)
	w.wantRunOnce(append(acked, gone))
	for p, words := range map[*process]string{supervisor: "loop=commit", standBy: "not leading; trying again"} {
		if n := strings.Count(p.out.String(), words); n > 3 {
			t.Errorf("%s says %q %d times", p.name, words, n)
		}
	}
}
