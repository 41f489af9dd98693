package integration

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
	"github.com/herocode/horus/integration/faultproxy"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// How long submits may pause. That a leader is gone is known after two seconds,
// and noticed half a second later; a machine that is busy takes longer.
const (
	pauseOfDeath  = 8 * time.Second
	pauseOfFreeze = 15 * time.Second // whoever called the frozen one waits for five seconds
	pauseOfStop   = 4 * time.Second
)

// pressure is many callers who submit through all supervisors.
type pressure struct {
	w     *world
	stop  context.CancelFunc
	ended chan []ack
}

func (w *world) press() *pressure {
	const callers, every = 50, 50 * time.Millisecond
	ctx, cancel := context.WithCancel(w.ctx())
	p := &pressure{w: w, stop: cancel, ended: make(chan []ack, callers)}
	for range callers {
		go func() {
			pace := time.NewTicker(every)
			defer pace.Stop()
			var acked []ack
			for ctx.Err() == nil {
				// Whoever is told to stop learns what becomes of his last job.
				last, done := context.WithTimeout(context.WithoutCancel(ctx), patience)
				receipt, err := w.Submit(last, client.NewJob("x").Runner("nobody"))
				done()
				acked = append(acked, ack{receipt, time.Now(), err})
				<-pace.C
			}
			p.ended <- acked
		}()
	}
	return p
}

