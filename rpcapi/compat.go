package rpcapi

import (
	"context"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// This file holds every name that clients of the original call, with the
// parameters in their order and the results in their shape, and nothing else:
// each row maps to what a canonical method does.

// compat is the method table of the old names.
func (a *API) compat() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(oldWrite("jobs.create", "Record a job without queueing it; `job.start` does that. Use `jobs.submit`.", oldExampleSubmit(), "hello"),
			func(ctx context.Context, p oldSubmit) (string, error) { return idOf(a.submit(ctx, p.Job, true)) }),
		jsonrpc.Define(oldWrite("create_job", "Submit a job. Use `jobs.submit`.", oldExampleSubmit(), "hello"),
			func(ctx context.Context, p oldSubmit) (string, error) { return idOf(a.submit(ctx, p.Job, false)) }),
		jsonrpc.Define(oldWrite("job.start", "Queue a job that was created.", oldExampleID(), jsonrpc.Null{}),
			func(ctx context.Context, p oldID) (jsonrpc.Null, error) {
				return jsonrpc.Null{}, withID(p.JobID, func(id job.ID) error { return a.release(ctx, id) })
			}),
		jsonrpc.Define(oldWrite("delete_job", "Take a job that has its outcome out of all lists. Use `job.delete`.", oldID{JobID: "done"}, jsonrpc.Null{}),
			func(ctx context.Context, p oldID) (jsonrpc.Null, error) {
				return a.delete(ctx, namedParams{JobID: p.JobID})
			}),
		jsonrpc.Define(waiting(oldWrite("job.run", "Submit a job and wait for its outcome. Use `jobs.submit` and `job.wait`.", oldExampleSubmit(), oldResult{Success: new("hello\n")})),
			func(ctx context.Context, p oldSubmit) (oldResult, error) {
				receipt, err := a.submit(ctx, p.Job, false)
				if err != nil {
					return oldResult{}, err
				}
				return a.oldOutcome(ctx, receipt.ID)
			}),
		jsonrpc.Define(old("job.result", "Wait for a job's outcome. Use `job.wait`.", oldOpenID{JobID: "done"}, oldResult{Success: new("hello\n")}),
			func(ctx context.Context, p oldOpenID) (oldResult, error) { return a.oldOutcome(ctx, p.JobID) }),
		jsonrpc.Define(old("job.status", "Tell where a job stands. Use `job.get`.", oldOpenID{JobID: "done"}, oldStatusOf(exampleDone())),
			func(ctx context.Context, p oldOpenID) (oldStatus, error) {
				view, err := a.job(ctx, p.JobID)
				return oldStatusOf(view), err
			}),
		jsonrpc.Define(withSecret(old("get_job", "Tell everything about a job. Use `job.get`.", oldExampleID(), oldJobOf(exampleJob()))),
			func(ctx context.Context, p oldID) (oldJob, error) {
				view, err := a.job(ctx, p.JobID)
				return oldJobOf(view), err
			}),
		jsonrpc.Define(withSecret(old("get_job_logs", "Read what a job wrote. Use `job.logs`.", oldID{JobID: "done"}, []oldLine{{exampleTime(), "info", "hello"}})),
			func(ctx context.Context, p oldID) ([]oldLine, error) {
				logs, err := a.logs(ctx, logParams{LogQuery: wire.LogQuery{ID: p.JobID, Limit: new(maxOldLines)}})
				return mapped(logs.Lines, oldLineOf), err
			}),
		jsonrpc.Define(withSecret(old("jobs.list", "List the newest jobs, at most 1,000. Use `jobs.query`.", oldSecret{}, []oldJob{oldJobOf(exampleJob())})), a.oldList),
		jsonrpc.Define(withSecret(old("list_jobs", "List the newest jobs, at most 1,000. Use `jobs.query`.", oldSecret{}, []oldJob{oldJobOf(exampleJob())})), a.oldList),
		jsonrpc.Define(old("list_runners", "List runner ids. Use `runners.list`.", struct{}{}, []string{"r1"}),
			func(ctx context.Context, _ struct{}) ([]string, error) { return a.runnerIDs(ctx) }),
	}
}

func (a *API) oldList(ctx context.Context, _ oldSecret) ([]oldJob, error) {
	views, err := a.recent(ctx)
	return mapped(views, oldJobOf), err
}

// oldOutcome waits as long as one attempt of the job may take, and a minute.
func (a *API) oldOutcome(ctx context.Context, text string) (result oldResult, err error) {
	err = withID(text, func(id job.ID) error {
		view, err := a.outcome(ctx, id, func(view wire.Job) time.Duration {
			return time.Duration(view.Timeout)*time.Second + time.Minute
		})
		result = oldResultOf(view)
		return err
	})
	return result, err
}

