package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/herocode/horus/integration/redistest"
	"github.com/herocode/horus/rpcapi/client"
)

// gap is a log.lost event as an export has it.
type gap struct {
	Actor string
	Data  struct {
		From uint64
		Seal string
	}
}

// gaps returns what the history says that it lost, and where it ends.
func (w *world) gaps() (declared []gap, end uint64) {
	w.t.Helper()
	lines := bufio.NewScanner(strings.NewReader(w.horus(0, "audit", "export")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct {
			Seq   uint64
			Event struct {
				Type string
				gap
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			w.t.Fatal(err)
		}
		end = max(end, entry.Seq)
		if entry.Event.Type == "log.lost" {
			declared = append(declared, entry.Event.gap)
		}
	}
	return declared, end
}

// declares waits until the history says once that it lost what was behind a
// place, on somebody's word.
func (w *world) declares(from uint64, actor string) {
	w.t.Helper()
	eventually(w.t, patience, func(context.Context) error {
		declared, _ := w.gaps()
		if len(declared) != 1 || declared[0].Data.From != from || declared[0].Actor != actor {
			return fmt.Errorf("the history declares %+v; want one gap from %d on the word of %s", declared, from, actor)
		}
		return nil
	})
}

// finish submits n jobs and waits for their outcomes.
func (w *world) finish(n int) []ack {
	w.t.Helper()
	acked := w.take(n, w.submitting(n, w.note()))
	for _, a := range acked {
		w.wantOneOutcome(a.ID)
	}
	return acked
}

// wantLoss checks what every loss must leave: what was there before is whole,
// what is lost is unknown, and the system goes on.
func (w *world) wantLoss(kept, lost []ack) {
	w.t.Helper()
	after := w.finish(20)
	for _, a := range lost {
		if !w.isGone(a.ID) {
			w.t.Errorf("job %s is lost, and known", a.ID)
		}
	}
	for _, a := range append(kept, after...) {
		w.wantOneOutcome(a.ID)
	}
	w.wantRunOnce(append(append(kept, lost...), after...))
	w.wantDeclared()
}

// wantDeclared checks a history that says what it lost, and that the read models
// are what follows from it.
func (w *world) wantDeclared() {
	w.t.Helper()
	if out := w.horus(3, "audit", "verify"); !strings.HasPrefix(out, "lost") {
		w.t.Errorf("horus audit verify: %s", out)
	}
	w.wantEqual()
}

// TestALostEndIsDeclared takes Redis back to an older copy under a supervisor
// that leads. It notices, says so in the history, and the process that works on a
// job that nobody knows any more gives it up.
func TestALostEndIsDeclared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{AOF: redistest.EverySecond}))
	w.up()
	kept := w.finish(20)
	old := w.redis.Snapshot()
	_, end := w.gaps()
	lost := w.finish(20)
	endless, err := w.Submit(w.ctx(), client.NewJob(`echo $$ >`+w.runs+`.pid; exec sleep 600`).Runner("r1"))
	if err != nil {
		t.Fatal(err)
	}
	pid := w.firstLine(w.runs + ".pid")
	head := filepath.Join(t.TempDir(), "head")
	w.horus(0, "audit", "verify", "--head", head)

	w.redis.Restore(old)
	w.declares(end+1, "system:leader")
	eventually(t, patience, func(context.Context) error {
		if _, err := os.Stat(filepath.Join("/proc", pid)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("job %s, which nobody knows, still runs: %w", endless.ID, err)
		}
		return nil
	})
	w.wantLoss(kept, lost)
	if out := w.horus(3, "audit", "verify", "--head", head); !strings.HasPrefix(out, "lost") {
		t.Errorf("whoever remembers the end that was lost is told: %s", out)
	}
}

// firstLine waits for a file and returns its first line.
func (w *world) firstLine(path string) (line string) {
	w.t.Helper()
	eventually(w.t, patience, func(context.Context) error {
		text, err := os.ReadFile(path)
		var whole bool
		if line, _, whole = strings.Cut(string(text), "\n"); err == nil && !whole {
			err = fmt.Errorf("%s: %q", path, text)
		}
		return err
	})
	return line
}

// TestALostEndIsDeclaredByWhoComesBack kills the supervisor as well. What it
// remembers is in its state directory.
func TestALostEndIsDeclaredByWhoComesBack(t *testing.T) {
	t.Parallel()
	w, l := lostWhileDown(t)
	w.supervisor()
	w.declares(l.end+1, "system:leader")
	w.wantLoss(l.kept, l.lost)
}

