package docs_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/term"
)

var update = flag.Bool("update", false, "write the examples that the code makes into the page")

const (
	pageFile = "format.md"
	logFile  = "example.jsonl"
	maxLines = 1060 // a page that nobody reads specifies nothing
)

// An example is a fenced block that has a name behind its language.
var exampleFence = regexp.MustCompile("^```[a-z]+ ([a-z0-9._-]+)\n$")

// page is format.md, taken apart.
type page struct {
	lines    []string
	headings []heading
	examples []example
}

// heading begins a section, which ends with the next heading.
type heading struct {
	text  string
	level int
	line  int // index
}

// example is what stands between two fences.
type example struct {
	name     string
	from, to int // its lines, as indices
}

func (p *page) text(e example) string { return strings.Join(p.lines[e.from:e.to], "") }

func readPage(t *testing.T) *page {
	t.Helper()
	data, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{lines: slices.Collect(strings.Lines(string(data)))}
	open := -1 // index of the fence that is open
	for i, line := range p.lines {
		switch {
		case open >= 0 && line == "```\n":
			if name := exampleFence.FindStringSubmatch(p.lines[open]); name != nil {
				p.examples = append(p.examples, example{name[1], open + 1, i})
			}
			open = -1
		case open >= 0:
		case strings.HasPrefix(line, "```"):
			open = i
		case strings.HasPrefix(line, "#"):
			text := strings.TrimLeft(line, "#")
			p.headings = append(p.headings, heading{strings.TrimSpace(text), len(line) - len(text), i})
		}
	}
	return p
}

// Every byte that the page shows is made here by the code that the page speaks
// of, so that neither can change alone.
func TestThePageShowsWhatTheCodeWrites(t *testing.T) {
	p, want := readPage(t), examples(t)
	if *update {
		p.write(t, want)
		p = readPage(t)
	}
	shown := map[string]bool{}
	for _, e := range p.examples {
		if shown[e.name] {
			t.Errorf("line %d: the example %s stands there twice", e.from, e.name)
		}
		shown[e.name] = true
		text, known := want[e.name]
		if !known {
			t.Errorf("line %d: nothing makes the example %s", e.from, e.name)
		} else if diff := cmp.Diff(strings.TrimSuffix(text, "\n")+"\n", p.text(e)); diff != "" {
			t.Errorf("line %d: the page shows another %s than the code writes (-code +page):\n%s", e.from, e.name, diff)
		}
	}
	for name := range want {
		if !shown[name] {
			t.Errorf("the page does not show the example %s", name)
		}
	}
	if len(p.lines) > maxLines {
		t.Errorf("the page has %d lines; the limit is %d", len(p.lines), maxLines)
	}
}

// write puts the examples into the page.
func (p *page) write(t *testing.T, want map[string]string) {
	t.Helper()
	var out strings.Builder
	next := 0
	for _, e := range p.examples {
		out.WriteString(strings.Join(p.lines[next:e.from], ""))
		out.WriteString(strings.TrimSuffix(want[e.name], "\n") + "\n")
		next = e.to
	}
	out.WriteString(strings.Join(p.lines[next:], ""))
	if err := os.WriteFile(pageFile, []byte(out.String()), 0o644); err != nil { //nolint:gosec // a page for all
		t.Fatal(err)
	}
}

// A section that only groups others needs none.
func TestEverySectionHasAnExample(t *testing.T) {
	p := readPage(t)
	for i, h := range p.headings {
		end := len(p.lines)
		if i+1 < len(p.headings) {
			if end = p.headings[i+1].line; p.headings[i+1].level > h.level {
				continue
			}
		}
		if !slices.ContainsFunc(p.examples, func(e example) bool { return h.line < e.from && e.to < end }) {
			t.Errorf("line %d: the section %q has no example", h.line+1, h.text)
		}
	}
}

func TestEveryEventIsOnThePage(t *testing.T) {
	p := readPage(t)
	names := []string{runner.Reported{}.EventName(), term.Began{}.EventName(), loss.Lost{}.EventName()}
	for _, e := range access.Events() {
		names = append(names, e.EventName())
	}
	for _, e := range runner.Events() {
		names = append(names, e.EventName())
	}
	for _, e := range line.Events() {
		names = append(names, e.EventName())
	}
	for _, e := range job.Events() {
		names = append(names, e.EventName())
	}
	for _, name := range names {
		if !slices.ContainsFunc(p.examples, func(e example) bool { return strings.Contains(p.text(e), `"type":"`+name+`"`) }) {
			t.Errorf("the page has no example of %s", name)
		}
	}
}

func TestTheExampleFileIsTheExampleLog(t *testing.T) {
	want := exported(t, story().Raws())
	if *update {
		if err := os.WriteFile(logFile, want, 0o644); err != nil { //nolint:gosec // a file for all
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}
