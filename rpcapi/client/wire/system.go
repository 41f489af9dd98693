package wire

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// RunnerID names a runner.
type RunnerID struct {
	ID string `json:"id" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Id of the runner."`
}

// Runners is a list of runners.
type Runners struct {
	Runners []Runner `json:"runners"`
}

// Runner is a runner id and the processes that serve it.
type Runner struct {
	ID        string          `json:"id"`
	State     string          `json:"state" doc:"running when a process that joined has not left, else stopped."`
	Waiting   uint64          `json:"waiting" doc:"Jobs in the runner's own queue."`
	Running   uint64          `json:"running" doc:"Jobs of that queue which run."`
	Processes []RunnerProcess `json:"processes"`
}

// RunnerProcess is a process that joined.
type RunnerProcess struct {
	Process  string        `json:"process"`
	JoinedAt event.Time    `json:"joined_at"`
	SeenAt   event.Time    `json:"seen_at" doc:"When its last report was recorded."`
	Slots    uint32        `json:"slots" doc:"Jobs that it runs at once."`
	Kinds    []domain.Name `json:"kinds" doc:"Executors whose queues it serves too."`
	KeyID    signing.KeyID `json:"key_id"`
}

// AddKey asks for a public key to be admitted.
type AddKey struct {
	Class     access.Class `json:"class" validate:"required,oneof=client runner supervisor" doc:"What the key is for: client signs jobs, runner reports, supervisor seals."`
	Name      string       `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Whose key it is; of a runner: its id."`
	PublicKey string       `json:"public_key" validate:"required" doc:"Ed25519 key, 64 hexadecimal digits in lower case."`
	Kinds     []string     `json:"kinds,omitempty" validate:"max=16,dive,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Of a runner: executors whose queues it may serve besides its own."`
	Until     event.Time   `json:"until,omitzero" doc:"RFC 3339. The key does not hold after it; absent: for ever."`
	Proof     string       `json:"proof" doc:"The key's signature over its own admission, in standard base64: five lines, each ended by a newline, with horus-admission-v1, namespace, class, name and public key. It must be there."`
}

// KeyAdded says that a key is admitted.
type KeyAdded struct {
	KeyID     signing.KeyID `json:"key_id"`
	Statement uint64        `json:"statement" doc:"Number of the statements after which the key holds."`
	Duplicate bool          `json:"duplicate" doc:"The key was admitted in the same words before."`
}

// Keys is a list of keys.
type Keys struct {
	Keys []Key `json:"keys"`
}

// Key is a key that was admitted.
type Key struct {
	KeyID     signing.KeyID `json:"key_id"`
	Class     access.Class  `json:"class"`
	Name      domain.Name   `json:"name"`
	PublicKey string        `json:"public_key"`
	Kinds     []domain.Name `json:"kinds,omitempty"`
	Until     event.Time    `json:"until,omitzero"`
	Expired   bool          `json:"expired"`
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
	Durability     string            `json:"durability" doc:"memory, everysec or fsync."`
	Unsigned       string            `json:"unsigned" doc:"reject, or countersign when unsigned jobs are taken on the word of an API key."`
	AnonymousReads bool              `json:"anonymous_reads"`
	Jobs           map[string]uint64 `json:"jobs" doc:"How many jobs are in each state."`
	Runners        int               `json:"runners" doc:"How many runner ids there are."`
	Limits         Limits            `json:"limits"`
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
	MessageBytes   int   `json:"message_bytes"`
	Batch          int   `json:"batch" doc:"Calls in a batch."`
	JobBytes       int   `json:"job_bytes" doc:"Of the whole job object."`
	PayloadBytes   int   `json:"payload_bytes"`
	EnvVars        int   `json:"env_vars"`
	EnvBytes       int   `json:"env_bytes" doc:"Of one variable's value."`
	TimeoutSeconds int64 `json:"timeout_seconds"`
	MaxAttempts    int   `json:"max_attempts"`
	Keys           int   `json:"keys"`
}
