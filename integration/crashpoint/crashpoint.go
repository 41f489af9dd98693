// Package crashpoint kills the process that it is linked with at a named point,
// as kill -9 does: nothing is flushed, closed or given back.
//
//	HORUS_CRASH=commit.appended:7 supervisor ...
//
// ends the supervisor behind its seventh commit, before anybody was told of it.
// The points stand around the interfaces through which a program acts on the
// world, one on each side of everything that is written, so the code between
// them knows nothing of this package. Programs hold it only when they are built
// with the tag crashpoints.
package crashpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
)

// Point is a place in the life of a job, a term or a report.
type Point string

// Points of a supervisor, in the order of a job's way and then of a term's.
const (
	SubmitReceived  Point = "submit.received"  // a call was read, nothing is decided
	SubmitDecided   Point = "submit.decided"   // it is in the log, the caller was not answered
	CommitSealed    Point = "commit.sealed"    // signed, not sent
	CommitAppended  Point = "commit.appended"  // in the log, nobody was told
	ProjectFolded   Point = "project.folded"   // folded, the transaction was not sent
	ProjectWritten  Point = "project.written"  // views, queues and position moved, memory did not
	IntakeRead      Point = "intake.read"      // reports were read from the inbox, none is recorded
	IntakeRecorded  Point = "intake.recorded"  // they are in the log, and still in the inbox
	IntakeDropped   Point = "intake.dropped"   // they left the inbox
	QueueReconciled Point = "queue.reconciled" // queues were repaired, what is missing there was not given up
	TakeoverTaken   Point = "takeover.taken"   // the lease is ours, nothing was read
	TakeoverBegun   Point = "takeover.begun"   // the term is in the log, calls are not answered yet
	TopicPublished  Point = "topic.published"  // others were told of events, and nobody knows how far that came
	CursorKept      Point = "cursor.kept"      // how far it came is kept
)

// Points of a runner, in the order of an attempt's way.
const (
	ClaimTaken   Point = "claim.taken"   // entries are ours, none was verified
	RunStarted   Point = "run.started"   // verified, the handler is about to run
	RunEnded     Point = "run.ended"     // it ran, nothing was reported
	ReportSigned Point = "report.signed" // a bundle is signed, not sent
	ReportSent   Point = "report.sent"   // it is in the inbox, we do not know
)

// Supervisor returns the points of a supervisor.
func Supervisor() []Point {
	return []Point{
		SubmitReceived, SubmitDecided, CommitSealed, CommitAppended, ProjectFolded, ProjectWritten,
		IntakeRead, IntakeRecorded, IntakeDropped, QueueReconciled, TakeoverTaken, TakeoverBegun,
		TopicPublished, CursorKept,
	}
}

// Runner returns the points of a runner.
func Runner() []Point { return []Point{ClaimTaken, RunStarted, RunEnded, ReportSigned, ReportSent} }

// Variable names the point, and which passage of it is the last: the first one
// unless a number follows behind a colon.
const Variable = "HORUS_CRASH"

// Plan is where a process ends. Its zero value never does.
type Plan struct {
	Point   Point
	Passage int64 // counted from 1
}

// ParsePlan reads the value of [Variable].
func ParsePlan(text string) (Plan, error) {
	if text == "" {
		return Plan{}, nil
	}
	name, number, several := strings.Cut(text, ":")
	p := Plan{Point(name), 1}
	for _, known := range append(Supervisor(), Runner()...) {
		if p.Point != known {
			continue
		}
		if !several {
			return p, nil
		}
		var err error
		if p.Passage, err = strconv.ParseInt(number, 10, 32); err != nil || p.Passage < 1 {
			return Plan{}, fmt.Errorf("%s=%s: %q is no number of a passage", Variable, text, number)
		}
		return p, nil
	}
	return Plan{}, fmt.Errorf("%s=%s: there is no such point", Variable, text)
}

// String returns the plan as [ParsePlan] reads it.
func (p Plan) String() string { return fmt.Sprintf("%s:%d", p.Point, p.Passage) }

// passing is called at a point.
type passing func(at Point)

// counting returns what does not return from the last passage of the point that
// is planned, because it dies there.
func counting(plan Plan, die func(Plan)) passing {
	var passed atomic.Int64
	return func(at Point) {
		if at == plan.Point && passed.Add(1) == plan.Passage {
			die(plan)
		}
	}
}

// own is what this process is to do.
var own = sync.OnceValue(func() passing {
	plan, err := ParsePlan(os.Getenv(Variable))
	if err != nil {
		panic(err) // a test that spells a point wrong would test nothing
	}
	return counting(plan, kill)
})

// kill ends the process and never returns. What it says is for whoever reads
// how a test went.
func kill(p Plan) {
	_, _ = fmt.Fprintf(os.Stderr, "%s: killed\n", p) // it ends anyway
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// Around returns an end of a program that passes the points at that end. It
// panics for one that has none.
func Around(end any) any { return around(own(), end) }

func around(pass passing, end any) any {
	switch end := end.(type) {
	case eventstore.Store:
		return &store{Store: end, pass: pass}
	case views.Store:
		return &viewStore{end, pass}
	case intake.Inbox:
		return &inbox{end, pass}
	case journal.Cursors:
		return &cursors{end, pass}
	case message.Publisher:
		return &publisher{end, pass}
	case rpcapi.Leader:
		return &leader{end, pass}
	case queue.Wire:
		return &wire{end, pass}
	case runnersdk.Handler:
		return handler(end, pass)
	}
	panic(fmt.Sprintf("crashpoint: no point stands around a %T", end))
}
