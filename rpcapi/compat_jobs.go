package rpcapi

import (
	"context"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/strictjson"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// What jobs look like in the calls of old clients.

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

type oldQueueJob struct {
	oldSecret
	Runner string       `json:"runner" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Id of the runner."`
	Job    wire.JobText `json:"job" validate:"required" doc:"The job. It names that runner, or none."`
}

// addressed returns a job that names a runner. Where the client named none, it
// says so in the client's stead; in what was signed nobody can.
func addressed(text wire.JobText, runner string) (wire.JobText, error) {
	submission, err := job.Parse(text)
	if err != nil {
		return nil, within("/job", err)
	}
	if submission.Form == job.FormUnsigned && !hasMember(text, "runner") {
		text = slices.Concat([]byte(`{"runner":"`+runner+`",`), text[1:])
	}
	opened, err := open("/job", text)
	if err == nil && string(opened.Spec.Runner) != runner {
		err = domain.Errorf(domain.Invalid, "runner", "the job must name the runner %s, or be unsigned and name none", runner)
		err = within("/job/runner", err)
	}
	return text, err
}

// hasMember reports whether a JSON object has a member of that name.
func hasMember(object []byte, name string) bool {
	for m, err := range strictjson.Members(object) {
		if err == nil && m.Name == name {
			return true
		}
	}
	return false
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

func oldExampleSubmit() oldSubmit {
	return oldSubmit{Job: wire.JobText(`{"id":"hello","caller_id":"me","context_id":"demo","payload":"echo hello","executor":"sh"}`)}
}

func oldExampleID() oldID { return oldID{JobID: "hello"} }
