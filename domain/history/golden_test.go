package history_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// The golden files are whole events, written by hand: <event name>.json with
// every member that there can be, <event name>.least.json with none that may be
// missing. What they pin is in logs already: a file is added, never changed.
const golden = "testdata/golden"

// goldens returns the files' names and the events in them.
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(golden, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	events := make(map[string][]byte, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		events[filepath.Base(path)] = []byte(strings.TrimSuffix(string(data), "\n"))
	}
	return events
}

func TestEventsHaveOneSpelling(t *testing.T) {
	for name, data := range goldens(t) {
		e, err := history.ParseEntry(7, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again := event.Append(nil, e.Header, e.Data); string(again) != string(data) {
			t.Errorf("%s is written as\n%s, want\n%s", name, again, data)
		}
		if !slices.Contains(history.Types(), e.Type) {
			t.Errorf("%s holds a %s, of which Types does not know", name, e.Type)
		}
		if !strings.HasPrefix(name, e.Type+".") || e.Data.EventName() != e.Type {
			t.Errorf("%s holds a %s that calls itself %s", name, e.Type, e.Data.EventName())
		}
		if e.Seq != 7 || e.Hash != signing.LeafHash(data) || string(e.Bytes) != string(data) {
			t.Errorf("%s: the entry is not of its bytes", name)
		}
	}
}

// names lists the wire names that the types of the aggregates say.
func names() []string {
	list := []string{(runner.Reported{}).EventName(), (term.Began{}).EventName(), (loss.Lost{}).EventName()}
	for _, e := range job.Events() {
		list = append(list, e.EventName())
	}
	for _, e := range runner.Events() {
		list = append(list, e.EventName())
	}
	for _, e := range line.Events() {
		list = append(list, e.EventName())
	}
	for _, e := range access.Events() {
		list = append(list, e.EventName())
	}
	slices.Sort(list)
	return list
}

func TestEveryEventHasItsGoldenFiles(t *testing.T) {
	files := goldens(t)
	for _, name := range names() {
		for _, file := range []string{name + ".json", name + ".least.json"} {
			if _, ok := files[file]; !ok {
				t.Errorf("%s is missing", filepath.Join(golden, file))
			}
		}
	}
}

// The names are read out of the source, so that an event which somebody forgot
// to list is missed here and not in a log.
func TestEventsListsAllThatTheSourceHas(t *testing.T) {
	var found []string
	for _, dir := range []string{"access", "job", "line", "loss", "runner", "term"} {
		paths, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				found = append(found, eventNames(t, path)...)
			}
		}
	}
	slices.Sort(found)
	if want := names(); !slices.Equal(found, want) {
		t.Errorf("the source has the events %q, listed are %q", found, want)
	}
}

// eventNames returns what the EventName methods of a file return.
func eventNames(t *testing.T, path string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		method, ok := decl.(*ast.FuncDecl)
		if !ok || method.Recv == nil || method.Name.Name != "EventName" {
			continue
		}
		result := method.Body.List[0].(*ast.ReturnStmt).Results[0]
		name, err := strconv.Unquote(result.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, name)
	}
	return found
}

func TestEveryPrefixOfAnEventIsRefused(t *testing.T) {
	for name, data := range goldens(t) {
		for i := range data {
			if _, err := history.ParseEntry(1, data[:i]); err == nil {
				t.Errorf("the first %d bytes of %s were read", i, name)
			}
		}
	}
}

func TestAnEventIsOfItsAggregate(t *testing.T) {
	files := goldens(t)
	swap := func(name, old, replacement string) []byte {
		data := string(files[name])
		if !strings.Contains(data, old) {
			t.Fatalf("%s has no %s", name, old)
		}
		return []byte(strings.Replace(data, old, replacement, 1))
	}
	for name, data := range map[string][]byte{
		"a job's event of a runner":    swap("job.completed.json", `"agg":"job/j1"`, `"agg":"runner/j1"`),
		"a job's event of the leader":  swap("job.completed.json", `"agg":"job/j1"`, `"agg":"leader"`),
		"a runner's event of a report": swap("runner.left.json", `"agg":"runner/r1"`, `"agg":"report/r1/8f3a"`),
		"a report of a runner":         swap("runner.reported.json", `"agg":"report/r1/8f3a"`, `"agg":"runner/r1"`),
		"a queue's event of a runner":  swap("queue.paused.least.json", `"agg":"queue/runner:r1"`, `"agg":"runner/r1"`),
		"a runner's event of a queue":  swap("runner.paused.least.json", `"agg":"runner/r1"`, `"agg":"queue/runner:r1"`),
		"a loss of the leader":         swap("log.lost.json", `"agg":"log"`, `"agg":"leader"`),
		"a term of the log":            swap("term.began.json", `"agg":"leader"`, `"agg":"log"`),
		"a term of the namespace":      swap("term.began.json", `"agg":"leader"`, `"agg":"access"`),
		"a statement of the leader":    swap("access.founded.json", `"agg":"access"`, `"agg":"leader"`),
		"an event that nobody knows":   swap("job.completed.json", `"job.completed"`, `"job.forgotten"`),
	} {
		if e, err := history.ParseEntry(1, data); err == nil {
			t.Errorf("%s was read: %s", name, &e)
		}
	}
}

// FuzzParseEntry holds that whatever is read has one spelling.
func FuzzParseEntry(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(golden, "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		seedtest.Add(f, []byte(strings.TrimSuffix(string(data), "\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := history.ParseEntry(1, data)
		if err != nil {
			return
		}
		if again := event.Append(nil, e.Header, e.Data); string(again) != string(data) {
			t.Errorf("%q was read and is written as %q", data, again)
		}
	})
}
