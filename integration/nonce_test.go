package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client"
)

// TestANonceOutlivesTheSupervisor kills the supervisor that took in a job with a
// nonce, and has the read models built again: the next one knows whose the nonce
// is, until the job's end.
func TestANonceOutlivesTheSupervisor(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	supervisor, _ := w.up()
	paid := client.NewJob("true").Runner("r1").Nonce("order-1").NotAfter(time.Now().Add(time.Hour))
	soon := client.NewJob("true").Runner("r1").Nonce("order-2").NotAfter(time.Now().Add(10 * time.Second))
	for id, job := range map[string]client.Job{"pay-1": paid, "pay-2": soon} {
		if receipt, err := w.Submit(w.ctx(), job.ID(id)); err != nil || receipt.Duplicate {
			t.Fatalf("%s: %+v, %v", id, receipt, err)
		}
	}
	w.wantOneOutcome("pay-1")
	ask := func(when string) {
		t.Helper()
		_, err := w.Submit(w.ctx(), paid.ID("pay-again"))
		if domain.CodeOf(err) != domain.Expired || domain.ReasonOf(err) != "nonce" {
			t.Errorf("%s, another job with the nonce: %v", when, err)
		}
		receipt, err := w.Submit(w.ctx(), paid.ID("pay-1"))
		if err != nil || !receipt.Duplicate {
			t.Errorf("%s, the same job: %+v, %v", when, receipt, err)
		}
	}
	ask("at once")
	supervisor.kill()
	supervisor = w.supervisor()
	ask("after a restart")
	if out := w.horus(0, "rebuild"); !strings.HasPrefix(out, "equal: ") {
		t.Errorf("rebuild: %s", out)
	}
	supervisor.kill()
	w.supervisor()
	ask("after a rebuild")
	eventually(t, patience, func(ctx context.Context) error {
		_, err := w.Submit(ctx, soon.ID("pay-3").NotAfter(time.Now().Add(time.Hour)))
		return err
	})
	w.wantOneOutcome("pay-3")
	w.wantTrue()
}
