package rpcapi

import (
	"context"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

const (
	defaultWait  = 30 * time.Second
	defaultLimit = 100             // jobs or lines in an answer
	lookEvery    = 5 * time.Second // at a job that is waited for: the lead may have changed, and news with it
)

type jobParams struct {
	wire.JobID
	secret
}

type waitParams struct {
	wire.WaitFor
	secret
}

type logParams struct {
	wire.LogQuery
	secret
}

type queryParams struct {
	wire.JobQuery
	secret
}

func getInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.get", Result: "job",
		Summary:     "Tell everything about a job.",
		Description: "Sees every submit and every outcome that was answered or reported before.",
		Errors:      []domain.Code{domain.NotFound, domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "a job that waits for its runner",
			Params: jobParams{JobID: wire.JobID{ID: "hello"}},
			Result: exampleJob(),
		}},
	}
}

func (a *API) get(ctx context.Context, p jobParams) (wire.Job, error) {
	return a.job(ctx, p.ID)
}

// job reads a job by the text of its id.
func (a *API) job(ctx context.Context, text string) (wire.Job, error) {
	id, err := job.ParseID(text)
	if err != nil {
		return wire.Job{}, within("/id", err)
	}
	return a.cfg.Backend.Jobs.Get(ctx, id)
}

func explainInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.explain", Result: "explanation",
		Summary: "Tell why a job does not run.",
		Errors:  []domain.Code{domain.NotFound, domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "a job that waits for its runner",
			Params: jobParams{JobID: wire.JobID{ID: "hello"}},
			Result: wire.Explanation{ID: "hello", State: job.Waiting, Waiting: exampleWaiting()},
		}},
	}
}

func (a *API) explain(ctx context.Context, p jobParams) (wire.Explanation, error) {
	view, err := a.job(ctx, p.ID)
	return wire.Explanation{ID: view.ID, State: view.State, Waiting: view.Waiting}, err
}

func exampleWaiting() *wire.Waiting {
	return &wire.Waiting{
		Reason:  "no_runner",
		Message: "no runner serves its queue executor:sh: start one for jobs of kind sh, with a key that is admitted for it",
	}
}

func waitInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.wait", Result: "job",
		Summary:     "Wait for a job's outcome.",
		Description: "Answers as `job.get` does once the job has completed or failed, and -32011 `still_running` when that takes longer than the timeout.",
		Errors:      []domain.Code{domain.NotFound, domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "a job that has ended",
			Params: waitParams{WaitFor: wire.WaitFor{ID: "done"}},
			Result: exampleDone(),
		}},
	}
}

func (a *API) wait(ctx context.Context, p waitParams) (wire.Job, error) {
	timeout := defaultWait
	if p.Timeout != nil {
		timeout = time.Duration(*p.Timeout) * time.Second
	}
	id, err := job.ParseID(p.ID)
	if err != nil {
		return wire.Job{}, within("/id", err)
	}
	return a.outcome(ctx, id, func(wire.Job) time.Duration { return timeout })
}

// outcome waits for a job to end, for as long as patience says once the job is
// known.
func (a *API) outcome(ctx context.Context, id job.ID, patience func(wire.Job) time.Duration) (wire.Job, error) {
	var late <-chan time.Time
	for {
		changed, stop := a.cfg.Backend.Jobs.Watch(id) // before the look, so that nothing is missed
		view, err := a.cfg.Backend.Jobs.Get(ctx, id)
		if err != nil || view.State.Terminal() {
			stop()
			return view, err
		}
		if late == nil {
			leave, err := a.seat(ctx)
			if err != nil {
				stop()
				return wire.Job{}, err
			}
			defer leave()
			late = time.After(patience(view))
		}
		err = a.pause(ctx, changed, late)
		stop()
		if err != nil {
			return wire.Job{}, err
		}
	}
}

// stillRunning is the reason of those who waited for an outcome in vain.
const stillRunning = "still_running"

// pause waits until something may have happened.
func (a *API) pause(ctx context.Context, changed <-chan struct{}, late <-chan time.Time) error {
	select {
	case <-changed:
		return nil
	case <-time.After(lookEvery):
		return nil
	case <-a.cfg.Stopping:
		return domain.Errorf(domain.TryAgain, "stopping", "the supervisor is stopping: ask again")
	case <-late:
		return domain.Errorf(domain.TryAgain, stillRunning, "the job has no outcome yet: ask again")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func logsInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.logs", Result: "logs",
		Summary:     "Read what a job wrote.",
		Description: "Lines are numbered over all attempts. To follow, call again with `after` set to the `next` of the last answer, and `wait`, until `ended`.",
		Errors:      []domain.Code{domain.NotFound, domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "all lines",
			Params: logParams{LogQuery: wire.LogQuery{ID: "done"}},
			Result: wire.Logs{Lines: []wire.Line{{Number: 1, Timestamp: exampleTime(), Stream: "stdout", Level: "info", Message: "hello"}}, Next: 1, Ended: false},
		}},
	}
}

