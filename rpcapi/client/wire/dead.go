package wire

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// DeadQuery selects jobs of the dead-letter list. Zero members select nothing.
type DeadQuery struct {
	DeadFilter
	Limit  *int   `json:"limit,omitempty" validate:"omitnil,min=1,max=1000" jsonschema:"default=100" doc:"Most jobs in the answer; 100 if absent."`
	Cursor string `json:"cursor,omitempty" validate:"max=256" doc:"The cursor of the answer that this one goes on from."`
}

// DeadFilter says which dead jobs are meant.
type DeadFilter struct {
	Kind     job.FailureKind `json:"kind,omitempty" validate:"omitempty,oneof=error timeout lost rejected expired" doc:"Only jobs that failed so: error, timeout, lost, rejected or expired."`
	Runner   string          `json:"runner,omitempty" validate:"omitempty,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Only jobs for that runner id."`
	Executor string          `json:"executor,omitempty" validate:"omitempty,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Only jobs for any runner of that kind."`
	Before   event.Time      `json:"before,omitzero" doc:"RFC 3339. Only jobs that failed before it."`
}

// DeadJob is a dead job with its whole story.
type DeadJob struct {
	Job   Job    `json:"job"`
	Story []Step `json:"story" doc:"Everything that happened to it; job.history has the proofs."`
}

// Step is one thing that happened to a job.
type Step struct {
	Seq   uint64         `json:"seq" doc:"Place in the partition's log."`
	Type  string         `json:"type"`
	At    event.Time     `json:"at"`
	Actor event.Actor    `json:"actor" doc:"Who did it."`
	Data  jsontext.Value `json:"data,omitempty" doc:"What the event says besides; absent for the submission, which is the job."`
}

// DeadTarget names one dead job, or many.
type DeadTarget struct {
	ID     string      `json:"id,omitempty" validate:"omitempty,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"Id of one job; instead of filter."`
	Filter *DeadFilter `json:"filter,omitzero" doc:"Which jobs, at most 1,000 a call; {} for all."`
	Cursor string      `json:"cursor,omitempty" validate:"max=256" doc:"The cursor of the answer that this call goes on from, with the same filter."`
}

// Replay gives dead jobs new attempts.
type Replay struct {
	DeadTarget
	MaxAttempts *int64     `json:"max_attempts,omitempty" validate:"omitnil,min=1,max=25" doc:"How many attempts; as many as the job had if absent."`
	Timeout     *int64     `json:"timeout,omitempty" validate:"omitnil,min=1,max=86400" doc:"Seconds that one attempt may run from now on; as it was if absent."`
	ExpiresAt   event.Time `json:"expires_at,omitzero" doc:"RFC 3339. A new end of waiting; as it was if absent."`
}

// DeadDone says what became of the dead jobs that were meant.
type DeadDone struct {
	Count   int           `json:"count" doc:"Jobs that this call changed."`
	Refused []DeadRefused `json:"refused" doc:"Jobs that could not be changed, and why."`
	Cursor  string        `json:"cursor,omitempty" doc:"Of the next call, for the rest of those that the filter means; absent at the end."`
}

// DeadRefused is a job that a call by filter left as it was.
type DeadRefused struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}
