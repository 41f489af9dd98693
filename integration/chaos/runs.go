package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// run is one time that a script ran, in its own words.
type run struct {
	job     string
	attempt int
	runner  int // process that started it
	process int
	began   time.Time
	ended   time.Time // zero: it was killed before it came to its end
	resumed bool      // it went on from a checkpoint
}

// readRuns reads what scripts noted, in the order in which they began.
func readRuns(path string) ([]*run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var runs []*run
	open := map[int]*run{} // by process
	for line := range strings.Lines(string(text)) {
		var what string
		var nanoseconds int64
		r := &run{}
		_, err := fmt.Sscan(line, &what, &r.job, &r.attempt, &r.runner, &r.process, &nanoseconds)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		r.began = time.Unix(0, nanoseconds)
		switch begun := open[r.process]; {
		case what == "begun":
			open[r.process] = r
			runs = append(runs, r)
		case begun == nil || begun.job != r.job || begun.attempt != r.attempt:
			return nil, fmt.Errorf("%q: it had not begun", line)
		case what == "ended":
			begun.ended = r.began
		case what == "resumed":
			begun.resumed = true
		default:
			return nil, fmt.Errorf("%q: what is that?", line)
		}
	}
	slices.SortFunc(runs, func(a, b *run) int { return a.began.Compare(b.began) })
	return runs, nil
}

// leftovers are the numbers of processes that scripts of ours started and that
// are still there: they all know of the file of runs.
func leftovers(path string) (numbers []string) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	for _, file := range environments {
		environment, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(environment), "RUNS="+path) {
			numbers = append(numbers, strings.Split(file, "/")[2])
		}
	}
	return numbers
}
