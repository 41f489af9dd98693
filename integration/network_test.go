package integration

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/herocode/horus/integration/faultproxy"
)

// networks are those between a world's programs and its Redis: one of the
// supervisors, one of the runners.
type networks struct{ supervisors, runners *faultproxy.Proxy }

// behind puts a proxy between the world's programs and its Redis.
func (w *world) behind() networks {
	w.t.Helper()
	n := networks{faultproxy.Start(w.t, w.redis.Addr()), faultproxy.Start(w.t, w.redis.Addr())}
	w.supervisors, w.runners = "redis://"+n.supervisors.Addr(), "redis://"+n.runners.Addr()
	return n
}

// set makes both networks follow a rule, each with chances of its own.
func (n networks) set(rule func(*rand.Rand) faultproxy.Rule) {
	n.supervisors.Set(rule(random(1)))
	n.runners.Set(rule(random(2)))
}

// heal ends all rules. Connections that hang are not waited for.
func (n networks) heal() {
	n.supervisors.Set(nil)
	n.runners.Set(nil)
}

// halfOfReplies loses every second reply. The first one on a connection is a
// greeting, which says nothing about anything.
func halfOfReplies(random *rand.Rand) faultproxy.Rule {
	greeted := map[int]bool{}
	return func(p faultproxy.Piece) faultproxy.Fate {
		lost := !p.ToServer && greeted[p.Connection] && random.IntN(2) == 0
		greeted[p.Connection] = greeted[p.Connection] || !p.ToServer
		if lost {
			return faultproxy.Fate{}
		}
		return p.Passes()
	}
}

// roughly keeps every piece for up to 20 ms, and lets every fiftieth break off
// somewhere: within a pipeline, a script's arguments or a reply.
func roughly(random *rand.Rand) faultproxy.Rule {
	return func(p faultproxy.Piece) faultproxy.Fate {
		fate := p.Passes()
		fate.After = time.Duration(random.Int64N(int64(20 * time.Millisecond)))
		if random.IntN(50) == 0 {
			fate.Bytes = random.IntN(len(p.Data))
		}
		return fate
	}
}

// troubled is how long the networks are in trouble: several leases.
const troubled = 10 * time.Second

// TestNetworksLoseNothing has the networks of the supervisors and of the runners
// fail while callers submit: half of all replies are lost, so that nobody knows
// what was done; or everything is slow and breaks off now and then. Supervisors
// lose the lead to each other and attempts their leases; what was promised
// holds, and once the networks are well again every job ends.
func TestNetworksLoseNothing(t *testing.T) {
	for name, rule := range map[string]func(*rand.Rand) faultproxy.Rule{
		"half of all replies are lost":          halfOfReplies,
		"slow, and connections break somewhere": roughly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onShared(t)
			networks := w.behind()
			w.up()
			w.runner("r1")
			port := freePort(t)
			w.waitForLog(w.standBy(port, "--name", "stand-by"), "standing by")
			w.connect(w.url(), urlOf(port))
			load := w.begin(12, w.note().MaxAttempts(25)) // leases are lost again and again

			networks.set(rule)
			begun := load.count()
			trouble := time.NewTimer(troubled)
			defer trouble.Stop()
			<-trouble.C
			during := load.count() - begun
			networks.heal()
			t.Logf("%d jobs were acknowledged meanwhile", during)
			if during == 0 {
				t.Error("no job was acknowledged meanwhile")
			}
			load.wantPromises()
		})
	}
}
