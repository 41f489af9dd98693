package chaos

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Percentiles are times that were measured, by nearest rank: of few, the 99th is
// the longest.
func TestPercentiles(t *testing.T) {
	took := func(n int) (all []time.Duration) {
		for i := n; i > 0; i-- {
			all = append(all, time.Duration(i)*time.Millisecond)
		}
		return all
	}
	r := &Report{}
	for _, n := range []int{0, 1, 2, 10, 100, 1000} {
		r.time("", took(n))
	}
	want := []Timing{
		{},
		{N: 1, P50: 1, P99: 1, Max: 1},
		{N: 2, P50: 1, P99: 2, Max: 2},
		{N: 10, P50: 5, P99: 10, Max: 10},
		{N: 100, P50: 50, P99: 99, Max: 100},
		{N: 1000, P50: 500, P99: 990, Max: 1000},
	}
	if diff := cmp.Diff(want, r.Times); diff != "" {
		t.Error(diff)
	}
}

// A report takes the place of the one before in a page, and nothing else of it.
func TestAReportIsWrittenIntoAPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+beginMark+"an old one\n"+endMark+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &Report{Seed: 7, Outcomes: map[string]int{"job.completed": 3, "job.failed error": 12}}
	for range 2 {
		if err := r.Write(page); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + beginMark + "\n" + r.Markdown() + "\n" + endMark + "after\n"; string(text) != want {
		t.Errorf("the page is\n%s", text)
	}
	if want := "12 × job.failed error<br>3 × job.completed"; !strings.Contains(string(text), want) {
		t.Errorf("the page lacks %q", want)
	}
	other := filepath.Join(t.TempDir(), "report.json")
	if err := r.Write(other); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != r.JSON() {
		t.Errorf("%s, %v", text, err)
	}
}

// The page has a place for it.
func TestThePageHasAPlace(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(page), beginMark) != 1 || strings.Count(string(page), endMark) != 1 {
		t.Errorf("docs/reliability.md has no place between %q and %q", beginMark, endMark)
	}
}

// Errors are counted a call, however many travel in a message; a wait whose time
// is over is none.
func TestErrorsAreCounted(t *testing.T) {
	answers := []string{
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"x","data":{"reason":"still_running"}}}`,
		`[{"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"x","data":{"reason":"no_leader"}}},` +
			`{"jsonrpc":"2.0","id":2,"error":{"code":-32011,"message":"x","data":{"reason":"no_leader"}}},{"jsonrpc":"2.0","id":3,"result":{}}]`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`,
		`<html>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(answers[0]))
		answers = answers[1:]
		if len(answers) == 0 {
			panic(http.ErrAbortHandler)
		}
	}))
	tally := newTally()
	c := &http.Client{Transport: tally.transport()}
	for range answers {
		if response, err := c.Post(server.URL, "application/json", http.NoBody); err == nil {
			_ = response.Body.Close()
		}
	}
	server.Close()
	want := map[string]int{"-32011 no_leader": 2, "-32700": 1, "no connection, or it broke": 1}
	if diff := cmp.Diff(want, tally.counts()); diff != "" || tally.sent() != 5 {
		t.Errorf("%d messages; %s", tally.sent(), diff)
	}
}

// What scripts note is read as it was meant: a process number may be given away
// again, and a script that was killed has no end.
func TestRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs")
	text := `begun a 1 10 100 1000
begun b 1 10 101 1001
ended a 1 10 100 1002
begun a 2 11 101 1003
resumed a 2 11 101 1004
ended a 2 11 101 1005
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(n int64) time.Time { return time.Unix(0, n) }
	want := []*run{
		{job: "a", attempt: 1, runner: 10, process: 100, began: at(1000), ended: at(1002)},
		{job: "b", attempt: 1, runner: 10, process: 101, began: at(1001)},
		{job: "a", attempt: 2, runner: 11, process: 101, began: at(1003), ended: at(1005), resumed: true},
	}
	got, err := readRuns(path)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(run{})); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"ended a 1 10 100 1000\n", "begun a 1 10\n", "begun a 1 10 100 1000\nmended a 1 10 100 1001\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readRuns(path); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
