package rpcapitest

import (
	"context"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// twin reads jobs and runners the naive way: it keeps every commit and looks
// through all of them.
type twin struct {
	tip func(context.Context) (eventstore.Tip, error) // of the log

	mu sync.Mutex

	commits []*history.Commit
	waiting []chan struct{}
}

// current waits until everything was fed that is in the log.
func (w *twin) current(ctx context.Context) error {
	tip, err := w.tip(ctx)
	if err != nil {
		return err
	}
	for {
		fed, _ := w.Watch(job.ID{})
		w.mu.Lock()
		n := len(w.commits)
		reached := n > 0 && w.commits[n-1].Seal.Last() >= tip.Seq
		w.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-fed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *twin) feed(c *history.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commits = append(w.commits, c)
	for _, ch := range w.waiting {
		close(ch)
	}
	w.waiting = nil
}

// entries yields every event so far.
func (w *twin) entries(yield func(*history.Commit, *history.Entry) bool) {
	w.mu.Lock()
	commits := slices.Clone(w.commits)
	w.mu.Unlock()
	for _, c := range commits {
		for i := range c.Entries {
			if !yield(c, &c.Entries[i]) {
				return
			}
		}
	}
}

// Watch wakes at any event at all.
func (w *twin) Watch(job.ID) (<-chan struct{}, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := make(chan struct{})
	w.waiting = append(w.waiting, ch)
	return ch, func() {}
}

func noJob() error { return domain.Errorf(domain.NotFound, "job", "no such job") }

func (w *twin) Get(ctx context.Context, id job.ID) (wire.Job, error) {
	if err := w.current(ctx); err != nil {
		return wire.Job{}, err
	}
	view := wire.Job{}
	state := job.State{}
	for _, e := range w.entries {
		data, ok := e.Data.(job.Event)
		if !ok || e.Aggregate.ID != id.String() {
			w.outcome(&view, e, id)
			continue
		}
		state = job.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
		view.State, view.Status, view.Attempt, view.UpdatedAt = state.Status, rpcapi.StatusWord(state.Status), state.Attempt, e.At
		switch data := data.(type) {
		case job.Submitted:
			view.ID, view.CreatedAt, view.Submitter = id.String(), e.At, e.Actor
			submitted(&view, data)
		case job.Started:
			view.StartedAt, view.RunBy = e.At, string(e.Actor)[len("runner:"):]
		case job.Completed:
			view.EndedAt = e.At
		case job.Failed:
			view.EndedAt = e.At
			if view.Error == nil {
				view.Error = &wire.JobError{Kind: data.Kind}
			}
		case job.Queued, job.AttemptLost:
		}
	}
	if state.Status == job.None {
		return wire.Job{}, noJob()
	}
	return view, nil
}

func submitted(view *wire.Job, data job.Submitted) {
	o, err := data.Submission.Open()
	if err != nil {
		panic(err) // it was opened before
	}
	s := &o.Spec
	view.CallerID, view.ContextID, view.Payload = s.CallerID, s.ContextID, s.Payload
	view.Executor, view.Runner, view.Queue = string(s.Executor), string(s.Runner), s.Queue().String()
	view.Timeout, view.EnvVars, view.MaxAttempts = int64(s.Timeout.Seconds()), s.Env, s.MaxAttempts
	view.NotAfter, view.Audience = s.NotAfter, s.Audience
}

// outcome takes what a bundle says about a job.
func (w *twin) outcome(view *wire.Job, e *history.Entry, id job.ID) {
	reported, ok := e.Data.(runner.Reported)
	if !ok {
		return
	}
	b, err := reported.Bundle()
	if err != nil {
		panic(err) // it was read before
	}
	for _, r := range b.Reports {
		switch r := r.(type) {
		case runner.Completed:
			if r.Job == id {
				view.Result = &r.Result
			}
		case runner.Failed:
			if r.Job == id {
				view.Error = &wire.JobError{Kind: r.Kind, Message: r.Message, Exit: r.Exit}
			}
		}
	}
}

func (w *twin) Lines(ctx context.Context, id job.ID, after uint64, limit int) ([]wire.Line, error) {
	if _, err := w.Get(ctx, id); err != nil {
		return nil, err
	}
	number := uint64(0)
	lines := []wire.Line{}
	for _, e := range w.entries {
		reported, ok := e.Data.(runner.Reported)
		if !ok {
			continue
		}
		b, err := reported.Bundle()
		if err != nil {
			return nil, err
		}
		for _, r := range b.Reports {
			log, ok := r.(runner.Log)
			if !ok || log.Job != id {
				continue
			}
			for _, l := range log.Lines {
				if number++; number > after && len(lines) < limit {
					lines = append(lines, wire.Line{Number: number, Timestamp: l.At, Stream: string(l.Stream), Level: "info", Message: l.Text})
				}
			}
		}
	}
	return lines, nil
}

func (w *twin) History(ctx context.Context, id job.ID) ([]wire.Event, error) {
	if _, err := w.Get(ctx, id); err != nil {
		return nil, err
	}
	var events []wire.Event
	for c, e := range w.entries {
		if _, ok := e.Data.(job.Event); !ok || e.Aggregate.ID != id.String() {
			continue
		}
		leaves := make([]signing.Hash, len(c.Entries))
		for i := range c.Entries {
			leaves[i] = c.Entries[i].Hash
		}
		event := wire.Event{
			Seq: e.Seq, Type: e.Type, At: e.At, Actor: e.Actor, Event: string(e.Bytes),
			Path: []string{}, Seal: string(c.Seal.Append(nil)),
		}
		for _, h := range signing.Path(leaves, int(e.Seq-c.Seal.First)) { //nolint:gosec // below 256
			event.Path = append(event.Path, hex.EncodeToString(h[:]))
		}
		events = append(events, event)
	}
	return events, nil
}

func (w *twin) List(ctx context.Context, q wire.JobQuery) (wire.JobPage, error) {
	if err := w.current(ctx); err != nil {
		return wire.JobPage{}, err
	}
	page := wire.JobPage{Jobs: []wire.JobSummary{}}
	for _, e := range w.entries {
		page.Position = e.Seq
		if _, ok := e.Data.(job.Submitted); !ok {
			continue
		}
		id, err := job.ParseID(e.Aggregate.ID)
		if err != nil {
			return page, err
		}
		view, err := w.Get(ctx, id)
		if err != nil {
			return page, err
		}
		if len(q.States) > 0 && !slices.Contains(q.States, view.State) {
			continue
		}
		summary := wire.JobSummary{
			ID: view.ID, State: view.State, Queue: view.Queue, Attempt: view.Attempt, RunBy: view.RunBy,
			CreatedAt: view.CreatedAt, StartedAt: view.StartedAt, EndedAt: view.EndedAt, UpdatedAt: view.UpdatedAt,
			Submitter: view.Submitter,
		}
		page.Jobs = slices.Insert(page.Jobs, 0, summary)
	}
	page.Jobs = page.Jobs[:min(*q.Limit, len(page.Jobs))]
	return page, nil
}

// Info says what the log says.
func (w *twin) Info(ctx context.Context) (wire.Info, error) {
	if err := w.current(ctx); err != nil {
		return wire.Info{}, err
	}
	info := wire.Info{Leader: "s1", Address: "http://127.0.0.1:3030", Term: 1767366245, Jobs: map[string]uint64{}}
	for _, e := range w.entries {
		if info.Position = e.Seq; e.Seq == 1 {
			info.Founding = e.Hash.String()
		}
	}
	limit := 1000
	page, err := w.List(ctx, wire.JobQuery{Limit: &limit})
	for _, j := range page.Jobs {
		info.Jobs[j.State.String()]++
	}
	return info, err
}

// runnersOf reads runners.
type runnersOf struct{ *twin }

func (r runnersOf) List(ctx context.Context) ([]wire.Runner, error) {
	if err := r.current(ctx); err != nil {
		return nil, err
	}
	list := []wire.Runner{}
	for _, e := range r.entries {
		if joined, ok := e.Data.(runner.Joined); ok {
			list = append(list, wire.Runner{ID: e.Aggregate.ID, State: "running", Processes: []wire.RunnerProcess{{
				Process: joined.Process, JoinedAt: e.At, SeenAt: e.At, Slots: joined.Slots, Kinds: joined.Kinds, KeyID: joined.Key.ID(),
			}}})
		}
	}
	return list, nil
}

func (r runnersOf) Get(ctx context.Context, id domain.Name) (wire.Runner, error) {
	list, err := r.List(ctx)
	if i := slices.IndexFunc(list, func(r wire.Runner) bool { return r.ID == string(id) }); i >= 0 {
		return list[i], err
	}
	return wire.Runner{}, domain.Errorf(domain.NotFound, "runner", "no process ever joined as that runner")
}
