package client

import (
	"fmt"
	"maps"
	"time"

	"github.com/go-json-experiment/json"

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

// MaxAttempts sets how often the job is tried when its runner is lost: 1 to 25,
// 3 if not set.
func (j Job) MaxAttempts(n int) Job { j.doc.MaxAttempts = new(int64(n)); return j }

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

// NotAfter sets the time after which the job is not started any more.
func (j Job) NotAfter(t time.Time) Job { j.doc.NotAfter = event.At(t); return j }

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
	return signing.Envelope{
		PayloadType: job.PayloadType, Payload: doc,
		Signatures: []signing.EnvelopeSignature{{
			KeyID: string(key.Public().ID()), Signature: key.Sign(signing.PAE(job.PayloadType, doc)),
		}},
	}.Append(nil), nil
}