func (a *API) logs(ctx context.Context, p logParams) (wire.Logs, error) {
	id, err := job.ParseID(p.ID)
	if err != nil {
		return wire.Logs{}, within("/id", err)
	}
	var late <-chan time.Time
	for {
		changed, stop := a.cfg.Backend.Jobs.Watch(id) // before the look, so that nothing is missed
		answer, err := a.linesAfter(ctx, id, p.After, limitOf(p.Limit))
		if err != nil || len(answer.Lines) > 0 || answer.Ended || p.Wait == 0 {
			stop()
			return answer, err
		}
		if late == nil {
			leave, err := a.seat(ctx)
			if err != nil {
				stop()
				return wire.Logs{}, err
			}
			defer leave()
			late = time.After(time.Duration(p.Wait) * time.Second)
		}
		err = a.pause(ctx, changed, late)
		stop()
		switch {
		case domain.ReasonOf(err) == stillRunning:
			return answer, nil
		case err != nil:
			return wire.Logs{}, err
		}
	}
}

// linesAfter reads some lines, and whether any can follow. The state is read
// before the lines are: those of a job that had ended are all there.
func (a *API) linesAfter(ctx context.Context, id job.ID, after uint64, limit int) (wire.Logs, error) {
	view, err := a.cfg.Backend.Jobs.Get(ctx, id)
	if err != nil {
		return wire.Logs{}, err
	}
	lines, err := a.cfg.Backend.Jobs.Lines(ctx, id, after, limit)
	if err != nil {
		return wire.Logs{}, err
	}
	answer := wire.Logs{Lines: lines, Next: after, Ended: view.State.Terminal() && len(lines) < limit}
	if len(lines) > 0 {
		answer.Next = lines[len(lines)-1].Number
	}
	return answer, nil
}

// limitOf returns how many jobs or lines an answer may have.
func limitOf(n *int) int {
	if n == nil {
		return defaultLimit
	}
	return *n
}

func historyInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "job.history", Result: "history",
		Summary:     "Tell everything that happened to a job, with proof.",
		Description: "Each event comes with its exact bytes, its Merkle path and the seal of its commit: whoever trusts the founding can check it alone.",
		Errors:      []domain.Code{domain.NotFound, domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "a job that waits for its runner",
			Params: jobParams{JobID: wire.JobID{ID: "hello"}},
			Result: wire.History{Events: []wire.Event{exampleEvent()}},
		}},
	}
}

func (a *API) history(ctx context.Context, p jobParams) (wire.History, error) {
	id, err := job.ParseID(p.ID)
	if err != nil {
		return wire.History{}, within("/id", err)
	}
	events, err := a.cfg.Backend.Jobs.History(ctx, id)
	return wire.History{Events: events}, err
}

func queryInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "jobs.query", Result: "page",
		Summary:     "List jobs, newest first.",
		Description: "Lists may lag behind the history by what `lag` says.",
		Errors:      []domain.Code{domain.TryAgain},
		Examples: []jsonrpc.Example{{
			Name:   "jobs that wait",
			Params: queryParams{JobQuery: wire.JobQuery{States: []job.Status{job.Waiting}}},
			Result: wire.JobPage{Jobs: []wire.JobSummary{{
				ID: "hello", State: job.Waiting, Queue: "executor:sh", Attempt: 1,
				CreatedAt: exampleTime(), UpdatedAt: exampleTime(), Submitter: event.ByAPIKey("ci"),
			}}, Position: 3},
		}},
	}
}

func (a *API) query(ctx context.Context, p queryParams) (wire.JobPage, error) {
	limit := limitOf(p.Limit)
	p.Limit = &limit
	return a.cfg.Backend.Jobs.List(ctx, p.JobQuery)
}

// recent returns the newest jobs with all that there is to know about them, at
// most 1,000 and no more than an answer can hold.
func (a *API) recent(ctx context.Context) ([]wire.Job, error) {
	const room = 6 << 20 // bytes of payloads and results: with their frames they fit 8 MiB
	limit := 1000
	page, err := a.cfg.Backend.Jobs.List(ctx, wire.JobQuery{Limit: &limit})
	if err != nil {
		return nil, err
	}
	full := make([]wire.Job, 0, len(page.Jobs))
	size := 0
	for _, summary := range page.Jobs {
		view, err := a.job(ctx, summary.ID)
		if domain.CodeOf(err) == domain.NotFound {
			continue // deleted since the list, which may lag
		}
		if err != nil {
			return nil, err
		}
		size += 1024 + len(view.Payload)
		for _, value := range view.EnvVars {
			size += len(value)
		}
		if size > room {
			break
		}
		full = append(full, view)
	}
	return full, nil
}

// StatusWord returns the word of old clients for a state.
func StatusWord(s job.Status) string {
	switch s {
	case job.Planned, job.Waiting, job.Retrying:
		return "dispatched"
	case job.Running, job.Ending:
		return "started"
	case job.Halted, job.Shelved:
		return job.Broken.String()
	case job.None, job.Created, job.Done, job.Broken, job.Erased:
	}
	return s.String()
}
