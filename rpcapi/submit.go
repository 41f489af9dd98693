package rpcapi

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/strictjson"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type receipt = wire.Receipt

type submitParams struct {
	wire.Submit
	secret
}

// ScanJSON implements [strictjson.Scanner].
func (p *submitParams) ScanJSON(c *strictjson.Cursor) {
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "job":
			p.Job = bytes.Clone(c.Skip())
		case "secret":
			p.Secret = c.Text()
		default:
			c.Lose()
		}
	}
}

func submitInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "jobs.submit", Mutates: true, Result: "receipt",
		Summary: "Submit a job.",
		Description: "The answer comes when the job is in the history. The same job again, by id, content and signers, changes nothing " +
			"and answers as the first time, so whatever happens it is safe to send it again; another job of that id is a conflict.\n\n" +
			"`durability` says what must be lost before the job is: with memory, Redis; with everysec, its machine, within a second or two; " +
			"with fsync, its disk; with replicated:k, it and k of its replicas. -32009: the job is recorded, but too few replicas have it yet; " +
			"send the same again until they do. -32010: no new jobs are taken now (memory: Redis is three quarters full; lagging: the read models are far behind; submits: too many jobs are on their way into the history).",
		Errors: []domain.Code{
			domain.Invalid, domain.Unauthenticated, domain.Forbidden, domain.Conflict, domain.Expired,
		},
		Examples: []jsonrpc.Example{{
			Name:   "an unsigned job",
			Params: submitParams{Submit: wire.Submit{Job: wire.JobText(`{"id":"hello","payload":"echo hello","executor":"sh"}`)}},
			Result: receipt{ID: "hello", State: job.Waiting, Durability: "everysec"},
		}},
	}
}

// Submit submits a job for a caller in this process, who may and needs no
// secret; an unsigned job bears the name. It answers as jobs.submit does, with
// the errors of package domain.
func (a *API) Submit(ctx context.Context, name string, text wire.JobText) (wire.Receipt, error) {
	ctx = context.WithValue(ctx, callerKey{}, caller{Name: name, Scope: User})
	return a.submit(ctx, text, false)
}

// submit takes a job in. held keeps it out of its queue until it is released.
func (a *API) submit(ctx context.Context, text wire.JobText, held bool) (receipt, error) {
	done, err := a.enterSubmit(1)
	if err != nil {
		return receipt{}, err
	}
	defer done()
	opened, err := open("/job", text)
	if err != nil {
		return receipt{}, err
	}
	if err := maySubmit(ctx, opened.Spec.Queue()); err != nil {
		return receipt{}, err
	}
	by, err := a.vouch(ctx, opened)
	if err != nil {
		return receipt{}, err
	}
	s, err := a.submission(opened, by, held)
	if err != nil {
		return receipt{}, err
	}
	var r receipt
	err = a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
		Aggregates: s.aggregates(),
		Decide: func(tx *eventstore.Tx) (err error) {
			r, err = s.decide(tx)
			return err
		},
	})
	r.Durability = string(a.cfg.Durability())
	return r, later(err)
}

// submission is a job for which somebody stands.
type submission struct {
	opened *job.Opened
	id     job.ID
	by     eventstore.By
	held   bool // out of its queue until it is released
}

// submission gives a job an id that has none.
func (a *API) submission(o *job.Opened, by eventstore.By, held bool) (submission, error) {
	s := submission{opened: o, id: o.Spec.ID, by: by, held: held}
	if !s.id.IsZero() {
		return s, nil
	}
	var err error
	s.id, err = job.ParseID(a.cfg.NewID())
	return s, err
}

// aggregates is what decide looks at.
func (s *submission) aggregates() []event.Aggregate {
	return append([]event.Aggregate{eventstore.JobAggregate(s.id), eventstore.QueueAggregate(s.opened.Spec.Queue())},
		eventstore.Nonces(s.opened)...)
}

// decide takes the job in. Durability is for whoever waits for the commit to say.
func (s *submission) decide(tx *eventstore.Tx) (receipt, error) {
	r := receipt{ID: s.id.String()}
	if _, err := known(s.opened, tx.Access(), tx.Now()); err != nil {
		return r, err // no longer since the signatures were checked
	}
	if tx.Job(s.id).Status == job.None {
		if err := tx.Room(); err != nil {
			return r, err
		}
		q := s.opened.Spec.Queue()
		if err := tx.Queue(q).Refuses(q); err != nil {
			return r, err
		}
	}
	happened, err := tx.DecideJob(s.id, s.by, job.Submit{
		Job: s.opened, Namespace: tx.Namespace(), At: tx.Now(), By: s.by.Actor, Held: s.held,
	})
	r.State, r.Duplicate = tx.Job(s.id).Status, !happened
	return r, err
}

// later says when a job that was refused for want of room may be sent again.
func later(err error) error {
	switch domain.ReasonOf(err) {
	case "queue_drained": // takes somebody who resumes it
		return jsonrpc.RetryAfter(err, 10*time.Second)
	case "memory", "memory_full": // takes somebody who makes room
		return jsonrpc.RetryAfter(err, 5*time.Second)
	case "lagging", "refused":
		return jsonrpc.RetryAfter(err, time.Second)
	}
	return err
}

