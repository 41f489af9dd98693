package wire

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// QueueName names a work queue.
type QueueName struct {
	Queue string `json:"queue" validate:"required,max=80,pattern" pattern:"^(runner|executor):[a-z0-9][a-z0-9._-]*$" doc:"runner:<id> or executor:<kind>."`
}

// Queues is an answer to queues.list.
type Queues struct {
	Queues []Queue `json:"queues"`
}

// Queue is how a work queue is.
type Queue struct {
	Queue     string      `json:"queue" doc:"runner:<id> or executor:<kind>."`
	Mode      domain.Mode `json:"mode" doc:"paused, drained, or empty while it is open."`
	Since     event.Time  `json:"since,omitzero" doc:"When it was paused or drained."`
	By        event.Actor `json:"by,omitempty" doc:"Who paused or drained it."`
	Waiting   uint64      `json:"waiting" doc:"Jobs that are queued."`
	Running   uint64      `json:"running"`
	Stopping  uint64      `json:"stopping"`
	Scheduled uint64      `json:"scheduled" doc:"Jobs that wait for their time."`
	Retrying  uint64      `json:"retrying" doc:"Jobs that wait for their next attempt."`
	Oldest    event.Time  `json:"oldest,omitzero" doc:"Since when the oldest job waits that no runner was given yet."`
	Alive     int         `json:"alive" doc:"Processes that serve it and are alive."`
	Slots     uint64      `json:"slots" doc:"Jobs that these run at once, of all queues that they serve."`
}

// QueueMode is what a call left a queue in.
type QueueMode struct {
	Queue string      `json:"queue"`
	Mode  domain.Mode `json:"mode" doc:"paused, drained, or empty for open."`
}

// RunnerMode is what a call left a runner in.
type RunnerMode struct {
	ID   string      `json:"id"`
	Mode domain.Mode `json:"mode" doc:"paused, drained, or empty for open."`
}
