package eventstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
)

// gently asks for work of which nothing is to happen when it is not to be.
func gently(w eventstore.Work) eventstore.Work {
	decide := w.Decide
	w.Decide = func(tx *eventstore.Tx) error {
		err := decide(tx)
		switch domain.CodeOf(err) {
		case domain.Conflict, domain.NotFound, domain.Stale, domain.Expired:
			return nil
		default:
			return err
		}
	}
	return w
}

// decided asks a command of a job.
func decided(id string, by event.Actor, command func(tx *eventstore.Tx, s job.State) job.Command) eventstore.Work {
	return gently(eventstore.Work{
		Aggregates: eventstore.Jobs(jobID(id)),
		Decide: func(tx *eventstore.Tx) error {
			_, err := tx.DecideJob(jobID(id), eventstore.By{Actor: by}, command(tx, tx.Job(jobID(id))))
			return err
		},
	})
}

func tick(id string) eventstore.Work {
	return decided(id, event.BySystem("timers"), func(tx *eventstore.Tx, _ job.State) job.Command { return job.Tick{At: tx.Now()} })
}

func stop(id string) eventstore.Work {
	return decided(id, event.ByAPIKey("ci"), func(*eventstore.Tx, job.State) job.Command { return job.Stop{} })
}

func withdraw(id string) eventstore.Work {
	return decided(id, event.BySystem("stops"), func(_ *eventstore.Tx, s job.State) job.Command { return job.Withdraw{Token: s.Token} })
}

func replay(id string) eventstore.Work {
	return decided(id, event.ByAPIKey("ci"), func(tx *eventstore.Tx, _ job.State) job.Command {
		return job.Replay{Attempts: 2, Limits: job.Limits{Timeout: time.Minute}, At: tx.Now()}
	})
}

func drop(id string) eventstore.Work {
	return decided(id, event.ByAPIKey("ci"), func(*eventstore.Tx, job.State) job.Command { return job.Drop{} })
}

func erase(id string) eventstore.Work {
	return decided(id, event.ByAPIKey("ci"), func(*eventstore.Tx, job.State) job.Command { return job.Delete{} })
}

// patient is a job that waits, and is tried again.
func patient(id string) eventstore.Work {
	j := historytest.Job{Payload: "x", Attempts: 2, Form: job.FormUnsigned, More: `"delay":1,"retry_on":["error"],"backoff":{"initial_ms":1000}`}
	o, err := j.Submission(id, signing.PrivateKey{}).Open()
	if err != nil {
		panic(err)
	}
	return submission(o)
}

