package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/integration/faultproxy"
	"github.com/herocode/horus/rpcapi/client"
)

// outlast returns when something has been silent for longer than a lease and a
// takeover.
func outlast(t *testing.T) {
	t.Helper()
	over := time.NewTimer(lease + 2*time.Second)
	defer over.Stop()
	select {
	case <-over.C:
	case <-t.Context().Done():
		t.Fatal("the test ended")
	}
}

// TestWhoFallsSilentLosesNothing stops the leader and a runner, and lets them go
// on when others have taken over: the leader believes that it leads, and the
// runner that its jobs are its own. Then the same happens to their networks:
// what they sent before comes when it is out of date; and once more, and it never
// comes.
func TestWhoFallsSilentLosesNothing(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	proxy := func() *faultproxy.Proxy { return faultproxy.Start(t, w.redis.Addr()) }
	networks := [2]*faultproxy.Proxy{proxy(), proxy()} // of the two supervisors
	ports := [2]int{w.port, freePort(t)}
	w.supervisors = "redis://" + networks[0].Addr()
	first := w.supervisor("--name", "first")
	w.admit()
	w.supervisors = "redis://" + networks[1].Addr()
	w.waitForLog(w.standBy(ports[1], "--name", "second"), "standing by")
	w.connect(urlOf(ports[0]), urlOf(ports[1]))
	network := proxy()
	w.runner("r1")
	w.runners = "redis://" + network.Addr()
	runner := w.runner("r1")
	load := w.begin(12, w.note().MaxAttempts(25))

	load.goOn()
	t.Log("the leader and a runner are stopped")
	first.signal(syscall.SIGSTOP)
	runner.signal(syscall.SIGSTOP)
	w.waitForLease("second")
	outlast(t)
	first.signal(syscall.SIGCONT)
	runner.signal(syscall.SIGCONT)

	for _, c := range []struct {
		leads    *faultproxy.Proxy
		next     string
		vanishes bool
	}{
		{leads: networks[1], next: "first"},
		{leads: networks[0], next: "second", vanishes: true},
	} {
		load.goOn()
		t.Logf("the networks of the leader and of a runner fall silent, and %s takes over; what is on its way vanishes: %v", c.next, c.vanishes)
		c.leads.Freeze()
		network.Freeze()
		w.waitForLease(c.next)
		outlast(t)
		if c.vanishes { // whoever sent it hears of that
			c.leads.Cut()
			network.Cut()
		}
		c.leads.Thaw()
		network.Thaw()
	}
	load.wantPromises()
}

// TestALateReportChangesNothing has a runner report the end of an attempt
// into a network that keeps it back until its lease is over and the job ended
// elsewhere. The report is recorded, counted as late, and changes nothing.
func TestALateReportChangesNothing(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.supervisor()
	w.admit()
	network := faultproxy.Start(t, w.redis.Addr())
	w.runners = "redis://" + network.Addr()
	w.runner("r1")
	on := filepath.Join(t.TempDir(), "on")
	receipt, err := w.Submit(w.ctx(), client.NewJob(fmt.Sprintf(
		`[ "$HORUS_ATTEMPT" = 1 ] || exec echo second; echo begun; until [ -e %s ]; do sleep 0.01; done; echo first`, on)).Runner("r1"))
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range w.Follow(w.ctx(), receipt.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Message == "begun" {
			break
		}
	}
	network.Freeze()
	if err := os.WriteFile(on, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.runners = w.redis.URL()
	w.runner("r1")
	want := w.wantOneOutcome(receipt.ID)
	network.Thaw()
	late := regexp.MustCompile(`(?m)^horus_late_reports_total [1-9]`)
	eventually(t, patience, func(ctx context.Context) error {
		code, text, err := fetch(ctx, w.url()+"/metrics")
		if err == nil && (code != http.StatusOK || !late.MatchString(text)) {
			err = errors.New("no late report is counted")
		}
		return err
	})
	got := types(w.wantOneOutcome(receipt.ID))
	if refused := append(types(want), "job.report_refused"); !slices.Equal(got, refused) {
		t.Errorf("with the late report the job's history is %v; want %v", got, refused)
	}
	done, err := w.Get(w.ctx(), receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	if done.Attempt != 2 || done.Result == nil || *done.Result != "second\n" {
		t.Errorf("got attempt %d with result %v, want attempt 2 with its own", done.Attempt, done.Result)
	}
	w.wantTrue()
}
