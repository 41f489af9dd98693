package rpcapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi"
)

// What Prometheus sees after some calls.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := rpcapi.NewMetrics(registry, func() rpcapi.Figures {
		return rpcapi.Figures{
			Queues:   []rpcapi.QueueFigures{{Queue: "runner:r1", Waiting: 3, Running: 1, Oldest: 1500 * time.Millisecond}},
			Jobs:     map[string]uint64{"queued": 3, "failed": 2},
			Outcomes: map[string]uint64{"completed": 9, "error": 1},
			Lag:      2,
			Bundles:  map[string]uint64{"taken": 4, "repeated": 1},
			Late:     5,
			Lost:     map[string]uint64{"lease": 6}, Retried: map[string]uint64{"error": 7}, Timers: map[string]uint64{"scheduled": 8}, Refused: 9,
			Leading: true,
			KeyEnds: 1767366245_500000,

			Durability: "replicated:1", Undurable: 7, ClockBehind: time.Hour, Memory: rpcapi.MemoryFigures{Used: 800, Max: 1000},
			Refusing: map[string]bool{"memory": true, "lagging": false},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(c *rpcapi.Config) { c.Metrics = metrics })
	s.bearer = userSecret
	s.call("runners.list", "[]")
	s.call("no.such.method", "[]")
	s.call("job.get", `["nowhere"]`)
	s.post(`{"jsonrpc":"2.0","method":"jobs.submit","params":[{}]}`)
	metrics.Appended(3, time.Millisecond)

	var ready error
	handler := rpcapi.NewHandler(s.api, rpcapi.HTTPOptions{
		Gatherer: registry, Ready: func(context.Context) error { return ready },
	})
	text := get(t, handler, "/metrics", http.StatusOK)
	for _, want := range []string{
		`horus_rpc_duration_seconds_count{code="0",method="runners.list"} 1`,
		`horus_rpc_duration_seconds_count{code="-32601",method="unknown"} 1`,
		`horus_rpc_duration_seconds_count{code="-32003",method="job.get"} 1`,
		`horus_rpc_notifications_refused_total 1`,
		`horus_commit_events_sum 3`,
		`horus_append_seconds_count 1`,
		`horus_queue_depth{queue="runner:r1",state="waiting"} 3`,
		`horus_queue_depth{queue="runner:r1",state="running"} 1`,
		`horus_queue_oldest_seconds{queue="runner:r1"} 1.5`,
		`horus_jobs{state="queued"} 3`,
		`horus_dead_jobs 2`,
		`horus_durability_info{level="replicated:1"} 1`,
		`horus_undurable_events 7`,
		`horus_clock_behind_seconds 3600`,
		`horus_redis_memory_bytes{of="used"} 800`,
		`horus_redis_memory_bytes{of="max"} 1000`,
		`horus_jobs_refused{reason="memory"} 1`,
		`horus_jobs_refused{reason="lagging"} 0`,
		`horus_jobs_finished_total{outcome="completed"} 9`,
		`horus_jobs_finished_total{outcome="error"} 1`,
		`horus_bundles_total{result="repeated"} 1`,
		`horus_late_reports_total 5`,
		`horus_attempts_lost_total{reason="lease"} 6`,
		`horus_jobs_retried_total{kind="error"} 7`,
		`horus_timers_fired_total{kind="scheduled"} 8`,
		`horus_reports_refused_total 9`,
		`horus_projection_lag_events 2`,
		`horus_leading 1`,
		`horus_key_end_timestamp_seconds 1.7673662455e+09`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
	if _, err := rpcapi.NewMetrics(registry, nil); err == nil {
		t.Error("metrics can be registered twice")
	}

	if got := get(t, handler, "/readyz", http.StatusOK); got != "ready\n" {
		t.Errorf("/readyz says %q", got)
	}
	concerned := rpcapi.NewHandler(s.api, rpcapi.HTTPOptions{Concerns: func() []string { return []string{"the memory is nearly full"} }})
	if got := get(t, concerned, "/readyz", http.StatusOK); got != "ready\nthe memory is nearly full\n" {
		t.Errorf("/readyz says %q", got)
	}
	ready = domain.Errorf(domain.TryAgain, "not_leader", "another supervisor leads")
	if got := get(t, handler, "/readyz", http.StatusServiceUnavailable); got != "not ready: another supervisor leads\n" {
		t.Errorf("/readyz says %q", got)
	}
	ready = io.ErrUnexpectedEOF
	if got := get(t, handler, "/readyz", http.StatusServiceUnavailable); got != "not ready\n" {
		t.Errorf("/readyz says %q", got)
	}
}

func get(t *testing.T, h http.Handler, path string, status int) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if w.Code != status {
		t.Errorf("GET %s: %d", path, w.Code)
	}
	return w.Body.String()
}
