package runnertest

import (
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk"
)

// End is what a runner reported about the end of an attempt.
type End string

// The ends.
const (
	Completed  End = "completed"
	Failed     End = "failed"
	Stopped    End = "stopped"    // somebody asked for that
	Unreported End = "unreported" // it was lost or interrupted: another attempt follows when its lease is over
)

// Outcome is what a runner reported of an attempt.
type Outcome struct {
	End    End
	Result string

	Kind    job.FailureKind // of a failure: error, timeout, rejected
	Message string
	Exit    int
	Again   job.Again     // whether the handler wants another attempt: job.ByPolicy if it did not say
	After   time.Duration // how long that one is to wait; 0 leaves it to the job

	Lines       []Line     // of the job's log, in order
	Progress    []Progress // that left the process: the newest of each fifth of a second
	Checkpoints []string   // that left the process: the newest of each second
}

// Line is one line of the job's log.
type Line struct {
	Stream runnersdk.Stream
	Text   string
}

// Progress is how far the attempt was.
type Progress struct {
	Percent int
	Text    string
}

func outcomeOf(reports []runner.Report) Outcome {
	o := Outcome{End: Unreported}
	for _, r := range reports {
		switch r := r.(type) {
		case runner.Log:
			for _, line := range r.Lines {
				o.Lines = append(o.Lines, Line{line.Stream, line.Text})
			}
		case runner.Progress:
			o.Progress = append(o.Progress, Progress{int(r.Percent), r.Text})
		case runner.Checkpoint:
			o.Checkpoints = append(o.Checkpoints, string(r.Data))
		case runner.Completed:
			o.End, o.Result = Completed, r.Result
		case runner.Failed:
			o.End, o.Result = Failed, r.Result
			o.Kind, o.Message, o.Exit, o.Again, o.After = r.Kind, r.Message, int(r.Exit), r.Again, r.After
		case runner.Stopped:
			o.End, o.Result = Stopped, r.Result
		case runner.Join, runner.Leave, runner.Started, runner.Refused:
		}
	}
	return o
}
