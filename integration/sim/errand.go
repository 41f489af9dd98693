package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client"
	api "github.com/herocode/horus/rpcapi/client/wire"
)

// errand is one job that a client wants done, and what it does about it.
type errand struct {
	*process
	id      string
	job     job.ID
	text    api.JobText
	other   api.JobText // of the same id, and not the same job
	again   api.JobText // of another id, with the nonce; nil when the job has none
	expires bool        // it may have when it is submitted
	plan    plan

	ends    bool // somebody runs it, or stops it
	refused bool // it had expired before anybody took it, or another one has its nonce
	over    bool // its client has gone
}

// plan is what a client does about its job besides waiting for its end.
type plan struct {
	held    bool          // until it asks for its release
	stops   time.Duration // when it asks for its stop, since the run began; 0 for never
	replays int           // if it fails
	drops   bool          // the same, when that is over
	deletes bool          // in the end
}

// nonceLife is longer than any run, whatever its clocks are set to.
const nonceLife = 24 * time.Hour

// newErrand draws a job.
func (w *World) newErrand(client *process, number int) *errand {
	e := &errand{process: client, id: fmt.Sprintf("j%d", number), ends: true}
	pattern := e.draft()
	e.plan = w.newPlan()
	if number == 1 { // nobody runs it
		pattern = pattern.Runner(nobody)
		e.ends = e.plan.stops > 0
	}
	key := Key("ann")
	if w.chance(400) {
		key = signing.PrivateKey{}
	}
	var err1, err2, err3, err4 error
	if !key.IsZero() && w.chance(200) {
		pattern = pattern.Nonce(e.id).NotAfter(time.Unix(epoch, 0).Add(nonceLife))
		e.again, err4 = pattern.ID(e.id + "-again").Sign(key)
	}
	e.job, err1 = job.ParseID(e.id)
	e.text, err2 = pattern.Sign(key)
	e.other, err3 = pattern.Caller("somebody else").Sign(key)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		panic(err) // it is the client's own job
	}
	return e
}

// draft draws what is to be done, when, how often, and by whom.
func (e *errand) draft() client.Job {
	w := e.world
	j := client.NewJob("work").ID(e.id)
	if w.chance(700) {
		j = j.Timeout(time.Duration(1+w.random.IntN(4)) * time.Second)
	}
	if w.chance(500) {
		j = j.MaxAttempts(1 + w.random.IntN(4))
	}
	if w.chance(500) {
		j = j.RetryOn([][]string{{"error"}, {"timeout"}, {"error", "timeout"}}[w.random.IntN(3)]...)
	}
	if w.chance(500) {
		j = j.Backoff(w.between(10*time.Millisecond, 2*time.Second), 1+w.random.IntN(3), 5*time.Second)
	}
	start, waits := time.Unix(epoch, 0).Add(w.now), w.random.IntN(6)
	switch waits {
	case 0:
		j = j.Delay(time.Duration(1+w.random.IntN(4)) * time.Second)
	case 1:
		start = start.Add(w.between(0, 6*time.Second))
		j = j.RunAt(start)
	}
	if e.expires = waits > 0 && w.chance(150); e.expires {
		j = j.ExpiresAt(start.Add(w.between(time.Second, 20*time.Second)))
	}
	switch w.random.IntN(4) {
	case 0:
		return j.Executor("sh")
	case 1:
		return j.Runner("k1")
	default:
		return j.Runner("r1")
	}
}

// newPlan draws what a client does about its job.
func (w *World) newPlan() plan {
	p := plan{held: w.chance(100), drops: w.chance(200), deletes: w.chance(200)}
	if w.chance(300) {
		p.stops = w.now + w.between(0, trouble)
	}
	for w.chance(400) {
		p.replays++
	}
	return p
}

