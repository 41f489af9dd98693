// Package bench measures a Horus on this machine, beside a yardstick that any
// system on the same Redis could at best be: a bare go-redis loop that writes
// the same bytes (see [Run]). Absolute numbers say what a machine can do; the
// ratio of the two says what Horus costs, and stays nearly the same from one
// machine to the next and while the machine does other things too.
//
//	report, err := bench.Run(ctx, bench.Config{})
//	report.Table(os.Stdout)
//
// Nothing that a user has on is off: parameters are validated, API keys looked
// up, signatures and grants checked, commits sealed, calls counted.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"time"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/supervise"
)

// Defaults of a run.
const (
	DefaultJobs   = 4000
	DefaultRounds = 3
)

// Config says what is measured. The zero value measures all sections but the
// long ones, on a Redis of its own.
type Config struct {
	Sections []string // names of those to measure; none: all of [Sections] that are not long
	Jobs     int      // of one measurement with many callers; DefaultJobs if zero
	Rounds   int      // of every measurement; DefaultRounds if zero, at least 3
	Long     bool     // measure what takes minutes too
	// RedisURL is a Redis to measure on, in a namespace that is deleted
	// afterwards; if empty, a redis-server of its own is started and stopped.
	RedisURL string
	Profile  io.Writer // gets a pprof CPU profile of the run; nil for none
	// Progress is told what is measured next. Nil if nobody wants to know.
	Progress func(section, step string)
}

func (c *Config) check() error {
	c.Jobs = cmp.Or(c.Jobs, DefaultJobs)
	c.Rounds = cmp.Or(c.Rounds, DefaultRounds)
	if c.Progress == nil {
		c.Progress = func(string, string) {}
	}
	switch {
	case c.Jobs < minJobs || c.Jobs > maxJobs:
		return fmt.Errorf("jobs are %d; they can be %d to %d", c.Jobs, minJobs, maxJobs)
	case c.Rounds < minRounds || c.Rounds > maxRounds:
		return fmt.Errorf("rounds are %d; they can be %d to %d", c.Rounds, minRounds, maxRounds)
	}
	return nil
}

// Bounds of a run.
const (
	minJobs   = 100       // one bulk
	maxJobs   = 1_000_000 // all of them are in memory before the clock starts
	minRounds = 3         // or there is no median with a range
	maxRounds = 100
)

// bench is a run.
type bench struct {
	cfg     Config
	redis   *server
	section string // that is being measured
}

// Run measures the sections in their order. Each has a Horus of its own, a
// supervisor and a runner in this process that share nothing but Redis, and
// removes what it wrote. What goes wrong in one section keeps none of the others
// out: the report has them, and stands beside the error. There is no report when
// nothing could be measured. Errors that say what to do have an exit code.
func Run(ctx context.Context, cfg Config) (report *Report, err error) {
	if err := cfg.check(); err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	plan, err := planned(cfg.Sections, cfg.Long, cfg.RedisURL == "")
	if err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	supervise.TuneHeap() // as a supervisor does
	b := &bench{cfg: cfg}
	if b.redis, err = open(ctx, cfg.RedisURL); err != nil {
		return nil, exit.With(exit.Unreachable, err)
	}
	defer func() { err = errors.Join(err, b.redis.close()) }()
	report = &Report{Version: version(), Machine: thisMachine(), Jobs: cfg.Jobs, Rounds: cfg.Rounds, At: time.Now().UTC().Truncate(time.Second)}
	if report.Redis, err = b.redis.about(ctx); err != nil {
		return nil, err
	}
	if cfg.Profile != nil {
		if err := pprof.StartCPUProfile(cfg.Profile); err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	for _, s := range plan {
		b.section = s.name
		measured := Section{Name: s.name, About: s.about, Notes: s.notes}
		var failed error
		if measured.Rows, failed = s.measure(ctx, b); failed != nil {
			measured.Rows, measured.Trouble = nil, failed.Error()
			err = errors.Join(err, fmt.Errorf("measure %s: %w", s.name, failed))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		report.Sections = append(report.Sections, measured)
	}
	return report, err
}

// step tells what comes next.
func (b *bench) step(format string, args ...any) {
	b.cfg.Progress(b.section, fmt.Sprintf(format, args...))
}
