package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client"
)

// ward is a world with jobs that ended, that run and that wait, while somebody
// damages everything but the log.
type ward struct {
	*world
	supervisor *process
	gate       string // the file that lets the jobs end which run and wait
	ended      []ack
	open       []ack
}

// Jobs of a ward: r1 runs four at once, and the others wait.
const (
	wardEnded = 10
	wardOpen  = 20
)

func newWard(t *testing.T) *ward {
	t.Helper()
	w := &ward{world: onShared(t), gate: filepath.Join(t.TempDir(), "gate")}
	w.supervisor, _ = w.up()
	w.runner("probe")
	if _, err := w.PauseQueue(w.ctx(), "executor:nobody"); err != nil {
		t.Fatal(err)
	}
	w.ended = w.take(wardEnded, w.submitting(wardEnded, w.note()))
	once, err := w.Submit(w.ctx(), w.note().Nonce("once").NotAfter(time.Now().Add(time.Hour))) // no table is empty
	if err != nil {
		t.Fatal(err)
	}
	w.ended = append(w.ended, ack{Receipt: once})
	for _, a := range w.ended {
		w.wantOneOutcome(a.ID)
	}
	w.open = w.take(wardOpen, w.submitting(wardOpen, client.NewJob(
		`echo begun; until [ -e `+w.gate+` ]; do sleep 0.1; done; echo "$HORUS_JOB_ID" >>`+w.runs).Runner("r1").MaxAttempts(25)))
	w.running()
	return w
}

// running returns when jobs run and others wait, and have reported so.
func (w *ward) running() {
	w.t.Helper()
	eventually(w.t, patience, func(ctx context.Context) error {
		run := w.hand.ZCard(ctx, w.live("state:"+job.Running.String())).Val()
		wait := w.hand.ZCard(ctx, w.live("state:"+job.Waiting.String())).Val()
		if run < 1 || wait < 1 {
			return fmt.Errorf("%d jobs run and %d wait", run, wait)
		}
		return nil
	})
}

// probe runs a job of another runner to its end.
func (w *ward) probe() {
	w.t.Helper()
	receipt, err := w.Submit(w.ctx(), client.NewJob(`echo "$HORUS_JOB_ID" >>`+w.runs).Runner("probe"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.wantOneOutcome(receipt.ID)
	w.ended = append(w.ended, ack{Receipt: receipt})
}

// discharge lets all jobs end, and checks that whatever was done to the system,
// each has one outcome, none that had ended ran again, and the history and the
// read models are true.
func (w *ward) discharge() {
	w.t.Helper()
	if err := writeFile(w.gate); err != nil {
		w.t.Fatal(err)
	}
	w.wantAll(append(w.open, w.ended...))
	times := w.timesRun()
	for _, a := range w.ended {
		if times[a.ID] != 1 {
			w.t.Errorf("job %s, which had ended, ran %d times", a.ID, times[a.ID])
		}
	}
	for _, a := range w.open {
		if times[a.ID] < 1 {
			w.t.Errorf("job %s ended, and never ran to its end", a.ID)
		}
	}
	for _, key := range w.keys() {
		if strings.HasPrefix(key, w.key("v")) && !strings.HasPrefix(key, w.live("")) {
			w.t.Errorf("%s is left of views that nobody reads", key)
		}
	}
	w.wantNoExpiry()
}

// wantNoExpiry checks that no key goes by itself.
func (w *world) wantNoExpiry() {
	w.t.Helper()
	for _, key := range w.keys() {
		if ttl := w.hand.PTTL(w.t.Context(), key).Val(); ttl >= 0 {
			w.t.Errorf("key %s goes in %s", key, ttl)
		}
	}
}

// half returns the damages at even or odd places: two worlds take half the time.
func half(which int, all []damage) []damage {
	var some []damage
	for i, d := range all {
		if i%2 == which {
			some = append(some, d)
		}
	}
	return some
}

// TestWhateverIsDamagedHealsWhileTheSystemRuns does one damage after the other
// to a system that runs. What it needs is noticed within a second or two, and
// made again.
func TestWhateverIsDamagedHealsWhileTheSystemRuns(t *testing.T) {
	for which := range 2 {
		t.Run(fmt.Sprint(which), func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			some := slices.DeleteFunc(damages(), func(d damage) bool { return d.alike })
			for _, d := range half(which, some) {
				w.running()
				t.Log(d.name)
				term := w.term()
				d.do(w.world)
				if !d.quiet {
					eventually(t, patience, func(context.Context) error {
						if now := w.term(); now == term || now == "" {
							return errors.New(d.name + ": nobody noticed")
						}
						return nil
					})
				}
				w.probe()
			}
			w.discharge()
		})
	}
}

// term returns the term of the position, empty while there is none.
func (w *world) term() string {
	return w.hand.HGet(w.t.Context(), w.key("pos"), "term").Val()
}

// TestWhateverIsDamagedHealsWhileNobodyLooks does two damages at a time while the
// supervisor is down.
func TestWhateverIsDamagedHealsWhileNobodyLooks(t *testing.T) {
	for which := range 2 {
		t.Run(fmt.Sprint(which), func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			for two := range slices.Chunk(half(which, damages()), 2) {
				w.running()
				if code, _ := w.supervisor.terminate(patience); code != 0 {
					t.Fatalf("the supervisor ended with exit code %d", code)
				}
				for _, d := range two {
					t.Log(d.name)
					d.do(w.world)
				}
				w.supervisor = w.standBy(w.port)
				w.ready(w.port, patience)
				w.probe()
			}
			w.discharge()
		})
	}
}

// TestEverythingIsDeletedWhileTheSystemRuns deletes every key but the log, and
// in another world puts something else under each.
func TestEverythingIsDeletedWhileTheSystemRuns(t *testing.T) {
	for name, command := range map[string]string{"deleted": "DEL", "of another type": "SET"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t)
			term := w.term()
			for _, key := range w.keys() {
				switch {
				case key == w.key("log"):
				case command == "SET":
					w.do("SET", key, "x")
				default:
					w.do("DEL", key)
				}
			}
			eventually(t, patience, func(context.Context) error {
				if now := w.term(); now == term || now == "" {
					return errors.New("nobody noticed")
				}
				return nil
			})
			w.probe()
			w.discharge()
		})
	}
}

func writeFile(path string) error { return os.WriteFile(path, nil, 0o600) }
