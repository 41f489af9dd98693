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
	"github.com/herocode/horus/projections/waiting"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Jobs reads jobs for the API. All fields are required.
type Jobs struct {
	Reader *jobs.Reader
	Output *logs.Reader
	// Waiting says why jobs do not run.
	Waiting *waiting.Reader
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
	v := view(&j)
	v.Waiting, err = r.why(ctx, &j.Record)
	return v, err
}

// why says why a job does not run, nil if nothing keeps it.
func (r *Jobs) why(ctx context.Context, record *jobs.Record) (*wire.Waiting, error) {
	why, err := r.Waiting.Explain(ctx, record)
	if err != nil || why.Reason == waiting.None {
		return nil, err
	}
	return &wire.Waiting{Reason: string(why.Reason), Message: why.Message, Until: why.Until}, nil
}

func view(j *jobs.Job) wire.Job {
	s := &j.Spec
	v := wire.Job{
		ID: j.ID.String(), CallerID: s.CallerID, ContextID: s.ContextID, Payload: s.Payload,
		Executor: string(s.Executor), Runner: string(s.Runner), Queue: s.Queue().String(),
		Timeout: int64(s.Timeout / time.Second), EnvVars: s.Env, NotAfter: s.NotAfter, Nonce: s.Nonce, Audience: s.Audience,
		State: j.Status, Status: rpcapi.StatusWord(j.Status),
		Attempt: j.Attempt, MaxAttempts: j.Most(), Counted: j.Counted, ExpiresAt: j.Expires, Refused: j.Refused, RunBy: string(j.Runner),
		CreatedAt: j.Created, StartedAt: j.Started, EndedAt: j.Ended, UpdatedAt: j.Updated,
		Submitter: j.Submitter, Signatures: make([]wire.Signature, len(s.Signatures)),
	}
	if v.EnvVars == nil {
		v.EnvVars = map[string]string{}
	}
	for i, sig := range s.Signatures {
		v.Signatures[i] = wire.Signature{PublicKey: sig.PublicKey, Signature: sig.Signature}
	}
	if j.Status.Terminal() && j.Outcome != (jobs.Place{}) {
		v.Result = &j.Result
	}
	tell(&v, j)
	return v
}

// tell fills in what happened to a job on its way.
func tell(v *wire.Job, j *jobs.Job) {
	if j.Failure != "" {
		why := &wire.JobError{Kind: j.Failure, Message: j.Message, Exit: j.Exit}
		if j.Status == job.Broken || j.Status == job.Shelved {
			v.Error = why
		} else {
			v.LastError = why
		}
	}
	if j.Status == job.Planned || j.Status == job.Retrying {
		v.Due = j.Due
	}
	if j.Stop.Seq != 0 {
		v.Stop = &wire.JobStop{At: j.Stop.At, By: j.Stop.By}
	}
	if j.Progress.Seq != 0 {
		v.Progress = &wire.JobProgress{At: j.Progress.At, Percent: j.Progress.Percent, Text: j.Doing}
	}
	if j.Checkpoint.Seq != 0 {
		v.Checkpoint = &wire.JobCheckpoint{At: j.Checkpoint.At, Bytes: j.Checkpoint.Bytes}
	}
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

// List returns jobs of some queues, of all if there are none, newest first.
func (r *Jobs) List(ctx context.Context, q wire.JobQuery, queues ...job.Queue) (wire.JobPage, error) {
	filter := jobs.Filter{Queues: queues, States: q.States, Runner: domain.Name(q.Runner), Executor: domain.Name(q.Executor), Failure: q.Kind, EndedBefore: q.EndedBefore}
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
	s := wire.JobSummary{
		ID: j.ID.String(), State: j.Status, Queue: j.Spec.Queue().String(), Attempt: j.Attempt, RunBy: string(j.Runner),
		CreatedAt: j.Created, StartedAt: j.Started, EndedAt: j.Ended, UpdatedAt: j.Updated,
		Submitter: j.Submitter,
	}
	if j.Status == job.Broken || j.Status == job.Shelved { // of others it is why the last attempt failed
		s.ErrorKind = j.Failure
	}
	return s
}
