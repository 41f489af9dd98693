package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// JobText is a job in the very bytes in which its client wrote it, because that
// is what was signed: a DSSE envelope, or a job object with or without
// signatures.
type JobText []byte

// UnmarshalJSON keeps a copy of text.
func (t *JobText) UnmarshalJSON(text []byte) error {
	*t = bytes.Clone(text)
	return nil
}

// MarshalJSON returns the bytes.
func (t JobText) MarshalJSON() ([]byte, error) {
	if len(t) == 0 {
		return nil, errors.New("marshal job: there is none")
	}
	return t, nil
}

// Alternatives says what may be in the text; it is there for the description
// of the API.
func (JobText) Alternatives() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[job.Document](), reflect.TypeFor[Envelope]()}
}

// Envelope is a DSSE envelope (https://github.com/secure-systems-lab/dsse)
// around a job.
type Envelope struct {
	Payload     string              `json:"payload" validate:"required" doc:"The job object in standard base64; its exact bytes are signed."`
	PayloadType string              `json:"payloadType" validate:"required,oneof=application/vnd.horus.job+json"`
	Signatures  []EnvelopeSignature `json:"signatures" validate:"required,min=1,max=8,dive"`
}

// EnvelopeSignature is one signature of an [Envelope].
type EnvelopeSignature struct {
	KeyID string `json:"keyid" validate:"required,len=32" doc:"First 16 bytes of the SHA-256 of the public key, in hexadecimal digits."`
	Sig   string `json:"sig" validate:"required,len=88" doc:"The key's signature of the pre-authentication encoding, 64 bytes in standard base64."`
}

// Submit asks for a job to be run.
type Submit struct {
	Job JobText `json:"job" validate:"required" doc:"The job: a DSSE envelope, or the job object itself, signed or not."`
}

// Receipt says that a job was accepted. Nothing that its durability names loses
// it.
type Receipt struct {
	ID         string     `json:"id"`
	State      job.Status `json:"state"`
	Durability string     `json:"durability" doc:"What keeps the job: memory (nothing but Redis that runs), everysec (the disk of Redis, within a second), fsync (its disk, now) or replicated:1 to replicated:9 (so many replicas of Redis, now)."`
	Duplicate  bool       `json:"duplicate" doc:"The same job was submitted before; this changed nothing."`
}

// AppendJSON implements [jsonrpc.Appender].
func (r *Receipt) AppendJSON(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, `{"id":`...), r.ID)
	dst = fixedjson.AppendString(append(dst, `,"state":`...), r.State.String())
	dst = fixedjson.AppendString(append(dst, `,"durability":`...), r.Durability)
	return append(strconv.AppendBool(append(dst, `,"duplicate":`...), r.Duplicate), '}')
}

// SubmitMany asks for several jobs to be run.
type SubmitMany struct {
	Jobs []JobText     `json:"jobs" validate:"required,min=1,max=1000" doc:"The jobs, in the order in which they are to be taken in: each as in jobs.submit, or, with bulk, the job object itself."`
	Bulk *BulkEnvelope `json:"bulk,omitempty" validate:"omitempty" doc:"One signature for all of the jobs."`
}

// BulkEnvelope is a DSSE envelope that signs several jobs at once.
type BulkEnvelope struct {
	Payload     string              `json:"payload" validate:"required,max=4096" doc:"{\"count\":…,\"namespace\":…,\"root\":…} in standard base64, in this order and without white space; the root is that of the RFC 6962 tree over the jobs' bytes, as they stand in jobs, in hexadecimal digits."`
	PayloadType string              `json:"payloadType" validate:"required,oneof=application/vnd.horus.bulk+json"`
	Signatures  []EnvelopeSignature `json:"signatures" validate:"required,min=1,max=8,dive"`
}

// Verdicts are the answers to a [SubmitMany], in the order of its jobs.
type Verdicts struct {
	Verdicts []Verdict `json:"verdicts"`
}

// Verdict is what became of one job: it has a receipt or an error.
type Verdict struct {
	Receipt *Receipt       `json:"receipt,omitempty" doc:"As jobs.submit answers; absent when there is an error."`
	Error   *jsonrpc.Error `json:"error,omitempty" doc:"The error object with which jobs.submit would have answered; absent when the job was taken in."`
}

// JobID names a job.
type JobID struct {
	ID string `json:"id" validate:"required,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"Id of the job."`
}

// WaitFor asks for a job's outcome.
type WaitFor struct {
	ID      string `json:"id" validate:"required,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"Id of the job."`
	Timeout *int64 `json:"timeout,omitempty" validate:"omitnil,min=1,max=300" jsonschema:"default=30" doc:"Seconds to wait; 30 if absent."`
}

