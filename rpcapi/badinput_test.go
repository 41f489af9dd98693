package rpcapi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lastBadInput is the number of the last row of testdata/badinput.md.
const lastBadInput = 53

// Every row of the table of bad inputs has a test, and each test that it names is
// there.
func TestEveryBadInputHasATest(t *testing.T) {
	page, err := os.ReadFile("testdata/badinput.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| .+ \| .+ \| (.*) \|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != lastBadInput {
		t.Errorf("%d rows, want %d", len(rows), lastBadInput)
	}
	for i, row := range rows {
		if want := fmt.Sprint(i + 1); row[1] != want {
			t.Errorf("row %s stands where %s is expected", row[1], want)
		}
		for test := range strings.SplitSeq(row[2], ", ") {
			if !thereIs(t, test) {
				t.Errorf("row %s names the test %q, which is not there", row[1], test)
			}
		}
	}
}

// thereIs reports whether a test is there that is named by its folder and itself.
func thereIs(t *testing.T, test string) bool {
	t.Helper()
	folder, name, ok := strings.Cut(test, " ")
	if !ok {
		return false
	}
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

// Rows 39, 50 and 52: there are no workflows, no schedules, no webhooks, no
// dashboard and no WebSocket yet, and nobody can call them.
func TestWhatIsNotThereYet(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = adminSecret
	for _, method := range []string{"flows.submit", "flow.get", "submit_workflow", "schedules.add", "webhooks.add", "webhooks.list"} {
		if got := s.call(method, "[]").Error; got.Code != -32601 {
			t.Errorf("%s: %+v", method, got)
		}
	}
	for _, m := range s.api.Methods() {
		for _, word := range []string{"flow.", "flows.", "schedule", "webhook"} {
			if strings.HasPrefix(m.Name, word) {
				t.Errorf("%s is there: testdata/badinput.md must say what it answers", m.Name)
			}
		}
	}
	for _, path := range []string{"/ui", "/dashboard", "/ws", "/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // its status says it
		if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}
}
