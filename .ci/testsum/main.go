// Testsum reads the output of `go test -json` and prints what `go test` prints,
// and at the end a line that counts the tests, subtests included:
//
//	512 passed, 0 failed
//
// Of tests that pass it prints only which Redis they had. A package that fails
// without a failing test, because it does not build or dies, counts as one
// failure; so does an input without any test. It exits 1 when something failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of the input, as `go doc test2json` describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

func main() {
	sum := newSummary(os.Stdout)
	if err := sum.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	if !sum.report() {
		os.Exit(1)
	}
}

type summary struct {
	out      io.Writer
	output   map[string][]string // of tests that run, by package and test
	failures map[string]int      // of tests, by package

	passed, failed, skipped int
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[string][]string{}, failures: map[string]int{}}
}

func (s *summary) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the tests' output: %w", err)
		}
	}
}

// line counts an event, or passes on what is none: the go command's own words.
func (s *summary) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		s.print(string(line))
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		s.keep(key, e)
	case "build-output":
		s.print(e.Output)
	case "pass", "fail", "skip":
		s.end(key, e)
	}
}

// keep prints what belongs to no test, and remembers the rest until it is known
// whether the test fails.
func (s *summary) keep(key string, e event) {
	if e.Test == "" || strings.HasPrefix(e.Output, "redistest: ") {
		if e.Output != "PASS\n" {
			s.print(e.Output)
		}
		return
	}
	if !strings.HasPrefix(e.Output, "=== ") {
		s.output[key] = append(s.output[key], e.Output)
	}
}

func (s *summary) end(key string, e event) {
	switch {
	case e.Test == "" && e.Action == "fail" && s.failures[e.Package] == 0:
		s.failed++ // it does not build, or died
	case e.Test == "":
	case e.Action == "pass":
		s.passed++
	case e.Action == "skip":
		s.skipped++
		s.print(strings.Join(s.output[key], ""))
	case e.Action == "fail":
		s.failed++
		s.failures[e.Package]++
		s.print(strings.Join(s.output[key], ""))
	}
	delete(s.output, key)
}

func (s *summary) print(text string) {
	_, _ = io.WriteString(s.out, text) // nobody is left to tell
}

// report prints the last lines and says whether all is well.
func (s *summary) report() bool {
	for _, unfinished := range s.output {
		s.print(strings.Join(unfinished, "")) // of a test whose process died
	}
	if s.skipped > 0 {
		s.print(fmt.Sprintf("%d skipped\n", s.skipped))
	}
	if s.passed+s.failed == 0 {
		s.print("no test ran\n")
		s.failed++
	}
	s.print(fmt.Sprintf("%d passed, %d failed\n", s.passed, s.failed))
	return s.failed == 0
}