// Job is everything that there is to know about a job.
type Job struct {
	ID          string            `json:"id"`
	CallerID    string            `json:"caller_id"`
	ContextID   string            `json:"context_id"`
	Payload     string            `json:"payload"`
	Executor    string            `json:"executor"`
	Runner      string            `json:"runner" doc:"Runner id that the job is for; empty if any of its kind may take it."`
	Queue       string            `json:"queue" doc:"Where its attempts wait: runner:<id> or executor:<kind>."`
	Timeout     int64             `json:"timeout" doc:"Seconds that one attempt may run."`
	EnvVars     map[string]string `json:"env_vars"`
	NotAfter    event.Time        `json:"not_after,omitzero"`
	Nonce       string            `json:"nonce,omitempty"`
	Audience    string            `json:"audience,omitempty"`
	State       job.Status        `json:"state"`
	Status      string            `json:"status" doc:"The state in the words of old clients: created, dispatched, started, completed or failed."`
	Attempt     uint32            `json:"attempt" doc:"Number of the open or last attempt; 0 before the first."`
	MaxAttempts uint32            `json:"max_attempts"`
	Counted     uint32            `json:"counted" doc:"Attempts that did not end well and count against max_attempts."`
	Due         event.Time        `json:"due,omitzero" doc:"When a scheduled or retrying job is queued."`
	ExpiresAt   event.Time        `json:"expires_at,omitzero" doc:"A job that was not begun by then fails as expired; the earlier one of expires_at and not_after."`
	RunBy       string            `json:"run_by,omitempty" doc:"Runner id that runs or ran the last attempt."`
	CreatedAt   event.Time        `json:"created_at"`
	StartedAt   event.Time        `json:"started_at,omitzero" doc:"When the last attempt began."`
	EndedAt     event.Time        `json:"ended_at,omitzero"`
	UpdatedAt   event.Time        `json:"updated_at"`
	Result      *string           `json:"result,omitempty" doc:"What the job returned; absent until it ended."`
	Error       *JobError         `json:"error,omitempty" doc:"Why the job failed; absent otherwise."`
	LastError   *JobError         `json:"last_error,omitempty" doc:"Why the last attempt of a job that is tried again failed; absent otherwise."`
	Stop        *JobStop          `json:"stop,omitempty" doc:"Who asked for the job to be stopped; absent when nobody did while it was queued or ran."`
	Progress    *JobProgress      `json:"progress,omitempty" doc:"How far the last attempt is, as it says itself."`
	Checkpoint  *JobCheckpoint    `json:"checkpoint,omitempty" doc:"What the next attempt begins with."`
	Waiting     *Waiting          `json:"waiting,omitempty" doc:"Why the job does not run; absent when nothing keeps it."`
	Refused     uint32            `json:"refused" doc:"Reports on attempts that were not the open one; the history names them."`
	Submitter   event.Actor       `json:"submitter" doc:"client:<key id> for a signed job, key:<name> for one that an API key vouches for."`
	Signatures  []Signature       `json:"signatures" doc:"Signatures in the job object; empty when an envelope bears them."`
}

// Signature is one signature of a job object.
type Signature struct {
	PublicKey string `json:"public_key"`
	Signature string `json:"signature"`
}

// JobError says why a job failed.
type JobError struct {
	Kind    job.FailureKind `json:"kind" doc:"error, timeout, lost, rejected or expired."`
	Message string          `json:"message"`
	Exit    int32           `json:"exit" doc:"Exit code of the process; 0 if there was none."`
}

// Waiting says why a job does not run.
type Waiting struct {
	Reason  string     `json:"reason" doc:"held, scheduled, back_off, stopping, queue_paused, runner_paused, no_runner, slots_busy or queued_behind."`
	Message string     `json:"message" doc:"The same in a sentence that says what to do."`
	Until   event.Time `json:"until,omitzero" doc:"When that ends by itself; absent when nobody knows."`
}

// Explanation says where a job stands, and why it does not run.
type Explanation struct {
	ID      string     `json:"id"`
	State   job.Status `json:"state"`
	Waiting *Waiting   `json:"waiting,omitempty" doc:"Absent when nothing keeps the job: it runs, or has its outcome."`
}

// JobStop says who wants a job stopped.
type JobStop struct {
	At event.Time  `json:"at"`
	By event.Actor `json:"by"`
}

// JobProgress says how far an attempt is.
type JobProgress struct {
	At      event.Time `json:"at"`
	Percent uint32     `json:"percent" doc:"0 to 100."`
	Text    string     `json:"text"`
}

