package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/integration/redistest"
)

// polite are jobs that end within a program's grace, and some that do not.
func polite() []order {
	return []order{
		{name: "short", share: 60, script: `note ended`, wants: []outcome{completed}},
		{name: "some hundred milliseconds", share: 39, script: `sleep "$NAP"; note ended`, wants: []outcome{completed}},
		{name: longer, share: 1, script: fmt.Sprintf(`sleep %.0f; note ended`, grace.Seconds()+2), wants: []outcome{completed}},
	}
}

const longer = "longer than any grace"

// A program that was told to end may take its grace, and as long as it then takes
// to kill a script, to say the last words and to leave.
const leave = grace + 2*time.Second

// TestWhoIsToldToEndLosesAndRepeatsNothing tells the leader and two runners to
// end, again and again while clients submit. All end when their grace is over at
// the latest, and with code 0 unless a script was interrupted then. What has run to
// its end by then never runs again, and what could have within the grace never
// begins twice; every job ends once.
func TestWhoIsToldToEndLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	mustBuild(t)
	const rounds = 10
	w := newWorld(t, programs, redistest.Always)
	l := w.begin(1, polite())
	var slowest time.Duration
	for round := range rounds {
		l.goOn()
		told := []*program{w.whoLeads(), w.runners[round%2], w.runners[2+round%2]}
		began := time.Now()
		for _, p := range told {
			p.tell(syscall.SIGTERM)
		}
		for _, p := range told {
			_, err := p.wait(patience)
			took := time.Since(began)
			if slowest = max(slowest, took); err != nil || took > leave {
				t.Errorf("round %d: %s ended after %s, %v; want at most %s", round, p.name, took, err, leave)
			}
			w.start(p)
		}
	}
	l.end()
	r := w.judge(Plan{Seed: 1, AOF: redistest.Always, Load: time.Since(w.began)}, l)
	for _, broken := range r.Broken {
		t.Error(broken)
	}
	if r.EndedAgain > 0 {
		t.Errorf("%d jobs ran to their end more than once", r.EndedAgain)
	}
	long := 0
	for _, a := range l.acked {
		if a.order.name == longer {
			long++
		} else if n := r.begun[a.id]; n != 1 {
			t.Errorf("job %s (%s) began %d times", a.id, a.order.name, n)
		}
	}
	w.wantCodes()
	t.Logf("%d programs were told to end, and did within %s; of %d jobs %d were longer than the grace, and %d of them ran again",
		3*rounds, slowest.Round(time.Millisecond), len(l.acked), long, r.RunAgain)
}

// wantCodes checks that all programs that were told to end say with their exit
// codes whether they interrupted something.
func (w *world) wantCodes() {
	w.t.Helper()
	runs, err := readRuns(w.runs)
	if err != nil {
		w.t.Fatal(err)
	}
	interrupted := map[int]bool{}
	for _, run := range runs {
		interrupted[run.runner] = interrupted[run.runner] || run.ended.IsZero()
	}
	for _, p := range slices.Concat(w.supervisors, w.runners) {
		for _, life := range p.past() {
			if life.told != syscall.SIGTERM || (life.code != 0) != interrupted[life.pid] {
				w.t.Errorf("%s: process %d ended with code %d, and interrupted something: %v", p.name, life.pid, life.code, interrupted[life.pid])
			}
		}
	}
}

// whoLeads waits until somebody does.
func (w *world) whoLeads() (p *program) {
	w.t.Helper()
	w.eventually("somebody leads", func(context.Context) error {
		if p = w.leader(); p == nil {
			return errors.New("nobody does")
		}
		return nil
	})
	return p
}
