package node

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/term"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/rpcapi/relay"
)

// outlook is a guide, a lease, and terms that have begun.
type outlook struct {
	*guide
	store *memstore.Store

	mu    sync.Mutex
	terms map[uint64]term.State
}

// begin begins a term.
func (o *outlook) begin(n uint64, name domain.Name, address string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.terms[n] = term.State{Term: n, Name: name, Address: address}
}

func newOutlook() *outlook {
	o := &outlook{store: memstore.New(), terms: map[uint64]term.State{}}
	o.guide = &guide{
		lease: o.store, desk: newDesk(o.store, &health{}), scene: goroutines{}, name: "s2", address: "http://127.0.0.1:2",
		began: func(_ context.Context, term uint64) (leader term.State, ok bool, err error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			leader, ok = o.terms[term]
			return leader, ok, nil
		},
	}
	return o
}

// take has a supervisor take the lease, and begin its term at an address, if it
// has one.
func (o *outlook) take(t *testing.T, n uint64, name domain.Name, address string) {
	t.Helper()
	seen, err := o.store.Holder(t.Context())
	if err == nil {
		err = o.store.Take(t.Context(), seen, eventstore.Holder{Term: n, Name: string(name)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if address != "" {
		o.begin(n, name, address)
	}
}

// ask asks who leads, and how long that took.
func (o *outlook) ask(t *testing.T, above uint64) (relay.Leader, time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relay.Patience)
	defer cancel()
	begin := time.Now()
	leader, err := o.Leader(ctx, above)
	return leader, time.Since(begin), err
}

// wantNobody checks that nobody was found, after all the patience there is.
func (o *outlook) wantNobody(t *testing.T, above uint64, words string) {
	t.Helper()
	leader, took, err := o.ask(t, above)
	if domain.ReasonOf(err) != "no_leader" || !strings.Contains(err.Error(), words) || took != relay.Patience {
		t.Errorf("%+v, %v after %s; want nobody, and %q", leader, err, took, words)
	}
}

func TestWhoLeadsIsWhatTheHistorySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutlook()
		o.wantNobody(t, 0, "no other does")

		o.take(t, 7, "s1", "")
		o.wantNobody(t, 0, "no other does") // who took the lease and did not begin may be anybody
		o.begin(7, "s1", "http://127.0.0.1:1")
		leader, took, err := o.ask(t, 0)
		if err != nil || took > seekEvery || leader.Name != "s1" || leader.Address != "http://127.0.0.1:1" || leader.Term != 7 {
			t.Errorf("%+v, %v after %s", leader, err, took)
		}
		o.wantNobody(t, 7, "s1 at http://127.0.0.1:1 led last")

		// Another one takes over: whoever waits for the first is told, and whoever
		// looks for the next finds it once it has begun.
		o.take(t, 8, "s3", "")
		go func() {
			time.Sleep(time.Second)
			o.begin(8, "s3", "http://127.0.0.1:3")
		}()
		next, took, err := o.ask(t, 7)
		if err != nil || next.Name != "s3" || took < time.Second || took > time.Second+2*seekEvery {
			t.Errorf("%+v, %v after %s", next, err, took)
		}
		select {
		case <-leader.Over:
		default:
			t.Error("whoever waits for the first leader is not told that it leads no more")
		}
		if err := o.store.Release(t.Context(), 8); err != nil {
			t.Fatal(err)
		}
		time.Sleep(eventstore.BeatEvery)
		o.wantNobody(t, 0, "s3")
		<-next.Over
	})
}

// A supervisor that is started again while the lease is still its own does not
// call itself.
func TestOnesFormerSelfIsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutlook()
		o.take(t, 7, "s2", "http://127.0.0.1:2")
		o.wantNobody(t, 0, "s2")
	})
}

func TestWhoeverWaitsHearsOfThisSupervisorsOwnTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutlook()
		go func() {
			time.Sleep(time.Second)
			o.desk.open(&reign{})
		}()
		if leader, took, err := o.ask(t, 0); !leader.Here || took != time.Second || err != nil {
			t.Errorf("%+v, %v after %s", leader, err, took)
		}
		o.desk.close()
		why := domain.Errorf(domain.Halted, "tampered", "look at it")
		o.desk.halt(why)
		if _, took, err := o.ask(t, 0); !errors.Is(err, why) || took != 0 || o.Here() {
			t.Errorf("%v after %s", err, took)
		}
	})
}