// JobCheckpoint is what an attempt left for the next one.
type JobCheckpoint struct {
	At    event.Time `json:"at"`
	Bytes uint32     `json:"bytes"`
}

// JobQuery selects jobs. Zero members select nothing.
type JobQuery struct {
	States      []job.Status    `json:"states,omitempty" validate:"max=16" doc:"Only jobs in one of these states: created, scheduled, queued, running, retrying, stopping, completed, failed, stopped, dropped."`
	Runner      string          `json:"runner,omitempty" validate:"omitempty,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Only jobs for that runner id."`
	Executor    string          `json:"executor,omitempty" validate:"omitempty,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Only jobs for any runner of that kind."`
	Limit       *int            `json:"limit,omitempty" validate:"omitnil,min=1,max=1000" jsonschema:"default=100" doc:"Most jobs in the answer; 100 if absent."`
	Cursor      string          `json:"cursor,omitempty" validate:"max=256" doc:"The cursor of the answer that this one goes on from."`
	Kind        job.FailureKind `json:"kind,omitempty" validate:"omitempty,oneof=error timeout lost rejected expired" doc:"Only jobs that failed so: error, timeout, lost, rejected or expired."`
	EndedBefore event.Time      `json:"ended_before,omitzero" doc:"RFC 3339. Only jobs that had their outcome before it."`
}

// JobPage is an answer to a [JobQuery], newest jobs first. It may lag behind
// the history; Lag says how far.
type JobPage struct {
	Jobs     []JobSummary `json:"jobs"`
	Cursor   string       `json:"cursor,omitempty" doc:"Where the next page begins; absent on the last one."`
	Position uint64       `json:"position" doc:"Number of the last event that the answer knows of."`
	Lag      uint64       `json:"lag" doc:"Events in the history after that."`
}

// JobSummary is what a list says about a job.
type JobSummary struct {
	ID        string          `json:"id"`
	State     job.Status      `json:"state"`
	Queue     string          `json:"queue"`
	Attempt   uint32          `json:"attempt"`
	RunBy     string          `json:"run_by,omitempty"`
	CreatedAt event.Time      `json:"created_at"`
	StartedAt event.Time      `json:"started_at,omitzero"`
	EndedAt   event.Time      `json:"ended_at,omitzero"`
	UpdatedAt event.Time      `json:"updated_at"`
	ErrorKind job.FailureKind `json:"error_kind,omitempty"`
	Submitter event.Actor     `json:"submitter"`
}

// LogQuery asks for lines that a job wrote.
type LogQuery struct {
	ID    string `json:"id" validate:"required,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"Id of the job."`
	After uint64 `json:"after,omitempty" doc:"Only lines after that number."`
	Limit *int   `json:"limit,omitempty" validate:"omitnil,min=1,max=1000" jsonschema:"default=100" doc:"Most lines in the answer; 100 if absent."`
	Wait  int    `json:"wait,omitempty" validate:"min=0,max=30" doc:"Seconds to wait for a line, or for the job's end, when there is none yet; 0 if absent."`
}

// Logs is an answer to a [LogQuery].
type Logs struct {
	Lines []Line `json:"lines"`
	Next  uint64 `json:"next" doc:"The after of the next call, whether or not there are more lines yet."`
	Ended bool   `json:"ended" doc:"The job has its outcome, and these are its last lines."`
}

// Line is one line that a job wrote.
type Line struct {
	Number    uint64     `json:"number" doc:"1, 2, 3 … over all attempts."`
	Timestamp event.Time `json:"timestamp" doc:"By the runner's clock."`
	Stream    string     `json:"stream" doc:"stdout, stderr, or runner for what the runner itself says."`
	Level     string     `json:"level" doc:"info, or error for stderr."`
	Message   string     `json:"message"`
}

// History is everything that happened to a job.
type History struct {
	Events []Event `json:"events"`
}

// Event is one entry of the history.
type Event struct {
	Seq   uint64      `json:"seq" doc:"Place in the partition's log."`
	Type  string      `json:"type"`
	At    event.Time  `json:"at"`
	Actor event.Actor `json:"actor"`
	Event string      `json:"event" doc:"The event's exact bytes, a JSON text: what was hashed and sealed."`
	Path  []string    `json:"path" doc:"Merkle path from the event to the seal's root (RFC 6962), hashes in hexadecimal digits."`
	Seal  string      `json:"seal" doc:"The seal of the event's commit in its wire form."`
}

// String says why the job failed in one line.
func (e *JobError) String() string {
	if e.Message == "" {
		return string(e.Kind)
	}
	return string(e.Kind) + ": " + e.Message
}
