package wire

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// RunnerID names a runner.
type RunnerID struct {
	ID string `json:"id" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Id of the runner."`
}

// RunnerLabel registers a runner.
type RunnerLabel struct {
	ID    string `json:"id" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Id of the runner."`
	Label string `json:"label" validate:"required,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._:/-]*$" doc:"What people call its queue. It means nothing here."`
}

// Runners is a list of runners.
type Runners struct {
	Runners []Runner `json:"runners"`
}

// Runner is a runner id and the processes that serve it.
type Runner struct {
	ID        string          `json:"id"`
	State     string          `json:"state" doc:"running when a process that joined is there, that is neither left nor gone; else stopped."`
	Mode      domain.Mode     `json:"mode" doc:"paused, drained, or empty while it is open."`
	Since     event.Time      `json:"since,omitzero" doc:"When it was paused or drained."`
	By        event.Actor     `json:"by,omitempty" doc:"Who paused or drained it."`
	Label     string          `json:"label,omitempty" doc:"What its queue was called when it was registered; absent if it never was."`
	Waiting   uint64          `json:"waiting" doc:"Jobs in the runner's own queue."`
	Running   uint64          `json:"running" doc:"Jobs of that queue which run."`
	Processes []RunnerProcess `json:"processes"`
}

// RunnerProcess is a process that joined.
type RunnerProcess struct {
	Process  string        `json:"process"`
	State    string        `json:"state" doc:"alive; silent: not heard for ten seconds; gone: not for a minute."`
	Since    event.Time    `json:"since" doc:"When that state began."`
	JoinedAt event.Time    `json:"joined_at"`
	SeenAt   event.Time    `json:"seen_at" doc:"When its last report was recorded."`
	Slots    uint32        `json:"slots" doc:"Jobs that it runs at once."`
	Kinds    []domain.Name `json:"kinds" doc:"Executors whose queues it serves too."`
	KeyID    signing.KeyID `json:"key_id"`
}

// Info is what the supervisor says about itself.
type Info struct {
	Version        string            `json:"version"`
	Namespace      domain.Name       `json:"namespace"`
	Partitions     uint16            `json:"partitions"`
	Founding       string            `json:"founding" doc:"Fingerprint of the founding event, which everything else is proved against."`
	Name           domain.Name       `json:"name" doc:"Supervisor that answers."`
	Role           Role              `json:"role" doc:"leader, stand-by (calls that change something are passed on to the leader) or halted (the history is damaged and nothing is written)."`
	Leader         *Leader           `json:"leader,omitempty" doc:"Who leads; absent while nobody is known to."`
	Position       uint64            `json:"position" doc:"Number of the last event that the read models know of."`
	Lag            uint64            `json:"lag" doc:"Events in the history after that."`
	Durability     string            `json:"durability" doc:"What is acknowledged now has it: memory, everysec, fsync, or replicated:1 to replicated:9; jobs.submit says what they mean."`
	Concerns       []string          `json:"concerns,omitempty" doc:"What an operator should look at now, in sentences."`
	Unsigned       string            `json:"unsigned" doc:"reject, or countersign when unsigned jobs are taken on the word of an API key."`
	AnonymousReads bool              `json:"anonymous_reads"`
	Jobs           map[string]uint64 `json:"jobs" doc:"How many jobs are in each state."`
	Runners        int               `json:"runners" doc:"How many runner ids there are."`
	Limits         Limits            `json:"limits"`
	Settings       []Setting         `json:"settings,omitempty" doc:"What is in force at this supervisor, and where it came from; for callers of scope admin."`
}

// Setting is a setting that is in force.
type Setting struct {
	Name   string `json:"name" doc:"Its key in a file."`
	Value  string `json:"value" doc:"Secrets are masked."`
	Source string `json:"source" doc:"flag, environment <variable>, file <path>, line <number> or default."`
}

// Role is what a supervisor does.
type Role string

// The roles.
const (
	Leads    Role = "leader"
	StandsBy Role = "stand-by"
	Halted   Role = "halted"
)

// Leader is the supervisor that leads.
type Leader struct {
	Name    domain.Name `json:"name"`
	Address string      `json:"address" doc:"URL at which it is reached."`
	Term    uint64      `json:"term" doc:"Grows with every change of the leader."`
}

// Limits are the bounds of what the supervisor takes.
type Limits struct {
	MessageBytes          int   `json:"message_bytes" doc:"Of a request, or of a batch."`
	Batch                 int   `json:"batch" doc:"Calls in a batch."`
	Depth                 int   `json:"depth" doc:"Nested arrays and objects in a message."`
	ReplyBytes            int   `json:"reply_bytes" doc:"Of an answer, or of the answers to a batch."`
	Page                  int   `json:"page" doc:"Jobs, lines or events in an answer."`
	WaitSeconds           int64 `json:"wait_seconds" doc:"For a job's outcome, in one call."`
	LongPollSeconds       int64 `json:"long_poll_seconds" doc:"For a line or an event, in one call."`
	CallsPerSecond        int   `json:"calls_per_second" doc:"Of one API key, or of one address without a key."`
	Waits                 int   `json:"waits" doc:"Calls that wait for something at the same time."`
	WaitsPerKey           int   `json:"waits_per_key" doc:"Of those, with one API key."`
	Submits               int   `json:"submits" doc:"Jobs on their way into the history at the same time."`
	BodiesBytes           int   `json:"bodies_bytes" doc:"Of all messages above 64 KiB that are read or answered at the same time."`
	Connections           int   `json:"connections" doc:"At the same time."`
	ConnectionsPerAddress int   `json:"connections_per_address" doc:"Of those, from one address."`
	HeaderSeconds         int64 `json:"header_seconds" doc:"To send the head of a request."`
	BodySeconds           int64 `json:"body_seconds" doc:"To send its body."`
	IdleSeconds           int64 `json:"idle_seconds" doc:"That a connection may rest between two requests."`
	AnswerSeconds         int64 `json:"answer_seconds" doc:"To take in 64 KiB of an answer."`
	JobBytes              int   `json:"job_bytes" doc:"Of the whole job object."`
	PayloadBytes          int   `json:"payload_bytes"`
	EnvVars               int   `json:"env_vars"`
	EnvBytes              int   `json:"env_bytes" doc:"Of one variable's value."`
	TimeoutSeconds        int64 `json:"timeout_seconds"`
	MaxAttempts           int   `json:"max_attempts"`
	Keys                  int   `json:"keys"`
	APIKeys               int   `json:"api_keys" doc:"Of the history, at a time."`
}
