package integration

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/integration/faultproxy"
	"github.com/herocode/horus/rpcapi/client"
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

// described is what the API says of itself, as far as a caller needs it who
// calls everything.
type described struct {
	Methods []struct {
		Name     string `json:"name"`
		Examples []struct {
			Params []struct {
				Name  string          `json:"name"`
				Value json.RawMessage `json:"value"`
			} `json:"params"`
		} `json:"examples"`
	} `json:"methods"`
}

// calls are the examples of all methods as requests, by the methods' names.
func (d described) calls(t *testing.T) map[string]string {
	t.Helper()
	calls := map[string]string{}
	for _, m := range d.Methods {
		params := map[string]json.RawMessage{}
		if len(m.Examples) > 0 {
			for _, p := range m.Examples[0].Params {
				if text := string(p.Value); text != `""` && text != "[]" && text != "null" {
					params[p.Name] = p.Value
				}
			}
		}
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": m.Name, "params": params})
		if err != nil {
			t.Fatal(err)
		}
		calls[m.Name] = string(body)
	}
	return calls
}

// TestNoMethodBlamesItselfForTheNetwork calls every method while half of the
// replies of Redis are lost. Whoever waited for a job was told of an "internal
// error", which is never to be tried again, when the reply that was lost was
// about runners; every method says that it may be asked again, or answers.
func TestNoMethodBlamesItselfForTheNetwork(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	networks := w.behind()
	w.up()
	for id, payload := range map[string]string{"hello": "sleep 60", "done": "echo hello", "broken": "exit 7"} {
		if _, err := w.Submit(w.ctx(), client.NewJob(payload).ID(id).Runner("r1")); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := w.state().Read(w.ns, statedir.APIKey)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Authorization": {"Bearer " + secret}}
	var api described
	w.call(`{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}`, header, &api)

	networks.supervisors.Set(halfOfReplies(random(1)))
	const rounds = 6
	var callers sync.WaitGroup
	for name, body := range api.calls(t) {
		callers.Go(func() {
			for range rounds {
				if _, answer := w.post(body, header); strings.Contains(answer, `"code":-32603`) {
					t.Errorf("%s is answered with %s", name, answer)
				}
			}
		})
	}
	callers.Wait()
	networks.heal()
}