// end stops the callers and checks that each job that was acknowledged is in the
// log exactly once. It returns the longest time after a moment in which nothing
// was acknowledged.
func (p *pressure) end(since time.Time) (pause time.Duration) {
	p.w.t.Helper()
	p.stop()
	var times []time.Time
	acked := map[string]bool{}
	for range cap(p.ended) {
		for _, a := range <-p.ended {
			if a.err != nil {
				p.w.t.Errorf("a submit failed: %v", a.err)
				continue
			}
			acked[a.ID], times = true, append(times, a.at)
		}
	}
	submitted := map[string]int{}
	for _, e := range p.w.log() {
		if e.Type == "job.submitted" {
			submitted[e.Aggregate.ID]++
		}
	}
	for id := range acked {
		if submitted[id] != 1 {
			p.w.t.Errorf("job %s was acknowledged, and is %d times in the log", id, submitted[id])
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	last := since
	for _, at := range times {
		if at.After(last) {
			pause, last = max(pause, at.Sub(last)), at
		}
	}
	p.w.t.Logf("%d jobs were acknowledged; the longest pause was %s", len(acked), pause)
	return pause
}

// log reads the whole log.
func (w *world) log() []history.Entry {
	w.t.Helper()
	raws, err := w.redis.Client().XRange(w.t.Context(), string(w.ns)+":{p000}:log", "-", "+").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	entries := make([]history.Entry, len(raws))
	for i, raw := range raws {
		text, _ := raw.Values["e"].(string)
		if entries[i], err = history.ParseEntry(uint64(i+1), []byte(text)); err != nil {
			w.t.Fatalf("entry %s: %v", raw.ID, err)
		}
	}
	return entries
}

// sealedTerms returns the terms under which commits were sealed, in the order of
// the log.
func (w *world) sealedTerms() []uint64 {
	w.t.Helper()
	raws, err := w.redis.Client().XRange(w.t.Context(), string(w.ns)+":{p000}:log", "-", "+").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	var terms []uint64
	for _, raw := range raws {
		text, ok := raw.Values["s"].(string)
		if !ok {
			continue
		}
		seal, err := signing.ParseSeal(string(w.ns), 0, []byte(text))
		if err != nil {
			w.t.Fatalf("entry %s: %v", raw.ID, err)
		}
		terms = append(terms, seal.Term)
	}
	return terms
}

// wantNothingAfterItsTerm checks that once a term began no commit of an earlier
// one follows, and that all that is there is true.
func (w *world) wantNothingAfterItsTerm() {
	w.t.Helper()
	if terms := w.sealedTerms(); !slices.IsSorted(terms) {
		w.t.Errorf("commits were sealed under the terms %v", slices.Compact(terms))
	}
	var began []string
	for _, e := range w.log() {
		if e.Aggregate.Kind == event.Leader {
			fact, _ := history.FactOf[term.Began](&e)
			began = append(began, string(fact.Data.Name))
		}
	}
	w.t.Logf("terms were begun by %s", strings.Join(began, ", "))
	w.wantTrue()
}

// TestTheLeaderIsKilledUnderFire kills the leader of three with -9 while fifty
// callers submit through all of them. They go on within seconds, and whatever
// was acknowledged is in the log exactly once.
func TestTheLeaderIsKilledUnderFire(t *testing.T) {
	w := onShared(t)
	members := w.trio()
	p := w.press()
	w.take(50, w.submitting(50, w.note()))
	killed := time.Now()
	members[0].kill()
	leader := w.leader(members[1:])
	w.take(50, w.submitting(50, w.note()))
	if pause := p.end(killed); pause > pauseOfDeath {
		t.Errorf("nothing was acknowledged for %s after the leader was killed, want at most %s", pause, pauseOfDeath)
	}
	w.connect(urlOf(leader.port))
	w.wantNothingAfterItsTerm()
}

// TestTheLeaderStopsUnderFire has the leader stop as it should: it gives the
// lead away, and there is hardly a pause.
func TestTheLeaderStopsUnderFire(t *testing.T) {
	w := onShared(t)
	members := w.trio()
	p := w.press()
	w.take(50, w.submitting(50, w.note()))
	stopped := time.Now()
	members[0].signal(syscall.SIGTERM)
	w.leader(members[1:])
	w.take(50, w.submitting(50, w.note()))
	if pause := p.end(stopped); pause > pauseOfStop {
		t.Errorf("nothing was acknowledged for %s after the leader was told to stop, want at most %s", pause, pauseOfStop)
	}
	if code := members[0].wait(patience); code != 0 {
		t.Errorf("the leader ended with exit code %d", code)
	}
	w.wantNothingAfterItsTerm()
}

// TestTheLeaderIsFrozenUnderFire stops the leader's process for longer than a
// stand-by waits, and lets it go on: it finds out by itself that it leads no
// more, adds nothing, and passes on what it is asked.
func TestTheLeaderIsFrozenUnderFire(t *testing.T) {
	w := onShared(t)
	members := w.trio()
	p := w.press()
	w.take(50, w.submitting(50, w.note()))
	frozen := time.Now()
	members[0].signal(syscall.SIGSTOP)
	leader := w.leader(members[1:])
	w.take(50, w.submitting(50, w.note()))
	members[0].signal(syscall.SIGCONT)
	w.wantStandBy(members[0], leader)
	if pause := p.end(frozen); pause > pauseOfFreeze {
		t.Errorf("nothing was acknowledged for %s after the leader was frozen, want at most %s", pause, pauseOfFreeze)
	}
	w.wantNothingAfterItsTerm()
}

// wantStandBy waits until a supervisor knows that another leads, and submits
// through it.
func (w *world) wantStandBy(m, leader *member) {
	w.t.Helper()
	only := w.only(m)
	eventually(w.t, patience, func(ctx context.Context) error {
		info, err := only.Info(ctx)
		if err == nil && (info.Role != wire.StandsBy || info.Leader == nil || string(info.Leader.Name) != leader.name) {
			err = fmt.Errorf("%s says that it is %s, led by %+v", m.name, info.Role, info.Leader)
		}
		return err
	})
	if _, err := only.Submit(w.ctx(), client.NewJob("x").Runner("nobody")); err != nil {
		w.t.Errorf("through the one that led: %v", err)
	}
}

// TestTheLeaderIsCutOffUnderFire takes the leader's way to Redis away, so that
// nothing is closed and nothing passes, and gives it back: what it had sent
// arrives then, and is refused.
func TestTheLeaderIsCutOffUnderFire(t *testing.T) {
	w := onShared(t)
	proxy := faultproxy.Start(t, w.redis.Addr())
	through, err := url.Parse(w.redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	through.Host = proxy.Addr()
	members := w.trio("--redis-url", through.String())
	p := w.press()
	w.take(50, w.submitting(50, w.note()))
	cut := time.Now()
	proxy.Freeze()
	leader := w.leader(members[1:])
	w.take(50, w.submitting(50, w.note()))
	proxy.Thaw()
	w.wantStandBy(members[0], leader)
	if pause := p.end(cut); pause > pauseOfFreeze {
		t.Errorf("nothing was acknowledged for %s after the leader was cut off, want at most %s", pause, pauseOfFreeze)
	}
	w.wantNothingAfterItsTerm()
}
