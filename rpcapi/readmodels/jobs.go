// Package readmodels says what the projections know in the words of the API.
package readmodels

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Jobs reads jobs for the API. All fields are required.
type Jobs struct {
	Reader *jobs.Reader
	Output *logs.Reader
	// Watcher tells of news about a job; see [rpcapi.Jobs].
	Watcher func(id job.ID) (changed <-chan struct{}, stop func())
}

var _ rpcapi.Jobs = (*Jobs)(nil)

// Watch tells of news about a job.
func (r *Jobs) Watch(id job.ID) (changed <-chan struct{}, stop func()) { return r.Watcher(id) }

// Get returns a job.
func (r *Jobs) Get(ctx context.Context, id job.ID) (wire.Job, error) {
	j, err := r.Reader.Get(ctx, id)
	if err != nil {
		return wire.Job{}, err
	}
	return view(&j), nil
}

func view(j *jobs.Job) wire.Job {
	s := &j.Spec
	v := wire.Job{
		ID: j.ID.String(), CallerID: s.CallerID, ContextID: s.ContextID, Payload: s.Payload,
		Executor: string(s.Executor), Runner: string(s.Runner), Queue: s.Queue().String(),
		Timeout: int64(s.Timeout / time.Second), EnvVars: s.Env, NotAfter: s.NotAfter, Audience: s.Audience,
		State: j.Status, Status: rpcapi.StatusWord(j.Status),
		Attempt: j.Attempt, MaxAttempts: s.MaxAttempts, RunBy: string(j.Runner),
		CreatedAt: j.Created, StartedAt: j.Started, EndedAt: j.Ended, UpdatedAt: j.Updated,
		Submitter: j.Submitter, Signatures: make([]wire.Signature, len(s.Signatures)),
	}
	if v.EnvVars == nil {
		v.EnvVars = map[string]string{}
	}
	for i, sig := range s.Signatures {
		v.Signatures[i] = wire.Signature{PublicKey: sig.PublicKey, Signature: sig.Signature}
	}
	if j.Status == job.Broken {
		v.Error = &wire.JobError{Kind: j.Failure, Message: j.Message, Exit: j.Exit}
	}
	if j.Status.Terminal() && j.Outcome != (jobs.Place{}) {
		v.Result = &j.Result
	}
	return v
}

// History returns a job's events, each with its proof.
func (r *Jobs) History(ctx context.Context, id job.ID) ([]wire.Event, error) {
	proofs, err := r.Reader.History(ctx, id)
	if err != nil {
		return nil, err
	}
	events := make([]wire.Event, len(proofs))
	for i, p := range proofs {
		if events[i], err = proved(p); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func proved(p signing.Proof) (wire.Event, error) {
	e, err := history.ParseEntry(p.Seq, p.Event)
	if err != nil {
		return wire.Event{}, err
	}
	path := make([]string, len(p.Path))
	for i, h := range p.Path {
		path[i] = hex.EncodeToString(h[:])
	}
	return wire.Event{
		Seq: p.Seq, Type: e.Type, At: e.At, Actor: e.Actor, Event: string(p.Event),
		Path: path, Seal: string(p.Seal.Append(nil)),
	}, nil
}

// Lines returns what a job wrote.
func (r *Jobs) Lines(ctx context.Context, id job.ID, after uint64, limit int) ([]wire.Line, error) {
	page, err := r.Output.Lines(ctx, id, after, limit)
	if err != nil {
		return nil, err
	}
	lines := make([]wire.Line, len(page.Lines))
	for i, l := range page.Lines {
		lines[i] = wire.Line{Number: l.Number, Timestamp: l.At, Stream: string(l.Stream), Level: level(l.Stream), Message: l.Text}
	}
	return lines, nil
}

// level is how bad a line is, as old clients want to know.
func level(s runner.Stream) string {
	if s == runner.Stderr {
		return "error"
	}
	return "info"
}

// List returns jobs, newest first.
func (r *Jobs) List(ctx context.Context, q wire.JobQuery) (wire.JobPage, error) {
	filter := jobs.Filter{States: q.States, Runner: domain.Name(q.Runner), Executor: domain.Name(q.Executor)}
	page, err := r.Reader.List(ctx, filter, q.Cursor, *q.Limit)
	if err != nil {
		return wire.JobPage{}, err
	}
	look, err := r.Reader.Views.Look(ctx, views.Query{End: true})
	if err != nil {
		return wire.JobPage{}, err
	}
	answer := wire.JobPage{
		Jobs: make([]wire.JobSummary, len(page.Jobs)), Cursor: page.Next,
		Position: page.Through, Lag: max(look.End, page.Through) - page.Through,
	}
	for i := range page.Jobs {
		answer.Jobs[i] = summary(&page.Jobs[i])
	}
	return answer, nil
}

func summary(j *jobs.Job) wire.JobSummary {
	return wire.JobSummary{
		ID: j.ID.String(), State: j.Status, Queue: j.Spec.Queue().String(), Attempt: j.Attempt, RunBy: string(j.Runner),
		CreatedAt: j.Created, StartedAt: j.Started, EndedAt: j.Ended, UpdatedAt: j.Updated,
		ErrorKind: j.Failure, Submitter: j.Submitter,
	}
}