// A job goes on after it has its outcome: it is replayed, deleted, and late
// reports are refused, long after everybody who knew it is gone.
func TestAJobThatWasForgottenIsReadBackWhole(t *testing.T) {
	h := open(t)
	passed := uint64(0)
	h.indexed = func() uint64 { return passed }
	forgotten := func() {
		t.Helper()
		_, tip := h.commits()
		passed = tip.Seq
		h.Remember(0)
		h.must(h.execute(submit(fmt.Sprint("other", passed), "x"))) // makes room
		if h.Hot(eventstore.Jobs(jobID("j1"))[0]) {
			t.Fatal("the job is still in memory")
		}
	}
	var news bool
	h.must(h.execute(report("a1", 1, key(5), &news, join(key(5)))))
	h.must(h.execute(submit("j1", "x")))
	first := completed("j1", h.state("j1"))
	h.must(h.execute(lose("j1"))) // its only attempt: it failed
	for _, step := range []struct {
		name string
		work eventstore.Work
		want job.Status
	}{
		{"a late report", report("a1", 2, key(5), &news, first), job.Broken},
		{"a replay", replay("j1"), job.Waiting},
		{"a report that is later still", report("a1", 3, key(5), &news, first), job.Waiting},
		{"a second loss", lose("j1"), job.Waiting},
		{"a third", lose("j1"), job.Broken},
		{"a drop", drop("j1"), job.Shelved},
		{"a replay of what was dropped", replay("j1"), job.Shelved},
		{"a deletion", erase("j1"), job.Erased},
		{"a report on what was deleted", report("a1", 4, key(5), &news, first), job.Erased},
		{"a deletion again", erase("j1"), job.Erased},
		{"the same job again", submit("j1", "x"), job.Erased},
	} {
		forgotten()
		h.must(h.execute(step.work))
		before := h.state("j1")
		if before.Status != step.want {
			t.Fatalf("after %s the job is %s, want %s", step.name, before.Status, step.want)
		}
		forgotten()
		h.sameAsTheLog("j1")
	}
	h.want(h.execute(submit("j1", "y")), domain.Conflict)
	var types []string
	for _, e := range h.entries() {
		if e.Aggregate == historytest.JobOf("j1") {
			types = append(types, e.Type)
		}
	}
	want := []string{
		"job.submitted", "job.attempt_lost", "job.failed", "job.report_refused", "job.replayed", "job.queued", "job.report_refused",
		"job.attempt_lost", "job.queued", "job.attempt_lost", "job.failed", "job.dropped", "job.deleted",
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

// sameAsTheLog compares what the leader thinks of a job with what the log says.
func (h *house) sameAsTheLog(id string) {
	h.Helper()
	chain, _ := h.follow((*history.Chain).Check)
	if diff := cmp.Diff(chain.State.Jobs[jobID(id)], h.state(id), cmp.AllowUnexported(job.ID{}, job.Queue{})); diff != "" {
		h.Fatalf("%s, in the log and in the leader (-log +leader):\n%s", id, diff)
	}
}

// TestWhatALeaderThinksOfAJobIsWhatTheLogSays lets leaders with next to no memory
// do everything with jobs that can be done, forget them, read them back, and
// follow each other.
func TestWhatALeaderThinksOfAJobIsWhatTheLogSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := open(t)
		var passed uint64
		h.indexed = func() uint64 { return passed }
		limit := rapid.IntRange(3, 6).Draw(t, "limit") // what one bundle touches, at least
		var news bool
		number := uint64(1)
		h.must(h.execute(report("a1", number, key(5), &news, join(key(5)))))
		h.Remember(limit)
		id := rapid.SampledFrom([]string{"a", "b", "c"})
		does := func(work func(id string) eventstore.Work) func(*rapid.T) {
			return func(t *rapid.T) { h.must(h.execute(gently(work(id.Draw(t, "id"))))) }
		}
		actions := map[string]func(*rapid.T){
			"submit": does(func(id string) eventstore.Work { return submit(id, "x") }),
			"wait":   does(patient), "lose": does(lose), "tick": does(tick), "stop": does(stop), "withdraw": does(withdraw),
			"replay": does(replay), "drop": does(drop), "erase": does(erase),
		}
		actions["report"] = func(t *rapid.T) {
			id := id.Draw(t, "id")
			s := h.state(id)
			if s.Status == job.None {
				t.Skip("nobody submitted it")
			}
			about := runner.About{Job: jobID(id), Token: s.Token, At: 1}
			number++
			h.must(h.execute(report("a1", number, key(5), &news, rapid.SampledFrom([]runner.Report{
				runner.Completed{About: about}, runner.Failed{About: about, Kind: job.FailedError}, runner.Stopped{About: about},
			}).Draw(t, "report"))))
		}
		actions["time"] = func(t *rapid.T) {
			h.clock.Advance(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
		}
		actions["index"] = func(t *rapid.T) {
			_, tip := h.commits()
			passed = rapid.Uint64Range(passed, tip.Seq).Draw(t, "passed")
		}
		actions["succeed"] = func(*rapid.T) {
			h.succeed()
			h.Remember(limit)
		}
		actions["look"] = func(t *rapid.T) { h.sameAsTheLog(id.Draw(t, "id")) }
		t.Repeat(actions)
		for _, id := range []string{"a", "b", "c"} {
			h.sameAsTheLog(id)
		}
	})
}

// counting is a store that counts what is read of it.
type counting struct {
	*memstore.Store
	reads, entries int
}

func (c *counting) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	raws, err := c.Store.Read(ctx, after, limit)
	c.reads++
	c.entries += len(raws)
	return raws, err
}

// kept has a job keep a checkpoint, which is reported in a bundle of its own.
func kept(id string, number uint64, token signing.Hash, news *bool) eventstore.Work {
	r := runner.Checkpoint{About: runner.About{Job: jobID(id), Token: token, At: 1}, Data: fmt.Append(nil, number)}
	w := report("a1", number, key(5), news, r)
	record := w.Decide
	return eventstore.Work{Aggregates: append(w.Aggregates, eventstore.Jobs(r.Job)...), Decide: func(tx *eventstore.Tx) error {
		if err := record(tx); err != nil {
			return err
		}
		cause := runner.Cause{Runner: "r1", Process: "a1", Number: number}
		by := eventstore.By{Actor: event.ByRunner("r1"), Cause: cause.String()}
		_, err := tx.DecideJob(r.Job, by, job.Keep{Start: job.Start{Token: token, Process: "a1", By: by.Actor}, Hash: r.Hash(), At: tx.Now()})
		return err
	}}
}

// The bundles of a job that checkpoints often are large and stand close together:
// each was read some sixteen times, 300 MiB for 400 checkpoints.
func TestAJobOfManyCheckpointsIsReadInFewLooks(t *testing.T) {
	h := open(t)
	var news bool
	h.must(h.execute(report("a1", 1, key(5), &news, join(key(5)))))
	h.must(h.execute(submit("j1", "x")))
	token := h.state("j1").Token
	const checkpoints = 200
	for n := range uint64(checkpoints) {
		h.must(h.execute(kept("j1", n+2, token, &news)))
	}
	c := &counting{Store: h.mem}
	h.store = c
	h.succeed()
	c.reads, c.entries = 0, 0
	if got := h.state("j1").Kept; got != checkpoints {
		t.Errorf("%d checkpoints were read back, want %d", got, checkpoints)
	}
	if most := 2 * len(h.entries()); c.entries > most || c.reads > checkpoints {
		t.Errorf("%d entries in %d reads, want at most %d in %d", c.entries, c.reads, most, checkpoints)
	}
}
