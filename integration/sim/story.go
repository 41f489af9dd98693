package sim

import (
	"fmt"
	"strings"
	"time"
)

// story is what happened, in the order in which it did. Words are found when
// somebody wants to read it.
type story struct {
	world  *World
	lines  []sentence
	broken string // what must hold and did not; empty while all is well
	hero   string // the job that it is about; empty if it is about none
}

// sentence is one thing that happened.
type sentence struct {
	at     time.Duration
	job    string // that it is about; empty for what may touch any
	who    string
	format string
	args   []any
}

// tell adds a line. about is a job, or jobs with spaces between, or nothing.
func (s *story) tell(about, who, format string, args ...any) {
	s.lines = append(s.lines, sentence{s.world.now, about, who, format, args})
}

// fail notes what is wrong; the first counts.
func (s *story) fail(job, format string, args ...any) {
	if s.broken == "" {
		s.broken, s.hero = fmt.Sprintf(format, args...), job
		s.tell(job, "CHECK", "%s", s.broken)
	}
}

// text tells the story of a job: every line that is about it, and every line
// that is about no job.
func (s *story) text(job string) string {
	var b strings.Builder
	for i := range s.lines {
		l := &s.lines[i]
		if job != "" && l.job != "" && !strings.Contains(" "+l.job+" ", " "+job+" ") {
			continue
		}
		fmt.Fprintf(&b, "%10.4fs  %-10s %s", l.at.Seconds(), l.who, fmt.Sprintf(l.format, l.args...))
		if job == "" && l.job != "" {
			fmt.Fprintf(&b, " [%s]", l.job)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
