package docs_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
)

// namespace is that of all logs here.
const namespace domain.Name = "horus"

// story is the log that the examples of the page are taken from: short, and
// with an event of every type.
func story() *historytest.Partition {
	p := historytest.Found(namespace)
	p.Commit(func(tx *historytest.Tx) {
		tx.Admit(historytest.Key("runner k1"), access.Key{
			Class: access.Runner, Name: "k1", Kinds: []domain.Name{"sh"}, Until: p.Now.Add(365 * 24 * time.Hour),
		})
		tx.Admit(historytest.Key("standby"), access.Key{Class: access.Supervisor, Name: "sup2"})
	})
	r1, k1 := p.NewProcess("r1"), p.NewProcess("k1", "sh")
	p.Commit(func(tx *historytest.Tx) { tx.Report(r1, r1.Join()) })
	p.Commit(func(tx *historytest.Tx) { tx.Report(k1, k1.Join()) })
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{Payload: "echo \"hello\""})
		tx.Emit(event.Header{Aggregate: historytest.JobOf("j2"), Actor: event.ByClient(string(tx.Client.Public().ID()))},
			job.Submitted{Submission: historytest.Sign(job.FormJCS, []byte(`{"runner":"k1", "payload":"caf\u00e9","id":"j2"}`), tx.Client)})
		tx.Submit("j3", historytest.Job{Executor: "sh", Form: job.FormUnsigned, Attempts: 1})
	})
	p.Commit(func(tx *historytest.Tx) {
		about := p.About("j1")
		tx.Report(r1, runner.Started{About: about}, runner.Log{About: about, Lines: []runner.Line{
			{At: p.Now, Stream: runner.Stdout, Text: "hello\n"},
		}})
		tx.Release("j2")
	})
	p.Commit(func(tx *historytest.Tx) { tx.Report(r1, runner.Completed{About: p.About("j1"), Result: "4"}) })
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(k1, runner.Failed{About: p.About("j3"), Kind: job.FailedError, Exit: 3, Message: "exit code 3"},
			runner.Refused{About: p.About("j2"), Reason: "mark"}, runner.Leave{})
	})
	p.Supervisor = historytest.Key("standby")
	p.BeginTerm()
	p.Commit(func(tx *historytest.Tx) { tx.Lose("j2", job.LostLease) })
	retry(p, r1)
	replay(p, r1)
	p.Commit(func(tx *historytest.Tx) {
		tx.Rotate(historytest.Key("client"), historytest.Key("client 2"))
		tx.Revoke(k1.Key.Public().ID(), "its machine was stolen")
	})
	p.Commit(func(tx *historytest.Tx) {
		seal, _ := tx.Evidence(p.Commits[0].Seal.Term, 2)
		tx.DeclareLoss(event.ByRunner("r1"), seal)
	})
	p.Commit(func(tx *historytest.Tx) {
		for _, c := range []line.Command{line.Pause{}, line.Drain{}, line.Resume{}} {
			tx.Order(job.ExecutorQueue("sh"), c)
		}
		for _, c := range []runner.Command{runner.Pause{}, runner.Resume{}, runner.Drain{}} {
			tx.OrderRunner("r1", c)
		}
	})
	p.Commit(func(tx *historytest.Tx) {
		tx.Miss(r1)
		tx.HearAgain(r1)
		tx.GiveUp(r1)
		tx.OrderRunner("r1", runner.Remove{Version: tx.State.Runners["r1"].Version})
	})
	p.Commit(func(tx *historytest.Tx) {
		_, secret := access.Make([8]byte{7: 1}, [32]byte{}, [16]byte{}) // no secret of anybody's
		tx.AddAPIKey(access.APIKey{Name: "ci", Scope: access.User, Kinds: []domain.Name{"sh"}, Secret: secret})
		tx.RemoveAPIKey("ci", "it was in a log")
	})
	p.Commit(func(tx *historytest.Tx) {
		tx.OrderRunner("r1", runner.Register{Label: "work:r1"})
		tx.OrderRunner("r2", runner.Register{Label: "work:r2"})
	})
	p.Client = historytest.Key("client 2") // which took the place of the first
	p.Commit(func(tx *historytest.Tx) { tx.SubmitMany("m1", "m2", "m3") })
	p.Client = historytest.Secp256k1Key("client")
	p.Commit(func(tx *historytest.Tx) { tx.Admit(p.Client, access.Key{Class: access.Client, Name: "client"}) })
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j6", historytest.Job{Form: job.FormJCS}) })
	return p
}

// retry is the story of a job that waits for its time, fails, is tried again,
// and is stopped.
func retry(p *historytest.Partition, r1 *historytest.Process) {
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j4", historytest.Job{Held: true, More: `"delay":60,"retry_on":["error"],"backoff":{"initial_ms":10000}`})
		tx.Release("j4")
	})
	p.Commit(func(tx *historytest.Tx) { tx.Await("j4") })
	first := p.About("j4")
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Progress{About: first, Percent: 40, Text: "page 7 of 17"}, runner.Checkpoint{About: first, Data: []byte(checkpoint)},
			runner.Failed{About: first, Kind: job.FailedError, Exit: 3, Message: "exit code 3"})
	})
	p.Commit(func(tx *historytest.Tx) { tx.Await("j4") })
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Completed{About: first, Result: "late"})
		tx.Stop("j4")
	})
	p.Commit(func(tx *historytest.Tx) { tx.Report(r1, runner.Stopped{About: p.About("j4"), Result: "half"}) })
}

// checkpoint is what the second attempt of j4 begins with.
const checkpoint = "page 7"

// replay is the story of a job that fails, is replayed, fails again, and is
// dropped and deleted.
func replay(p *historytest.Partition, r1 *historytest.Process) {
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j5", historytest.Job{Form: job.FormUnsigned, More: `"delay":1`}) })
	p.Commit(func(tx *historytest.Tx) {
		tx.Await("j5")
		tx.Report(r1, runner.Failed{About: p.About("j5"), Kind: job.FailedError, Again: job.Please, After: 1500 * time.Millisecond})
		tx.Await("j5")
		tx.Report(r1, runner.Failed{About: p.About("j5"), Kind: job.FailedTimeout, Again: job.Never})
	})
	p.Commit(func(tx *historytest.Tx) {
		tx.Replay("j5", 1, job.Limits{Timeout: time.Minute, Expires: p.Now.Add(time.Hour)})
	})
	p.Commit(func(tx *historytest.Tx) {
		tx.Report(r1, runner.Failed{About: p.About("j5"), Kind: job.FailedError})
		tx.Drop("j5")
		tx.Delete("j5")
	})
}

// memory is a log in memory.
type memory []history.Raw

func (m memory) Tip(context.Context) (eventstore.Tip, error) {
	last := m[len(m)-1]
	return eventstore.Tip{Seq: last.Seq, Seal: string(last.Seal)}, nil
}

func (m memory) Read(_ context.Context, after uint64, limit int) ([]history.Raw, error) {
	for len(m) > 0 && m[0].Seq <= after {
		m = m[1:]
	}
	return m[:min(limit, len(m))], nil
}

// exported returns a log as a file.
func exported(t testing.TB, log []history.Raw) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := audit.Export(t.Context(), namespace, 0, memory(log), &file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
