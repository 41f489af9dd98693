package rpcapi

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Limits of calls by filter.
const (
	maxDead   = 1000 // jobs of one call
	deadChunk = 100  // of them in one decision: a replay is two events of one commit
)

type deadParams struct {
	wire.DeadQuery
	secret
}

type replayParams struct {
	wire.Replay
	secret
}

type dropParams struct {
	wire.DeadTarget
	secret
}

func deadInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "dead.list", Result: "page",
		Summary:     "List the jobs that failed and that nobody replayed, dropped or deleted, newest submission first.",
		Description: "Lists may lag behind the history by what `lag` says.",
		Errors:      []domain.Code{domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "jobs that failed by themselves",
			Params: deadParams{DeadQuery: wire.DeadQuery{DeadFilter: wire.DeadFilter{Kind: job.FailedError}}},
			Result: wire.JobPage{Jobs: []wire.JobSummary{exampleDead()}, Position: 9},
		}},
	}
}

func (a *API) dead(ctx context.Context, p deadParams) (wire.JobPage, error) {
	limit := limitOf(p.Limit)
	return a.deadPage(ctx, p.DeadFilter, limit, p.Cursor)
}

// deadPage reads a page of the list.
func (a *API) deadPage(ctx context.Context, f wire.DeadFilter, limit int, cursor string) (wire.JobPage, error) {
	return a.cfg.Backend.Jobs.List(ctx, wire.JobQuery{
		States: []job.Status{job.Broken}, Kind: f.Kind, EndedBefore: f.Before,
		Runner: f.Runner, Executor: f.Executor, Limit: &limit, Cursor: cursor,
	})
}

func deadJobInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "dead.get", Result: "job",
		Summary: "Tell the whole story of a job that failed.",
		Errors:  []domain.Code{domain.NotFound, domain.Conflict, domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "a job that failed by itself",
			Params: jobParams{JobID: wire.JobID{ID: "broken"}},
			Result: wire.DeadJob{Job: exampleBroken(), Story: exampleStory()},
		}},
	}
}

func (a *API) deadJob(ctx context.Context, p jobParams) (wire.DeadJob, error) {
	view, err := a.job(ctx, p.ID)
	if err != nil {
		return wire.DeadJob{}, err
	}
	if view.State != job.Broken {
		return wire.DeadJob{}, domain.Errorf(domain.Conflict, "not_dead", "the job is %s: only failed ones are dead", view.State)
	}
	proved, err := a.history(ctx, p)
	if err != nil {
		return wire.DeadJob{}, err
	}
	story := make([]wire.Step, len(proved.Events))
	for i, e := range proved.Events {
		if story[i], err = step(e); err != nil {
			return wire.DeadJob{}, err
		}
	}
	return wire.DeadJob{Job: view, Story: story}, nil
}

// step is an event without its proof.
func step(e wire.Event) (wire.Step, error) {
	s := wire.Step{Seq: e.Seq, Type: e.Type, At: e.At, Actor: e.Actor}
	recorded, err := event.Parse([]byte(e.Event))
	if err == nil && recorded.Version > 1 {
		s.Data = recorded.Data
	}
	return s, err
}

func replayInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "dead.replay", Mutates: true, Result: "done",
		Summary: "Give jobs that failed new attempts: one by its id, or those that a filter means.",
		Description: "Each is queued at once, with what it left as its checkpoint, and none of its earlier attempts counted. A queue that is drained refuses it. By id, a job that cannot be replayed is an error; " +
			"by filter it is named in `refused`.",
		Errors: commandErrors(domain.Conflict, domain.Expired, domain.Overloaded),
		Examples: []jsonrpc.Example{{
			Name:   "one more attempt of one job",
			Params: replayParams{Replay: wire.Replay{DeadTarget: wire.DeadTarget{ID: "broken"}, MaxAttempts: new(int64(1))}},
			Result: wire.DeadDone{Count: 1, Refused: []wire.DeadRefused{}},
		}},
	}
}

func (a *API) replay(ctx context.Context, p replayParams) (wire.DeadDone, error) {
	again := job.Replay{Limits: job.Limits{Expires: p.ExpiresAt}}
	if p.MaxAttempts != nil {
		again.Attempts = uint32(*p.MaxAttempts) //nolint:gosec // at most 25, see the tag
	}
	if p.Timeout != nil {
		again.Limits.Timeout = time.Duration(*p.Timeout) * time.Second
	}
	done, err := a.eachDead(ctx, p.DeadTarget, func(tx *eventstore.Tx, id job.ID) (job.Command, error) {
		again := again
		again.At = tx.Now()
		if s := tx.Job(id); s.Status == job.Broken {
			return again, tx.Queue(s.Queue).Refuses(s.Queue)
		}
		return again, nil
	})
	return done, later(err)
}

func dropInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "dead.drop", Mutates: true, Result: "done",
		Summary:     "Take jobs that failed off the dead-letter list: one by its id, or those that a filter means.",
		Description: "They stay failed for ever. A job that was dropped before is left as it is.",
		Errors:      commandErrors(domain.Conflict),
		Examples: []jsonrpc.Example{{
			Name:   "all that failed by themselves",
			Params: dropParams{DeadTarget: wire.DeadTarget{Filter: &wire.DeadFilter{Kind: job.FailedError}}},
			Result: wire.DeadDone{Count: 1, Refused: []wire.DeadRefused{}},
		}},
	}
}