// maxOldLines bounds an answer of those calls that have no pages.
const maxOldLines = 10_000

// oldSecret is a secret that comes first; with the header it may be missing.
type oldSecret struct {
	Secret string `json:"secret" validate:"max=1024" doc:"API key; not needed with the header Authorization: Bearer."`
}

func (s *oldSecret) takeSecret() (taken string) {
	taken, s.Secret = s.Secret, ""
	return taken
}

type oldSubmit struct {
	oldSecret
	Job wire.JobText `json:"job" validate:"required" doc:"The job."`
}

type oldID struct {
	oldSecret
	JobID string `json:"job_id" validate:"required,max=128" doc:"Id of the job."`
}

// oldOpenID is of those calls that the original asked no secret for.
type oldOpenID struct {
	JobID string `json:"job_id" validate:"required,max=128" doc:"Id of the job."`
}

type oldResult struct {
	Success *string `json:"success,omitempty"`
	Error   *string `json:"error,omitempty"`
}

type oldStatus struct {
	JobID       string      `json:"job_id"`
	Status      string      `json:"status"`
	State       job.Status  `json:"state"`
	CreatedAt   event.Time  `json:"created_at"`
	StartedAt   *event.Time `json:"started_at"`
	CompletedAt *event.Time `json:"completed_at"`
}

type oldJob struct {
	ID         string            `json:"id"`
	CallerID   string            `json:"caller_id"`
	ContextID  string            `json:"context_id"`
	Payload    string            `json:"payload"`
	Executor   string            `json:"executor"`
	Runner     string            `json:"runner"`
	Timeout    int64             `json:"timeout"`
	EnvVars    map[string]string `json:"env_vars"`
	CreatedAt  event.Time        `json:"created_at"`
	UpdatedAt  event.Time        `json:"updated_at"`
	Signatures []wire.Signature  `json:"signatures"`
	Status     string            `json:"status"`
	State      job.Status        `json:"state"`
}

type oldLine struct {
	Timestamp event.Time `json:"timestamp"`
	Level     string     `json:"level"`
	Message   string     `json:"message"`
}

func idOf(r receipt, err error) (string, error) { return r.ID, err }

func withID(text string, do func(job.ID) error) error {
	id, err := job.ParseID(text)
	if err != nil {
		return within("/job_id", err)
	}
	return do(id)
}

func oldResultOf(view wire.Job) oldResult {
	if view.Error == nil {
		return oldResult{Success: view.Result}
	}
	return oldResult{Error: new(view.Error.String())}
}

func oldStatusOf(view wire.Job) oldStatus {
	return oldStatus{
		JobID: view.ID, Status: view.Status, State: view.State,
		CreatedAt: view.CreatedAt, StartedAt: timeOrNull(view.StartedAt), CompletedAt: timeOrNull(view.EndedAt),
	}
}

func timeOrNull(t event.Time) *event.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func oldJobOf(view wire.Job) oldJob {
	return oldJob{
		ID: view.ID, CallerID: view.CallerID, ContextID: view.ContextID, Payload: view.Payload,
		Executor: view.Executor, Runner: view.Runner, Timeout: view.Timeout, EnvVars: view.EnvVars,
		CreatedAt: view.CreatedAt, UpdatedAt: view.UpdatedAt, Signatures: view.Signatures,
		Status: view.Status, State: view.State,
	}
}

func oldLineOf(l wire.Line) oldLine { return oldLine{l.Timestamp, l.Level, l.Message} }

func mapped[A, B any](list []A, to func(A) B) []B {
	out := make([]B, len(list))
	for i := range list {
		out[i] = to(list[i])
	}
	return out
}

// old is a row for a call that reads.
func old(name, summary string, params, result any) jsonrpc.Info {
	return jsonrpc.Info{
		Name: name, Summary: summary, Deprecated: true,
		Examples: []jsonrpc.Example{{Name: "a call", Params: params, Result: result}},
	}
}

// withSecret is a row for a call whose secret comes first.
func withSecret(info jsonrpc.Info) jsonrpc.Info {
	info.Credential = "secret"
	return info
}

// oldWrite is a row for a call that changes something.
func oldWrite(name, summary string, params, result any) jsonrpc.Info {
	info := withSecret(old(name, summary, params, result))
	info.Mutates = true
	return info
}

// waiting is a row for a call that waits for a job.
func waiting(info jsonrpc.Info) jsonrpc.Info {
	info.Waits = true
	return info
}

func oldExampleSubmit() oldSubmit {
	return oldSubmit{Job: wire.JobText(`{"id":"hello","caller_id":"me","context_id":"demo","payload":"echo hello","executor":"sh"}`)}
}

func oldExampleID() oldID { return oldID{JobID: "hello"} }
