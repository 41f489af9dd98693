package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/herocode/horus/eventstore"
)

// Fault is a kind of thing that goes wrong.
type Fault string

// The kinds. Every one of them must have happened in a campaign.
const (
	LostRequest  Fault = "lost request"
	LostAnswer   Fault = "lost answer"
	LateRequest  Fault = "late request"
	DoubledCall  Fault = "doubled request"
	RefusedWrite Fault = "refused write"
	SlowCall     Fault = "slow call"

	LostTail    Fault = "lost tail"
	DeletedKeys Fault = "deleted keys"
	Outage      Fault = "outage"
	ShortWait   Fault = "short wait"

	Pause            Fault = "pause"
	SupervisorCrash  Fault = "supervisor crash"
	RunnerCrash      Fault = "runner crash"
	Restart          Fault = "restart"
	ClockSet         Fault = "clock set"
	HandOver         Fault = "hand-over"
	HungHandler      Fault = "hung handler"
	RepeatedSubmit   Fault = "repeated submit"
	ConflictedSubmit Fault = "conflicting submit"
	ReplayedNonce    Fault = "replayed nonce"

	// What people want besides outcomes.
	AskedStop   Fault = "asked to stop"
	Replayed    Fault = "replayed job"
	Dropped     Fault = "dropped job"
	Deleted     Fault = "deleted job"
	PausedLine  Fault = "paused queue or runner"
	DrainedLine Fault = "drained queue or runner"
	ResumedLine Fault = "resumed queue or runner"

	// What follows from others.
	LeaderChange   Fault = "leader change"
	LostToLease    Fault = "attempt lost: lease"
	LostToQueue    Fault = "attempt lost: queue"
	LateReport     Fault = "late report"
	Forgotten      Fault = "forgotten runner"
	DeclaredLoss   Fault = "declared loss"
	TakenByTail    Fault = "acknowledged submit in a lost tail"
	ExhaustedTries Fault = "job out of attempts"
	LostToTimeout  Fault = "attempt lost: timeout"
	LostToStop     Fault = "attempt lost: stop"
	RetriedError   Fault = "retried: error"
	RetriedTimeout Fault = "retried: timeout"
	Scheduled      Fault = "scheduled job queued"
	Expired        Fault = "expired job"
	RefusedLate    Fault = "submit that had expired"
	HandedOn       Fault = "checkpoint handed on"
	StoppedAtOnce  Fault = "stopped while nothing ran"
	StoppedWaiting Fault = "stopped before it began"
	StoppedRunning Fault = "stopped while it ran"
	RefusedReport  Fault = "refused report"
	Silent         Fault = "silent process"
	Gone           Fault = "gone process"
	LeftDrained    Fault = "program ended by a drain"
)

// Faults lists every kind.
func Faults() []Fault {
	return []Fault{
		LostRequest, LostAnswer, LateRequest, DoubledCall, RefusedWrite, SlowCall, LostTail, DeletedKeys, Outage, ShortWait,
		Pause, SupervisorCrash, RunnerCrash, Restart, ClockSet, HandOver, HungHandler, RepeatedSubmit, ConflictedSubmit, ReplayedNonce,
		AskedStop, Replayed, Dropped, Deleted, PausedLine, DrainedLine, ResumedLine,
		LeaderChange, LostToLease, LostToQueue, LateReport, Forgotten, DeclaredLoss, TakenByTail, ExhaustedTries,
		LostToTimeout, LostToStop, RetriedError, RetriedTimeout, Scheduled, Expired, RefusedLate, HandedOn,
		StoppedAtOnce, StoppedWaiting, StoppedRunning, RefusedReport, Silent, Gone, LeftDrained,
	}
}

// weather says how often calls fare badly, in a thousand. The zero weather is
// calm.
type weather struct {
	lostRequest, lostAnswer, late, doubled, refused, slow int
	hung                                                  int // handlers
}

// storm draws the weather of a run: in some nothing is wrong with the wire, in
// others much.
func (w *World) storm() weather {
	rate := func(most int) int { return max(w.random.IntN(2*most)-most, 0) }
	return weather{
		lostRequest: rate(25), lostAnswer: rate(25), late: rate(25), doubled: rate(25), refused: rate(40), slow: rate(40),
		hung: rate(150),
	}
}

const (
	patience = time.Second     // of a call: then its answer is lost
	latest   = 6 * time.Second // a late request is at most so late
)

// What callers get when the wire fails them.
var (
	errNoAnswer = errors.New("i/o timeout")
	errReset    = errors.New("connection reset")
	errDown     = errors.New("connection refused")
	errRefused  = fmt.Errorf("OOM command not allowed: %w", eventstore.ErrRefused)
)

// manner says what a call is like.
type manner uint8

const (
	reads  manner = iota // may come twice
	writes               // may come twice, and may be refused
	once                 // cannot come twice; may be refused
)

// answer is what the server says.
type answer[T any] struct {
	value T
	err   error
}

// call has the server do something, and lets all others go on until its answer
// is there. about names the job that the call is about, for the story.
func call[T any](p *process, m manner, name, about string, do func() (T, error)) (T, error) {
	w := p.world
	t := p.here()
	server, born, turn := w.server, w.server.born, t.turn
	var got answer[T]
	got.err = errNoAnswer
	arrive := func(answers bool) func() {
		return func() {
			var a answer[T]
			switch {
			case server.born != born:
				return // the connection ended with the server
			case server.down > w.now:
				a.err = errDown
			default:
				a.value, a.err = do()
			}
			if answers {
				w.after(w.latency(), func() {
					if t.turn == turn {
						got = a
						w.run(t)
					}
				})
			}
		}
	}
	fault, there := w.fate(m)
	if fault != "" {
		w.counts[fault]++
		w.story.tell(about, p.name, "%s: %s", name, fault)
	}
	switch fault {
	case RefusedWrite:
		do = func() (T, error) { var none T; return none, errRefused }
		w.after(there, arrive(true))
	case LostRequest:
	case LostAnswer, LateRequest:
		w.after(there, arrive(false))
	case DoubledCall:
		w.after(there, arrive(true))
		w.after(there+w.between(0, latest), arrive(false))
	default:
		w.after(there, arrive(true))
	}
	w.wakeAfter(patience, t)
	t.park()
	return got.value, got.err
}

// fate draws how a call fares, and how long it is on its way.
func (w *World) fate(m manner) (Fault, time.Duration) {
	x := &w.weather
	there := w.latency()
	draw := w.random.IntN(1000)
	for _, f := range [...]struct {
		fault Fault
		rate  int
	}{
		{LostRequest, x.lostRequest},
		{LostAnswer, x.lostAnswer},
		{LateRequest, x.late},
		{DoubledCall, x.doubled},
		{RefusedWrite, x.refused},
		{SlowCall, x.slow},
	} {
		if draw -= f.rate; draw >= 0 {
			continue
		}
		switch f.fault {
		case DoubledCall:
			if m == once {
				return "", there
			}
		case RefusedWrite:
			if m == reads {
				return "", there
			}
		case LateRequest:
			there = w.between(patience, patience+latest)
		case SlowCall:
			there = w.between(50*time.Millisecond, patience-50*time.Millisecond)
		}
		return f.fault, there
	}
	return "", there
}

// latency is how long something is on the wire.
func (w *World) latency() time.Duration {
	return w.between(50*time.Microsecond, 2*time.Millisecond)
}