// run has the job done, and whatever else its client plans.
func (e *errand) run() {
	w := e.world
	defer func() { e.over = true }()
	if !e.submit() {
		return
	}
	for w.chance(300) {
		w.counts[RepeatedSubmit]++
		e.submit()
	}
	if w.chance(200) {
		e.contradict()
	}
	if e.again != nil {
		e.reuse()
	}
	for e.ends {
		s := e.await()
		switch {
		case s == job.Broken && e.plan.replays > 0:
			e.plan.replays--
			e.replay()
		case s == job.Broken && e.plan.drops:
			e.plan.drops = false
			w.ledger.asked(e.id).drops = true
			_, _ = e.ask("drop", func(*eventstore.Tx) job.Command { return job.Drop{} })
		case s.Terminal() && s != job.Erased && e.plan.deletes:
			w.ledger.asked(e.id).deletes = true
			_, _ = e.ask("delete", func(*eventstore.Tx) job.Command { return job.Delete{} })
		case s == job.Erased:
			e.submit() // its id is taken
			e.contradict()
			return
		default:
			return
		}
	}
}

// await waits until the job has its outcome, and returns it: none when it is
// nobody's any more. On the way it asks for what its client plans.
func (e *errand) await() job.Status {
	w := e.world
	for {
		e.sleep(w.between(100*time.Millisecond, 3*time.Second))
		rolled := w.ledger.rolled
		s, err := e.look()
		switch {
		case domain.ReasonOf(err) == "deleted":
			s = job.Erased
		case domain.CodeOf(err) == domain.NotFound:
			w.ledger.unknown(e.id)
			if !e.submit() {
				return job.None
			}
			continue
		case err != nil:
			continue
		}
		switch {
		case s.Terminal():
			w.ledger.ended(e.id, s, rolled)
			w.story.tell(e.id, e.name, "is told that the job is %s", s)
			return s
		case e.plan.stops > 0 && w.now >= e.plan.stops && s != job.Ending:
			e.stop()
		case s == job.Created:
			_, _ = e.ask("release", func(tx *eventstore.Tx) job.Command { return job.Release{At: tx.Now()} })
		}
	}
}

// look asks how the job is.
func (e *errand) look() (job.Status, error) {
	return ask(e.process, "get", e.id, func(s *supervisor) (job.Status, error) {
		j, err := s.reader.Get(context.Background(), e.job)
		return j.Status, err
	})
}

// submit sends the job until it is acknowledged. It reports whether it was: a job
// that has expired is refused.
func (e *errand) submit() bool {
	w := e.world
	before, rolled := w.ledger.told[e.id], w.ledger.rolled
	for {
		receipt, err := e.send(e.text)
		switch {
		case err == nil:
			w.story.tell(e.id, e.name, "is told that the job is submitted (duplicate: %t)", receipt.Duplicate)
			if before.acknowledged && before.rolled == w.ledger.rolled && !receipt.Duplicate && !w.ledger.taken[e.id] && rolled == before.rolled {
				w.fail(e.id, "the same job was submitted twice")
			}
			w.ledger.acknowledged(e.id)
			return true
		case e.expires && domain.CodeOf(err) == domain.Expired:
			w.counts[RefusedLate]++
			w.story.tell(e.id, e.name, "is told that the job has expired")
			w.ledger.unknown(e.id)
			e.refused = true
			return false
		case domain.ReasonOf(err) == "nonce" && w.ledger.rolled > 0:
			if _, there := w.ledger.state(e.id + "-again"); there {
				w.ledger.unknown(e.id)
				e.refused = true
				return false
			}
			// else its leader does not know yet that a tail was lost
		case final(err):
			w.fail(e.id, "a good submit is refused: %v", err)
			return false
		}
		e.sleep(w.between(50*time.Millisecond, time.Second))
	}
}

// contradict sends another job of the same id: there is only one.
func (e *errand) contradict() {
	w := e.world
	rolled := w.ledger.rolled
	for w.ledger.rolled == rolled && w.ledger.told[e.id].acknowledged { // else the first may be forgotten
		_, err := e.send(e.other)
		switch {
		case domain.CodeOf(err) == domain.Conflict:
			w.counts[ConflictedSubmit]++
			return
		case err == nil && w.ledger.rolled == rolled:
			w.fail(e.id, "two jobs of one id were accepted")
			return
		case err == nil:
			e.text, e.other = e.other, e.text // the first was forgotten
			return
		case final(err):
			return // the first was forgotten, and this one has expired
		}
		e.sleep(w.between(50*time.Millisecond, time.Second))
	}
}