// release queues a held job, unless its queue is drained, and does nothing for one
// that was queued before.
func (a *API) release(ctx context.Context, id job.ID) error {
	queues, err := a.queuesOf(ctx, id)
	if err != nil {
		return err
	}
	return later(a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
		Aggregates: append(eventstore.Jobs(id), queues...),
		Decide: func(tx *eventstore.Tx) error {
			if err := mayTouch(ctx, tx, id); err != nil {
				return err
			}
			if held := tx.Job(id); held.Status == job.Created {
				if err := tx.Queue(held.Queue).Refuses(held.Queue); err != nil {
					return err
				}
			}
			_, err := tx.DecideJob(id, a.by(ctx), job.Release{At: tx.Now()})
			return err
		},
	}))
}

// queuesOf names the queues of jobs as aggregates of a decision. A job never
// changes its queue.
func (a *API) queuesOf(ctx context.Context, ids ...job.ID) (queues []event.Aggregate, err error) {
	err = a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
		Aggregates: eventstore.Jobs(ids...),
		Decide: func(tx *eventstore.Tx) error {
			queues = nil
			for _, id := range ids {
				s := tx.Job(id)
				if q := eventstore.QueueAggregate(s.Queue); s.Status != job.None && !slices.Contains(queues, q) {
					queues = append(queues, q)
				}
			}
			return nil
		},
	})
	return queues, err
}

// open reads a job as it was sent, at a place in the parameters.
func open(place string, text wire.JobText) (*job.Opened, error) {
	submission, err := job.Parse(text)
	if err != nil {
		return nil, within(place, err)
	}
	opened, err := submission.Open()
	switch {
	case err == nil:
		return opened, nil
	case submission.Form == job.FormDSSE: // its own pointers lead into the payload
		return nil, within(place+"/payload", withoutPointer(err))
	}
	return nil, within(place, err)
}

// within makes the pointer of a domain error one into the parameters.
func within(place string, err error) error {
	if inner, ok := errors.AsType[*domain.Error](err); ok {
		return inner.Within(place)
	}
	return err
}

func withoutPointer(err error) error {
	inner, ok := errors.AsType[*domain.Error](err)
	if !ok {
		return err
	}
	bare := *inner
	bare.Pointer = ""
	return &bare
}

// vouch finds out who stands for a job: those who signed it, once their
// signatures hold, or else the holder of the API key, where that is allowed.
func (a *API) vouch(ctx context.Context, o *job.Opened) (eventstore.By, error) {
	by, checks, err := a.claimed(ctx, o)
	if err == nil && len(checks) > 0 && !a.gate.verify(checks) {
		err = badSignature()
	}
	return by, err
}

func badSignature() error {
	return domain.Errorf(domain.Unauthenticated, "signature", "a signature of the job is not of the key that it names, over these bytes")
}

// claimed returns who stands for a job if all of checks hold.
func (a *API) claimed(ctx context.Context, o *job.Opened) (by eventstore.By, checks []signing.Check, err error) {
	if len(o.Signers) == 0 {
		if a.cfg.Unsigned != Countersign {
			return by, nil, domain.Errorf(domain.Unauthenticated, "unsigned",
				"unsigned jobs are off: sign the job, or start the supervisor with --unsigned %s", Countersign)
		}
		return a.by(ctx), nil, nil
	}
	keys, err := a.cfg.Backend.access()
	if err != nil {
		return by, nil, err
	}
	checks, err = known(o, keys, event.At(a.cfg.Clock()))
	return eventstore.By{Actor: event.ByClient(string(o.Signers[0]))}, checks, err
}

// known returns what must be checked of a job's signatures, if all signers are
// clients whose keys hold at that time. Its errors have [domain.Forbidden].
func known(o *job.Opened, keys access.State, at event.Time) ([]signing.Check, error) {
	if len(o.Signers) == 0 {
		return nil, nil
	}
	for _, id := range o.Signers {
		if k, ok := keys.Find(id); ok && k.Class == access.Client && !k.Holds(at, keys.Statements) {
			return nil, spent(&k, at)
		}
	}
	return o.AppendChecks(nil, func(id signing.KeyID) (signing.PublicKey, bool) {
		key, ok := keys.Key(access.Client, id, at)
		return key.Public, ok
	})
}

// spent is why a client's key that does not hold may not sign. What it signed
// while it held still runs.
func spent(k *access.Standing, at event.Time) error {
	switch standing(k, at) {
	case wire.KeyStateRevoked:
		return domain.Errorf(domain.Forbidden, "key_revoked", "key %s of %s was revoked and signs nothing any more: make a new one and have it admitted with horus keys add", k.ID, k.Name)
	case wire.KeyStateNotYet:
		return domain.Errorf(domain.Forbidden, "key_not_yet", "key %s of %s does not hold before %s", k.ID, k.Name, k.Since)
	}
	if k.RotatedTo != "" {
		return domain.Errorf(domain.Forbidden, "key_ended", "key %s of %s ended at %s: sign with the key that took its place, %s", k.ID, k.Name, k.Ends, k.RotatedTo)
	}
	return domain.Errorf(domain.Forbidden, "key_ended", "key %s of %s ended at %s: make a new one and have it admitted with horus keys add", k.ID, k.Name, k.Ends)
}
