package job

import (
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Command is something that is asked of a job.
//
//sumtype:decl
type Command interface{ jobCommand() }

// Submit asks for a job to be accepted. The caller has checked its signatures.
// The same job again changes nothing; another job of that id is a conflict.
type Submit struct {
	Job       *Opened
	Namespace string
	At        event.Time
	By        event.Actor // the client of the first signature, or who sent it unsigned
	Held      bool        // wait for a Release before queueing
	Spent     event.Time  // until when the job's nonce is one of its signers' other job; zero if it is none's
}

// Release queues or schedules a held job, or lets it fail whose end has passed.
// It changes nothing for any other.
type Release struct{ At event.Time }

// Start says that a runner process began an attempt.
type Start struct {
	Token   signing.Hash // of the grant
	Process string
	By      event.Actor // the runner: two runners' processes may bear one name
}

// Keep says how far an attempt is: what the next one begins with. After the
// first [ManyKept] of an attempt, one that comes sooner than [KeepEvery] behind
// the last is not kept: all of a job's events are read when it is decided about.
type Keep struct {
	Start
	Hash signing.Hash // of the checkpoint
	At   event.Time
}

// How many checkpoints of an attempt a job's history names.
const (
	ManyKept  = 256
	KeepEvery = 30 * time.Second
)

// Finish says how an attempt ended.
type Finish struct {
	Start
	Failure FailureKind // empty when it ended well, or was stopped
	Stopped bool        // because somebody asked for that
	Again   Again
	After   time.Duration // how long the runner wants the next attempt to wait; 0 leaves that to the policy
	At      event.Time
}

// Refuse records that a report of an attempt's end came too late, or from
// somebody else, at most [MaxRefused] times.
type Refuse struct {
	Token   signing.Hash
	Process string
	Said    Said
}

// MaxRefused bounds the refused reports that a job's history names.
const MaxRefused = 16

// Lose says that nobody will report on an attempt any more.
type Lose struct {
	Token  signing.Hash
	Reason LossReason // lease or queue
	At     event.Time
}

// Tick has done what is due: see [Timer.Next].
type Tick struct{ At event.Time }

// Stop asks for the job to have no other outcome than that it was stopped. An
// attempt that may be running has that decided by who is first: its runner, or
// the end of [StopLimit]. A job that has its outcome keeps it.
type Stop struct{}

// Withdraw says that nobody was given the entry of an attempt that is to be
// stopped.
type Withdraw struct{ Token signing.Hash }

// Replay gives a failed job new attempts.
type Replay struct {
	Attempts uint32 // 1 to MaxMaxAttempts; 0: as many as it had
	Limits   Limits // a timeout of whole seconds, 1 second to MaxTimeout
	At       event.Time
}

// Drop takes a failed job off the dead-letter list.
type Drop struct{}

// Delete takes a job that has its outcome out of lists and views.
type Delete struct{}

func (Submit) jobCommand()   {}
func (Release) jobCommand()  {}
func (Start) jobCommand()    {}
func (Keep) jobCommand()     {}
func (Finish) jobCommand()   {}
func (Refuse) jobCommand()   {}
func (Lose) jobCommand()     {}
func (Tick) jobCommand()     {}
func (Stop) jobCommand()     {}
func (Withdraw) jobCommand() {}
func (Replay) jobCommand()   {}
func (Drop) jobCommand()     {}
func (Delete) jobCommand()   {}