// reuse sends another job with the nonce: its key has it for one.
func (e *errand) reuse() {
	w := e.world
	rolled := w.ledger.rolled
	for w.ledger.rolled == rolled && w.ledger.told[e.id].acknowledged { // else the first may be forgotten
		_, err := ask(e.process, "submit", e.id, func(s *supervisor) (api.Receipt, error) { return w.hall.submit(s, e.again) })
		switch {
		case domain.ReasonOf(err) == "nonce":
			w.counts[ReplayedNonce]++
			return
		case err == nil:
			if _, there := w.ledger.state(e.id); there { // else it was forgotten
				w.fail(e.id, "two jobs with one nonce were accepted")
			}
			return
		case final(err):
			return // the first was forgotten, and this one has expired
		}
		e.sleep(w.between(50*time.Millisecond, time.Second))
	}
}

// stop asks for the job's stop.
func (e *errand) stop() {
	w := e.world
	w.counts[AskedStop]++
	rolled := w.ledger.rolled
	s, err := e.ask("stop", func(*eventstore.Tx) job.Command { return job.Stop{} })
	is, _ := w.ledger.state(e.id)
	if err == nil && s.Terminal() && s == is.Status { // else its leader does not know yet that a tail was lost
		w.ledger.ended(e.id, s, rolled)
	}
}

// replay gives the job, which failed, new attempts.
func (e *errand) replay() {
	w := e.world
	again := job.Replay{Attempts: uint32(w.random.IntN(3))} //nolint:gosec // not negative
	if w.chance(300) {
		again.Limits.Timeout = time.Duration(1+w.random.IntN(4)) * time.Second
	}
	w.ledger.asked(e.id).replays++
	if _, err := e.ask("replay", func(tx *eventstore.Tx) job.Command {
		again := again
		again.At = tx.Now()
		return again
	}); err != nil {
		e.plan.replays = 0 // it has expired, or is not dead any more
	}
}

// ask asks a command of the job until somebody answers, and returns what the job
// is then, or why that was refused. Both are in the story; who goes on waiting for
// the job's end need not know.
func (e *errand) ask(name string, c func(*eventstore.Tx) job.Command) (job.Status, error) {
	w := e.world
	for {
		s, err := ask(e.process, name, e.id, func(s *supervisor) (is job.Status, err error) {
			err = s.member.Leader().Execute(context.Background(), eventstore.Work{
				Aggregates: eventstore.Jobs(e.job),
				Decide: func(tx *eventstore.Tx) error {
					_, err := tx.DecideJob(e.job, eventstore.By{Actor: event.ByAPIKey("tester")}, c(tx))
					is = tx.Job(e.job).Status
					return err
				},
			})
			return is, err
		})
		if err == nil || final(err) || domain.CodeOf(err) == domain.NotFound {
			w.story.tell(e.id, e.name, "asks to %s the job, and is told: %s, %v", name, s, err)
			return s, err
		}
		e.sleep(w.between(50*time.Millisecond, time.Second))
	}
}

func (e *errand) send(text api.JobText) (api.Receipt, error) {
	w := e.world
	return ask(e.process, "submit", e.id, func(s *supervisor) (api.Receipt, error) {
		if e.plan.held {
			return s.hold(e.job, text)
		}
		return w.hall.submit(s, text)
	})
}

// hold submits a job that waits for its release.
func (s *supervisor) hold(id job.ID, text api.JobText) (r api.Receipt, err error) {
	submission, err := job.Parse(text)
	if err != nil {
		return r, err
	}
	opened, err := submission.Open()
	if err != nil {
		return r, err
	}
	by := event.ByAPIKey("tester")
	if len(opened.Signers) > 0 {
		by = event.ByClient(string(opened.Signers[0]))
	}
	err = s.member.Leader().Execute(context.Background(), eventstore.Work{
		Aggregates: append(eventstore.Jobs(id), eventstore.Nonces(opened)...), Durable: true,
		Decide: func(tx *eventstore.Tx) error {
			happened, err := tx.DecideJob(id, eventstore.By{Actor: by}, job.Submit{
				Job: opened, Namespace: tx.Namespace(), At: tx.Now(), By: by, Held: true,
			})
			r.Duplicate = !happened
			return err
		},
	})
	return r, err
}
