package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	api "github.com/herocode/horus/rpcapi/client/wire"
)

// clientPatience is how long a client waits for an answer.
const clientPatience = 5 * time.Second

// errand is one job that a client wants done.
type errand struct {
	*process
	id    string
	text  api.JobText
	other api.JobText // of the same id, and not the same job
	ends  bool        // there is somebody to run it
	over  bool        // its client has gone
}

// newErrand draws a job.
func (w *World) newErrand(client *process, number int) *errand {
	id := fmt.Sprintf("j%d", number)
	pattern := draft(w, id)
	key := Key("ann")
	if w.chance(400) {
		key = signing.PrivateKey{}
	}
	e := &errand{process: client, id: id, ends: true}
	if number == 1 {
		pattern, e.ends = pattern.Runner(nobody), false
	}
	var err1, err2 error
	e.text, err1 = pattern.Sign(key)
	e.other, err2 = pattern.Caller("somebody else").Sign(key)
	if err := errors.Join(err1, err2); err != nil {
		panic(err) // it is the client's own job
	}
	return e
}

// draft draws what is to be done, and by whom.
func draft(w *World, id string) client.Job {
	j := client.NewJob("work").ID(id)
	if w.chance(500) {
		j = j.MaxAttempts(1 + w.random.IntN(4))
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

// run submits the job until somebody acknowledges it, and waits for its end.
func (e *errand) run() {
	w := e.world
	defer func() { e.over = true }()
	e.submit()
	for w.chance(300) {
		w.counts[RepeatedSubmit]++
		e.submit()
	}
	if w.chance(200) {
		e.contradict()
	}
	for e.ends {
		e.sleep(w.between(100*time.Millisecond, 3*time.Second))
		rolled := w.ledger.rolled
		j, err := ask(e.process, "get", e.id, func(s *supervisor) (job.Status, error) {
			id, err := job.ParseID(e.id)
			if err != nil {
				return job.None, err
			}
			j, err := s.reader.Get(context.Background(), id)
			return j.Status, err
		})
		switch {
		case domain.CodeOf(err) == domain.NotFound:
			w.ledger.unknown(e.id)
			e.submit()
		case err == nil && j.Terminal():
			w.ledger.ended(e.id, j, rolled)
			w.story.tell(e.id, e.name, "is told that the job has %s", j)
			return
		}
	}
}

// submit sends the job until it is acknowledged.
func (e *errand) submit() {
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
			return
		case final(err):
			w.fail(e.id, "a good submit is refused: %v", err)
			return
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
		}
		e.sleep(w.between(50*time.Millisecond, time.Second))
	}
}

func (e *errand) send(text api.JobText) (api.Receipt, error) {
	w := e.world
	return ask(e.process, "submit", e.id, func(s *supervisor) (api.Receipt, error) {
		return w.hall.submit(s, text)
	})
}

// final reports whether asking again cannot help.
func final(err error) bool {
	switch domain.CodeOf(err) {
	case domain.Conflict, domain.Invalid, domain.Forbidden, domain.Unauthenticated, domain.TooLarge, domain.Expired:
		return true
	default:
		return false
	}
}

// ask has some supervisor do something and waits for its answer, for as long as
// its patience lasts.
func ask[T any](p *process, name, about string, do func(*supervisor) (T, error)) (T, error) {
	w := p.world
	t := p.here()
	turn := t.turn
	s := w.supervisors[w.random.IntN(len(w.supervisors))]
	got := answer[T]{err: errNoAnswer}
	answers := func(a answer[T]) {
		w.after(w.latency(), func() {
			if t.turn == turn {
				got = a
				w.run(t)
			}
		})
	}
	fault, there := w.fate(once)
	if fault != "" {
		w.counts[fault]++
		w.story.tell(about, p.name, "%s from %s: %s", name, s.name, fault)
	}
	w.after(there, func() {
		switch {
		case fault == LostRequest || fault == RefusedWrite:
		case !s.alive:
			answers(answer[T]{err: errDown})
		default:
			s.spawn(func() {
				value, err := do(s)
				if fault != LostAnswer && fault != LateRequest {
					answers(answer[T]{value, err})
				}
			})
		}
	})
	w.wakeAfter(clientPatience, t)
	t.park()
	return got.value, got.err
}
