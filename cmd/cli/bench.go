package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/herocode/horus/cmd/bench"
	"github.com/herocode/horus/cmd/exit"
)

// benchOptions are the flags of horus bench.
type benchOptions struct {
	bench.Config

	compare string
	profile string
	limits  string
}

func benchCommand(s *settings) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a Horus on this machine, beside a yardstick",
		Long: `Measure a Horus on this machine: supervisor and runner in this process, and a
redis-server from the PATH that is started on a free port for the run alone (AOF
everysec, in a temporary directory) and stopped afterwards. With --redis-url that
Redis, which is no cluster, is used instead: in a namespace of its own, which is
deleted afterwards; nothing else in it is read or changed. What others do there
meanwhile is counted.

The yardstick is a bare loop on the same Redis that writes the same bytes, signs
each commit, and moves a queue entry and a report for each job; it checks, decides
and projects nothing. It takes turns with what is measured. The ratio of both stays
much the same from machine to machine; the other figures are this machine's.
Everything that a system in use does is on: validation, API keys, signatures and
grants, seals, metrics.

Sections:
` + benchSections() + `
--compare shows the ratios of an older --json beside the new ones, and says better
or worse where each median is outside of what the other's rounds found.

Exit codes: 0 measured, whatever the figures; 1 a section could not be measured;
64 wrong arguments; 69 no Redis.`,
		Example: `  horus bench
  horus bench --only jobs,http --rounds 5
  horus bench --json > before.json
  horus bench --compare before.json
  horus bench --only jobs --cpuprofile jobs.pprof && go tool pprof -tagignore=yardstick jobs.pprof`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("redis-url") {
				o.RedisURL = s.redisURL
			}
			return s.bench(cmd, &o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Sections, "only", nil, "names of the sections to measure, with commas")
	f.IntVar(&o.Jobs, "jobs", bench.DefaultJobs, "jobs of one measurement")
	f.IntVar(&o.Rounds, "rounds", bench.DefaultRounds, "rounds of every measurement, at least 3")
	f.BoolVar(&o.Long, "long", false, "measure what takes minutes, too")
	f.StringVar(&o.compare, "compare", "", "file with the --json of an older run")
	f.StringVar(&o.limits, "limits", "", "file that says what figures may be; it is an error when one is beyond that")
	f.StringVar(&o.profile, "cpuprofile", "", "file for a CPU profile (pprof) of the one section that --only names")
	return cmd
}

// benchSections lists the sections for the help.
func benchSections() string {
	var text strings.Builder
	for _, s := range bench.Sections() {
		long := ""
		if s.Long {
			long = " (with --long, or by name)"
		}
		_, _ = fmt.Fprintf(&text, "  %-12s %s%s\n", s.Name, s.About, long)
	}
	return text.String()
}

func (s *settings) bench(cmd *cobra.Command, o *benchOptions) error {
	old, err := readFile(o.compare, bench.Read)
	if err != nil {
		return exit.Misused(cmd.CommandPath(), err)
	}
	limits, err := readFile(o.limits, bench.ReadLimits)
	if err != nil {
		return exit.Misused(cmd.CommandPath(), err)
	}
	if o.profile != "" {
		if len(o.Sections) != 1 {
			return exit.Misused(cmd.CommandPath(), errors.New("--cpuprofile is for one section: name it with --only"))
		}
		file, err := os.Create(o.profile)
		if err != nil {
			return exit.With(exit.Usage, err)
		}
		defer func() { _ = file.Close() }() // a profile that could not be written cannot be read
		o.Profile = file
	}
	steps := newSteps(cmd.ErrOrStderr())
	o.Progress = steps.show
	report, err := bench.Run(cmd.Context(), o.Config)
	steps.end()
	if report == nil {
		return err
	}
	if o.compare != "" {
		report.Changes = bench.Compare(old, report)
	}
	err = errors.Join(err, s.print(cmd, report, func(w io.Writer) { _ = report.Table(w) })) // a terminal that is gone needs no table
	if faults := limits.Exceeded(report); len(faults) > 0 {
		err = errors.Join(err, exit.With(exit.Bad, errors.New("beyond the limits:\n  "+strings.Join(faults, "\n  "))))
	}
	return err
}

// readFile reads a file; without a path there is nothing to read.
func readFile[T any](path string, read func(io.Reader) (T, error)) (found T, err error) {
	if path == "" {
		return found, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return found, err
	}
	defer func() { _ = file.Close() }() // it was only read
	if found, err = read(file); err != nil {
		return found, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

// steps say what is measured: on a terminal every step, in one line; elsewhere
// each section, in a line of its own.
type steps struct {
	out      io.Writer
	terminal bool
	section  string
}

func newSteps(out io.Writer) *steps {
	file, ok := out.(*os.File)
	return &steps{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

func (s *steps) show(section, step string) {
	switch {
	case s.terminal:
		_, _ = fmt.Fprintf(s.out, "\r\x1b[K%s: %s", section, step)
	case s.section != section:
		_, _ = fmt.Fprintf(s.out, "measuring %s\n", section)
	}
	s.section = section
}

// end removes the line.
func (s *steps) end() {
	if s.terminal {
		_, _ = fmt.Fprint(s.out, "\r\x1b[K")
	}
}