func (a *API) drop(ctx context.Context, p dropParams) (wire.DeadDone, error) {
	return a.eachDead(ctx, p.DeadTarget, func(*eventstore.Tx, job.ID) (job.Command, error) { return job.Drop{}, nil })
}

// deadCommand is what is asked of a dead job, or why it is not.
type deadCommand func(tx *eventstore.Tx, id job.ID) (job.Command, error)

// eachDead asks a command of every dead job that is meant.
func (a *API) eachDead(ctx context.Context, target wire.DeadTarget, command deadCommand) (wire.DeadDone, error) {
	done := wire.DeadDone{Refused: []wire.DeadRefused{}}
	if (target.ID == "") == (target.Filter == nil) || target.ID != "" && target.Cursor != "" {
		return done, domain.Errorf(domain.Invalid, "target", "name one job with id, or many with filter and perhaps a cursor")
	}
	if target.Filter == nil {
		id, err := job.ParseID(target.ID)
		if err != nil {
			return done, within("/id", err)
		}
		return done, a.changeDead(ctx, []job.ID{id}, command, &done, func(_ job.ID, why error) error { return why })
	}
	ids, next, err := a.findDead(ctx, *target.Filter, target.Cursor)
	if err != nil {
		return done, err
	}
	done.Cursor = next
	for some := range slices.Chunk(ids, deadChunk) {
		err := a.changeDead(ctx, some, command, &done, func(id job.ID, why error) error {
			done.Refused = append(done.Refused, wire.DeadRefused{ID: id.String(), Reason: domain.ReasonOf(why)})
			return nil
		})
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// findDead lists at most maxDead of the jobs that a filter means, from a cursor on,
// and returns where to go on: a job that failed once more meanwhile is not listed
// again.
func (a *API) findDead(ctx context.Context, f wire.DeadFilter, cursor string) (ids []job.ID, next string, err error) {
	for {
		page, err := a.deadPage(ctx, f, maxDead-len(ids), cursor)
		if err != nil {
			return nil, "", err
		}
		for _, j := range page.Jobs {
			id, err := job.ParseID(j.ID)
			if err != nil {
				return nil, "", err
			}
			ids = append(ids, id)
		}
		if cursor = page.Cursor; cursor == "" || len(ids) == maxDead {
			return ids, cursor, nil
		}
	}
}

// changeDead asks a command of some jobs in one decision. What a job refuses is
// for refused to judge: an error of its own ends the whole.
func (a *API) changeDead(ctx context.Context, ids []job.ID, command deadCommand, done *wire.DeadDone,
	refused func(job.ID, error) error,
) error {
	by, changed := a.by(ctx), 0
	var whys []error
	queues, err := a.queuesOf(ctx, ids...)
	if err != nil {
		return err
	}
	err = a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{
		Aggregates: append(eventstore.Jobs(ids...), queues...),
		Decide: func(tx *eventstore.Tx) error {
			changed, whys = 0, make([]error, len(ids))
			for i, id := range ids {
				happened, err := askDead(ctx, tx, id, by, command)
				if err != nil && !refusable(err) {
					return err
				}
				if whys[i] = err; happened {
					changed++
				}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	done.Count += changed
	for i, why := range whys {
		if why == nil {
			continue
		}
		if err := refused(ids[i], why); err != nil {
			return err
		}
	}
	return nil
}

// askDead asks a command of one dead job, and reports whether anything happened.
func askDead(ctx context.Context, tx *eventstore.Tx, id job.ID, by eventstore.By, command deadCommand) (happened bool, err error) {
	if err := mayTouch(ctx, tx, id); err != nil {
		return false, err
	}
	c, err := command(tx, id)
	if err != nil {
		return false, err
	}
	return tx.DecideJob(id, by, c)
}

// refusable reports whether an error is about the job alone.
func refusable(err error) bool {
	switch domain.CodeOf(err) {
	case domain.Conflict, domain.Expired, domain.Invalid, domain.NotFound:
		return true
	default:
		return domain.ReasonOf(err) == "queue_drained"
	}
}

func exampleDead() wire.JobSummary {
	return wire.JobSummary{
		ID: "broken", State: job.Broken, Queue: "executor:sh", Attempt: 1, RunBy: "r1", ErrorKind: job.FailedError,
		CreatedAt: exampleTime(), StartedAt: exampleTime(), EndedAt: exampleTime(), UpdatedAt: exampleTime(),
		Submitter: exampleJob().Submitter,
	}
}

func exampleStory() []wire.Step {
	by := event.ByRunner("r1")
	return []wire.Step{
		{Seq: 3, Type: "job.submitted", At: exampleTime(), Actor: event.ByAPIKey("ci")},
		{Seq: 8, Type: "job.started", At: exampleTime(), Actor: by, Data: jsontext.Value(`{"attempt":1,"process":"8f3a"}`)},
		{Seq: 9, Type: "job.failed", At: exampleTime(), Actor: by, Data: jsontext.Value(`{"attempt":1,"kind":"error"}`)},
	}
}

func exampleBroken() wire.Job {
	broken, result := exampleDone(), ""
	broken.ID, broken.State, broken.Status = "broken", job.Broken, StatusWord(job.Broken)
	broken.Result, broken.Error = &result, &wire.JobError{Kind: job.FailedError, Message: "no luck", Exit: 7}
	return broken
}
