package client

import (
	"fmt"
	"maps"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Job is a job to be submitted. Its methods return a changed copy, so that one
// job can be the pattern of many.
type Job struct{ doc job.Document }

// NewJob returns a job that runs payload. It needs an executor or a runner.
func NewJob(payload string) Job { return Job{job.Document{Payload: payload}} }

// ID sets the id, which is the job's for ever; one is made by Submit if none
// is set. The same job of the same id is submitted once.
func (j Job) ID(id string) Job { j.doc.ID = id; return j }

// Executor sets the kind of runner, such as sh.
func (j Job) Executor(kind string) Job { j.doc.Executor = kind; return j }

// Runner sets the runner id that the job is for; any of its kind if none.
func (j Job) Runner(id string) Job { j.doc.Runner = id; return j }

// Caller says who asks for the job, in the caller's own words.
func (j Job) Caller(id string) Job { j.doc.CallerID = id; return j }

// Context says what the job belongs to, in the caller's own words.
func (j Job) Context(id string) Job { j.doc.ContextID = id; return j }

// Timeout sets how long one attempt may run: whole seconds, rounded up; 300 s
// if not set, 24 h at most.
func (j Job) Timeout(d time.Duration) Job {
	j.doc.Timeout = new(int64((d + time.Second - 1) / time.Second))
	return j
}

// MaxAttempts sets how often the job is tried when its runner is lost, or for
// what RetryOn names: 1 to 25, 3 if not set.
func (j Job) MaxAttempts(n int) Job { j.doc.MaxAttempts = new(int64(n)); return j }

// RetryOn names what is tried again besides a lost runner: error, timeout.
func (j Job) RetryOn(kinds ...string) Job { j.doc.RetryOn = kinds; return j }

// Backoff sets how long a failed attempt keeps the next one waiting: initial
// after the first (10 ms to 1 h), factor times as long after each further one (1
// to 10), limit at most (24 h); half of it is jitter. It is 1 s, 2 and 5 min if
// not set.
func (j Job) Backoff(initial time.Duration, factor int, limit time.Duration) Job {
	j.doc.Backoff = &job.DocumentBackoff{
		InitialMs: new(initial.Milliseconds()), Factor: new(int64(factor)), MaxMs: new(limit.Milliseconds()),
	}
	return j
}

// RunAt sets when the job is queued, at most 366 days ahead.
func (j Job) RunAt(t time.Time) Job { j.doc.RunAt = event.At(t); return j }

// Delay sets how long after its submission the job is queued: whole seconds,
// rounded up; instead of RunAt.
func (j Job) Delay(d time.Duration) Job {
	j.doc.Delay = new(int64((d + time.Second - 1) / time.Second))
	return j
}

// ExpiresAt sets the time after which the job is not begun any more: it fails as
// expired.
func (j Job) ExpiresAt(t time.Time) Job { j.doc.ExpiresAt = event.At(t); return j }

// Env sets a variable of the job's environment.
func (j Job) Env(name, value string) Job {
	env := maps.Clone(j.doc.EnvVars)
	if env == nil {
		env = map[string]string{}
	}
	env[name] = value
	j.doc.EnvVars = env
	return j
}

// NotAfter sets until when the signer's word is good: later no supervisor takes
// the job in and no runner starts it. [Job.ExpiresAt] is for what has merely lost
// its use.
func (j Job) NotAfter(t time.Time) Job { j.doc.NotAfter = event.At(t); return j }

// Nonce sets a word of 1 to 64 letters, digits and ._~+/=- that the key which signs
// the job uses for no other one until NotAfter, which must be set: another job
// with it is refused. It is for whoever makes ids that do not tell whether a job
// is one that was sent before.
func (j Job) Nonce(nonce string) Job { j.doc.Nonce = nonce; return j }

// Audience sets the namespace that alone may run the job.
func (j Job) Audience(namespace string) Job { j.doc.Audience = namespace; return j }

// Sign returns the job as it travels, signed with key as a DSSE envelope; the
// zero key leaves it unsigned. The job must have an id.
func (j Job) Sign(key signing.PrivateKey) (wire.JobText, error) {
	doc, err := json.Marshal(j.doc, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("marshal job %s: %w", j.doc.ID, err)
	}
	if key.IsZero() {
		return doc, nil
	}
	return envelope(doc, key), nil
}

// envelope signs a document as DSSE does.
func envelope(doc []byte, key signing.PrivateKey) wire.JobText {
	return signing.Envelope{
		PayloadType: job.PayloadType, Payload: doc,
		Signatures: []signing.EnvelopeSignature{{
			KeyID: string(key.Public().ID()), Signature: key.Sign(signing.PAE(job.PayloadType, doc)),
		}},
	}.Append(nil)
}

// name makes an id (UUIDv7) for a job that has none.
func (j *Job) name() error {
	if j.doc.ID != "" {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a job id: %w", err)
	}
	j.doc.ID = id.String()
	return nil
}
