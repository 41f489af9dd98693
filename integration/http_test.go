package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/herocode/horus/rpcapi/client"
)

// post sends a body to the supervisor as any program would.
func (w *world) post(body string, header http.Header) (code int, answer string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.ctx(), http.MethodPost, w.url()+"/", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header = header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// call posts a call and reads its result.
func (w *world) call(body string, header http.Header, result any) {
	w.t.Helper()
	code, text := w.post(body, header)
	var answer struct {
		Version string          `json:"jsonrpc"`
		ID      int             `json:"id"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || code != http.StatusOK {
		w.t.Fatalf("HTTP %d %s: %v", code, text, err)
	}
	if answer.Version != "2.0" || answer.ID != 1 || answer.Error != nil {
		w.t.Fatalf("%s is answered with %s", body, text)
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		w.t.Fatalf("%s: %v", answer.Result, err)
	}
}

// readme returns the README's line that holds a text.
func readme(t *testing.T, text string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("the README holds no line with %q", text)
	return ""
}

// TestTheAPIIsSpokenByHand sends what the README tells to send, and what clients
// of the original send, through nothing but HTTP.
func TestTheAPIIsSpokenByHand(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.supervisor("--unsigned", "countersign")
	w.runner("r1")
	w.admit()
	secret, err := os.ReadFile(filepath.Join(w.dir, string(w.ns), "api.key"))
	if err != nil {
		t.Fatal(err)
	}
	bearer := http.Header{"Authorization": {"Bearer " + strings.TrimSpace(string(secret))}}

	t.Run("the README's call", func(t *testing.T) {
		body := strings.TrimSuffix(strings.TrimPrefix(readme(t, `"jsonrpc":"2.0"`), "-d '"), "'")
		type method struct{ Name string }
		var document struct {
			OpenRPC string
			Methods []method
		}
		w.call(body, bearer, &document)
		if document.OpenRPC != "1.3.2" || !slices.Contains(document.Methods, method{"jobs.submit"}) {
			t.Errorf("got OpenRPC %s with the methods %v", document.OpenRPC, document.Methods)
		}
	})
	t.Run("a job of the original's clients", func(t *testing.T) {
		job := `{"caller_id":"me","context_id":"","payload":"echo hello $WHO","executor":"sh","runner":"r1","timeout":60,"env_vars":{"WHO":"horus"},` +
			`"id":"9b2f7d30-8f1e-4f0a-bf5e-0d5a6c6b7a11","created_at":"2025-01-01T00:00:00Z","updated_at":"2025-01-01T00:00:00Z","signatures":[]}`
		for name, c := range map[string]struct {
			params string
			header http.Header
		}{
			"by name":     {`{"secret":"` + strings.TrimSpace(string(secret)) + `","job":` + job + `}`, nil},
			"by position": {`["` + strings.TrimSpace(string(secret)) + `",` + job + `]`, nil},
			"with header": {`{"job":` + job + `}`, bearer},
		} {
			var result struct{ Success, Error string }
			w.call(`{"jsonrpc":"2.0","id":1,"method":"job.run","params":`+c.params+`}`, c.header, &result)
			if result.Success != "hello horus\n" || result.Error != "" {
				t.Errorf("%s: got %+v", name, result)
			}
		}
		var job1 struct{ Status, State string }
		w.call(`{"jsonrpc":"2.0","id":1,"method":"job.status","params":["9b2f7d30-8f1e-4f0a-bf5e-0d5a6c6b7a11"]}`, bearer, &job1)
		if job1.Status != "completed" || job1.State != "completed" {
			t.Errorf("job.status: got %+v", job1)
		}
	})
	t.Run("what cannot be read", func(t *testing.T) {
		if code, text := w.post(`{"jsonrpc":"2.0","id":1,`, bearer); code != http.StatusBadRequest || !strings.Contains(text, "-32700") {
			t.Errorf("got HTTP %d %s", code, text)
		}
	})
}

// TestASupervisorSaysHowItIs asks a leader and a stand-by for their health, and
// derives the success rate from the metrics as the README does.
func TestASupervisorSaysHowItIs(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	port := freePort(t)
	standBy := w.standBy(port, "--name", "stand-by")
	w.waitForLog(standBy, "standing by")
	for _, c := range []struct {
		url  string
		code int
		body string
	}{
		{w.url() + "/healthz", http.StatusOK, "ok"},
		{w.url() + "/readyz", http.StatusOK, "ready"},
		{urlOf(port) + "/healthz", http.StatusOK, "ok"},
		{urlOf(port) + "/readyz", http.StatusServiceUnavailable, "not ready: "},
	} {
		code, body, err := fetch(t.Context(), c.url)
		if err != nil || code != c.code || !strings.HasPrefix(body, c.body) {
			t.Errorf("%s: got %d %q, %v; want %d %q", c.url, code, body, err, c.code, c.body)
		}
	}

	const good, bad = 3, 1
	for i := range good + bad {
		script := "exit 0"
		if i < bad {
			script = "exit 3"
		}
		receipt, err := w.Submit(w.ctx(), client.NewJob(script).Runner("r1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Wait(w.ctx(), receipt.ID); err != nil {
			t.Fatal(err)
		}
	}
	metrics := w.metrics()
	finished := regexp.MustCompile(`horus_\w+_total`).FindString(readme(t, `outcome="completed"`))
	all := 0.0
	for series, value := range metrics {
		if strings.HasPrefix(series, finished+"{") {
			all += value
		}
	}
	if completed := metrics[finished+`{outcome="completed"}`]; completed != good || all != good+bad {
		t.Errorf("%s counts %v of %v jobs as completed, want %d of %d", finished, completed, all, good, good+bad)
	}
	for series, want := range map[string]float64{
		"horus_leading": 1,
		`horus_queue_depth{queue="runner:r1",state="waiting"}`: 0,
		`horus_queue_depth{queue="runner:r1",state="running"}`: 0,
		"horus_projection_lag_events":                          0,
	} {
		if got, ok := metrics[series]; !ok || got != want {
			t.Errorf("%s is %v (there: %v), want %v", series, got, ok, want)
		}
	}
	for _, series := range []string{"horus_append_seconds_count", "horus_commit_events_sum", `horus_rpc_duration_seconds_count{code="0",method="jobs.submit"}`} {
		if metrics[series] == 0 {
			t.Errorf("%s is 0 or missing", series)
		}
	}
	if code, _ := supervisor.terminate(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	w.ready(port, patience)
}

// metrics reads the supervisor's metrics: value by series.
func (w *world) metrics() map[string]float64 {
	w.t.Helper()
	code, text, err := fetch(w.ctx(), w.url()+"/metrics")
	if err != nil || code != http.StatusOK {
		w.t.Fatalf("/metrics: %d, %v", code, err)
	}
	metrics := map[string]float64{}
	for line := range strings.Lines(text) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || series == "#" {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue // a label with a space in it
		}
		metrics[series] = number
	}
	return metrics
}

func urlOf(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

// waitForLog returns when a process has said something.
func (w *world) waitForLog(p *process, words string) {
	w.t.Helper()
	eventually(w.t, patience, func(context.Context) error {
		if !strings.Contains(p.out.String(), words) {
			return fmt.Errorf("%s has not said %q", p.name, words)
		}
		return nil
	})
}

// wantLeader checks who leads.
func (w *world) wantLeader(name string) {
	w.t.Helper()
	info, err := w.Info(w.ctx())
	if err != nil {
		w.t.Fatal(err)
	}
	if info.Leader == nil || string(info.Leader.Name) != name {
		w.t.Errorf("%+v leads, want %s", info.Leader, name)
	}
}