// lostEnd is what a Redis lost, and what it did not.
type lostEnd struct {
	end        uint64 // of the log that is left
	kept, lost []ack
}

// lostWhileDown makes a world whose Redis lost its end, and whose supervisor was
// killed before.
func lostWhileDown(t *testing.T) (*world, lostEnd) {
	t.Helper()
	w := newWorld(t, redistest.Start(t, redistest.Options{}))
	supervisor, _ := w.up()
	var l lostEnd
	l.kept = w.finish(20)
	old := w.redis.Snapshot()
	_, l.end = w.gaps()
	l.lost = w.finish(20)
	w.remembers(l.end + 1)
	supervisor.kill()
	w.redis.Restore(old)
	return w, l
}

// remembers waits until the state directory remembers a seal behind a place.
func (w *world) remembers(seq uint64) {
	w.t.Helper()
	eventually(w.t, patience, func(context.Context) error {
		text, err := os.ReadFile(filepath.Join(w.dir, string(w.ns), "head"))
		if err != nil {
			return err
		}
		var version, term, first uint64
		if _, err := fmt.Sscanf(string(text), "%d.%d.%d.", &version, &term, &first); err != nil || first < seq {
			return fmt.Errorf("the state directory remembers %q: %w", text, err)
		}
		return nil
	})
}

// TestALostEndIsDeclaredByAStandBy has another supervisor lead, who was not
// there, before the one comes back that remembers: it takes the lead and says
// so.
func TestALostEndIsDeclaredByAStandBy(t *testing.T) {
	t.Parallel()
	w, l := lostWhileDown(t)

	forgetful := newWorld(t, w.redis)
	forgetful.ns = w.ns
	w.copyKeys(forgetful.dir, "supervisor.key", "operator.key", "trust", "api.key")
	forgetful.supervisor("--name", "forgetful")
	if declared, _ := w.gaps(); len(declared) > 0 {
		t.Fatalf("who remembers nothing declares %+v", declared)
	}
	w.supervisor("--name", "remembers")
	w.declares(l.end+1, "system:leader")
	w.wantLoss(l.kept, l.lost)
}

// copyKeys copies files of the state directory.
func (w *world) copyKeys(to string, names ...string) {
	w.t.Helper()
	folder := filepath.Join(to, string(w.ns))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(w.dir, string(w.ns), name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), data, 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestALostEndIsDeclaredByARunner takes what it remembers from the supervisor.
// The runner, whom the history does not know any more, has seen the end: it finds
// that out with its next report, and joins anew. What it reported is run again.
func TestALostEndIsDeclaredByARunner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Start(t, redistest.Options{}))
	supervisor := w.supervisor()
	w.admit()
	old := w.redis.Snapshot()
	_, end := w.gaps()
	w.runner("r1")
	lost := w.finish(20)
	supervisor.kill()
	if err := os.Remove(filepath.Join(w.dir, string(w.ns), "head")); err != nil {
		t.Fatal(err)
	}
	w.redis.Restore(old)
	w.supervisor()
	after := w.finish(1)
	w.declares(end+1, "runner:r1")
	for _, a := range lost {
		if !w.isGone(a.ID) {
			t.Errorf("job %s is lost, and known", a.ID)
		}
	}
	if n := w.timesRun()[after[0].ID]; n > 2 {
		t.Errorf("the first job behind the loss ran %d times", n)
	}
	w.wantDeclared()
}

// TestAnEndThatSomebodyDeletedIsGoneOnFrom deletes the log's last entry where
// nobody remembers it. Redis takes no entry below the highest that a stream ever
// had, so the log must be made to end there.
func TestAnEndThatSomebodyDeletedIsGoneOnFrom(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor := w.supervisor()
	w.horus(0, "keys", "add")
	supervisor.terminate(patience)
	if err := os.Remove(filepath.Join(w.dir, string(w.ns), "head")); err != nil {
		t.Fatal(err)
	}
	_, end := w.gaps()
	log := fmt.Sprintf("%s:{p000}:log", w.ns)
	if n, err := w.hand.XDel(t.Context(), log, fmt.Sprintf("%d-0", end)).Result(); n != 1 || err != nil {
		t.Fatalf("deleted %d entries: %v", n, err)
	}
	w.up()
	w.finish(1)
	w.wantTrue()
}
