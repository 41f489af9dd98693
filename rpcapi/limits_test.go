package rpcapi_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// edge drives one limit: reach asks for n of what it bounds, of an API whose
// limit it is where it can be changed.
type edge struct {
	name   string // in system.info
	limit  int
	change func(*rpcapi.Limits) // nil where it cannot
	reach  func(b *bubble, n int) answer
	code   int // of the answer to one more than the limit
	reason string
	later  bool // it says when to come back
}

// ask sends a whole message.
func (b *bubble) ask(message string) (a answer) {
	text := b.send(message)
	if strings.HasPrefix(text, "[") {
		return answer{}
	}
	return b.read(text)
}

const ping = `{"jsonrpc":"2.0","id":1,"method":"system.info"}`

// last calls n times and returns the last answer.
func last(b *bubble, n int) (a answer) {
	for range n {
		a = b.call("system.info", `[]`)
	}
	return a
}

// among has n-1 calls wait for a job that nobody runs, and returns the answer to
// one more.
func among(b *bubble, n int) (a answer) {
	b.call("jobs.submit", `[{"id":"slow","payload":"x","runner":"r1"}]`)
	b.call("job.get", `["slow"]`) // from now on nobody waits for the read models
	var waiting sync.WaitGroup
	for range n - 1 {
		waiting.Go(func() { b.call("job.wait", `["slow",1]`) })
	}
	synctest.Wait()
	a = b.call("job.wait", `["slow",1]`)
	waiting.Wait()
	if a.Error.Data.Reason == "still_running" {
		return answer{} // it waited
	}
	return a
}

// inFlight has n-1 submits wait for their commit, and returns the answer to one
// more: nothing when it is on its way too.
func inFlight(b *bubble, n int) (a answer) {
	var submits sync.WaitGroup
	first := make(chan answer, 1)
	for i := range n {
		submits.Go(func() {
			got := b.call("jobs.submit", fmt.Sprintf(`[{"id":"j%d","payload":"x","runner":"r1"}]`, i))
			if got.Error.Code != 0 {
				first <- got
			}
		})
	}
	synctest.Wait()
	close(b.hold)
	submits.Wait()
	select {
	case a = <-first:
	default:
	}
	return a
}

func submitOne(member func(n int) string) func(*bubble, int) answer {
	return func(b *bubble, n int) answer {
		return b.call("jobs.submit", `[{"id":"j1","executor":"sh",`+member(n)+`}]`)
	}
}

// reply asks for a job whose answer is longer by n bytes than that of the
// shortest one.
func reply(b *bubble, n int) answer {
	b.call("jobs.submit", `[{"id":"j1","payload":"`+strings.Repeat("x", 8000+n)+`","runner":"r1"}]`)
	return b.call("job.get", `["j1"]`)
}

func edges(t *testing.T) []edge {
	bounds := func(name string, limit int, reach func(*bubble, int) answer) edge {
		return edge{name: name, limit: limit, reach: reach, code: -32602, reason: "bounds"}
	}
	pad := func(b *bubble, n int) answer { return b.ask(ping + strings.Repeat(" ", n-len(ping))) }
	job := len(mustJSON(t, reply(newBubble(t, nil), 0).Result)) + len(`{"jsonrpc":"2.0","id":1,"result":}`)
	return []edge{
		{name: "message_bytes", limit: 1 << 20, change: func(l *rpcapi.Limits) { l.Message = 1 << 20 }, reach: pad, code: -32007, reason: "size"},
		{name: "message_bytes", limit: 8 << 20, reach: pad, code: -32007, reason: "size"},
		{name: "batch", limit: 256, reach: func(b *bubble, n int) answer { return b.ask("[0" + strings.Repeat(",0", n-1) + "]") }, code: -32007, reason: "batch"},
		{name: "batch", limit: 3, change: func(l *rpcapi.Limits) { l.Batch = 3 }, reach: func(b *bubble, n int) answer { return b.ask("[0" + strings.Repeat(",0", n-1) + "]") }, code: -32007, reason: "batch"},
		{name: "depth", limit: 32, reach: func(b *bubble, n int) answer {
			a := b.ask(strings.Repeat("[", n) + strings.Repeat("]", n))
			return a
		}, code: -32700, reason: "depth"},
		{name: "reply_bytes", limit: 1000, change: func(l *rpcapi.Limits) { l.Reply = 2<<10 + job + 1000 }, reach: reply, code: -32007, reason: "reply"},
		bounds("page", 1000, func(b *bubble, n int) answer { return b.call("jobs.query", fmt.Sprintf(`{"limit":%d}`, n)) }),
		bounds("wait_seconds", 300, func(b *bubble, n int) answer {
			a := b.call("job.wait", fmt.Sprintf(`["none",%d]`, n))
			if a.Error.Code == -32003 {
				return answer{} // the parameters were taken
			}
			return a
		}),
		bounds("long_poll_seconds", 30, func(b *bubble, n int) answer {
			a := b.call("job.logs", fmt.Sprintf(`{"id":"none","wait":%d}`, n))
			if a.Error.Code == -32003 {
				return answer{}
			}
			return a
		}),
		{name: "calls_per_second", limit: 3, change: func(l *rpcapi.Limits) { l.CallsPerSecond = 3 }, reach: last, code: -32006, reason: "rate_limited", later: true},
		{name: "waits", limit: 3, change: func(l *rpcapi.Limits) { l.Waits = 3 }, reach: among, code: -32010, reason: "waits", later: true},
		{name: "waits_per_key", limit: 3, change: func(l *rpcapi.Limits) { l.WaitsPerKey = 3 }, reach: among, code: -32010, reason: "waits", later: true},
		{name: "submits", limit: 3, change: func(l *rpcapi.Limits) { l.Submits = 3 }, reach: inFlight, code: -32010, reason: "submits", later: true},
		{name: "job_bytes", limit: 768 << 10, reach: func(b *bubble, n int) answer {
			const frame = `{"id":"j1","payload":"","executor":"sh"}`
			text := strings.Replace(frame, `""`, `"`+strings.Repeat(`\u0001`, (n-len(frame))/6)+strings.Repeat("x", (n-len(frame))%6)+`"`, 1)
			return b.call("jobs.submit", `[`+text+`]`)
		}, code: -32602, reason: "size"},
		{name: "payload_bytes", limit: 256 << 10, reach: submitOne(func(n int) string { return `"payload":"` + strings.Repeat("x", n) + `"` }), code: -32602, reason: "size"},
		{name: "env_vars", limit: 64, reach: submitOne(func(n int) string {
			var vars []string
			for i := range n {
				vars = append(vars, fmt.Sprintf(`"V%d":""`, i))
			}
			return `"payload":"x","env_vars":{` + strings.Join(vars, ",") + `}`
		}), code: -32602, reason: "env"},
		{name: "env_bytes", limit: 4 << 10, reach: submitOne(func(n int) string {
			return `"payload":"x","env_vars":{"V":"` + strings.Repeat("x", n) + `"}`
		}), code: -32602, reason: "env"},
		bounds("timeout_seconds", 24*60*60, submitOne(func(n int) string { return fmt.Sprintf(`"payload":"x","timeout":%d`, n) })),
		bounds("max_attempts", 25, submitOne(func(n int) string { return fmt.Sprintf(`"payload":"x","max_attempts":%d`, n) })),
	}
}

// elsewhere are limits that no JSON-RPC call reaches, and the tests of their
// edges.
func elsewhere() map[string]string {
	return map[string]string{
		"bodies_bytes":            "jsonrpc/body_test.go TestBodiesShareMemory",
		"connections":             "door/door_test.go TestConnections",
		"connections_per_address": "door/door_test.go TestConnections",
		"header_seconds":          "door/door_test.go TestSlowHeads",
		"body_seconds":            "jsonrpc/http_test.go TestRow4SlowBodies",
		"idle_seconds":            "door/door_test.go TestIdleConnections",
		"answer_seconds":          "door/door_test.go TestAnswersThatNobodyTakesIn",
		"keys":                    "../domain/access/access_test.go MaxKeys",
		"api_keys":                "../domain/access/apikey_test.go MaxAPIKeys",
	}
}

// Every limit that system.info tells holds: what is at it is fine, and one more
// is refused, with the error that is written down for it.
func TestLimitsHoldAtTheirEdges(t *testing.T) {
	seen := elsewhere()
	for _, e := range edges(t) {
		seen[e.name] = ""
		t.Run(fmt.Sprintf("%s of %d", e.name, e.limit), func(t *testing.T) {
			for _, n := range []int{e.limit, e.limit + 1} {
				synctest.Test(t, func(t *testing.T) { e.drive(t, n) })
			}
		})
	}
	for f := range reflect.TypeFor[wire.Limits]().Fields() {
		test, ok := seen[f.Tag.Get("json")]
		if !ok {
			t.Errorf("no test reaches the edge of %s", f.Tag.Get("json"))
		}
		if file, name, named := strings.Cut(test, " "); named {
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), name) {
				t.Errorf("%s: there is no %s in %s (%v)", f.Tag.Get("json"), name, file, err)
			}
		}
	}
}

func (e edge) drive(t *testing.T, n int) {
	b := newBubble(t, func(c *rpcapi.Config) {
		if e.change != nil {
			e.change(&c.Limits)
		}
	})
	if e.name == "submits" {
		b = newHeld(t, e.change)
	}
	got := e.reach(b, n)
	if n == e.limit {
		if got.Error.Code != 0 {
			t.Errorf("at the limit: %+v", got.Error)
		}
		return
	}
	if got.Error.Code != e.code || got.Error.Data.Reason != e.reason {
		t.Errorf("over the limit: %+v, want %d %s", got.Error, e.code, e.reason)
	}
	if again := got.Error.Data.Retry == "later" && got.Error.Data.AfterMS > 0; again != e.later {
		t.Errorf("over the limit: %+v; come back later: want %v", got.Error.Data, e.later)
	}
}

// held is a leader that decides nothing until it is let go.
type held struct {
	rpcapi.Leader
	hold <-chan struct{}
}

func (h held) Execute(ctx context.Context, w eventstore.Work) error {
	<-h.hold
	return h.Leader.Execute(ctx, w)
}

func newHeld(t *testing.T, change func(*rpcapi.Limits)) *bubble {
	hold := make(chan struct{})
	b := newBubble(t, func(c *rpcapi.Config) {
		change(&c.Limits)
		c.Backend.Leader = held{c.Backend.Leader, hold}
	})
	b.hold = hold
	return b
}

// Whoever is sent away by the pace of his key is let in when he was told, and
// the pace of one key is not that of another.
func TestAPaceIsOneKeysOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *rpcapi.Config) {
			other, err := rpcapi.NewAPIKey("other", rpcapi.User, adminSecret)
			if err != nil {
				t.Fatal(err)
			}
			c.Keys = append(c.Keys, other)
			c.Limits.CallsPerSecond = 2
			c.Clock = nil
		})
		last(b, 2)
		a := last(b, 1)
		if a.Error.Code != -32006 || a.Error.Data.AfterMS != 500 {
			t.Fatalf("the third call in a second: %+v", a.Error)
		}
		if a := b.call("system.info", `["`+adminSecret+`"]`); a.Error.Code != 0 {
			t.Errorf("another key: %+v", a.Error)
		}
		wait(t, a.Error.Data.AfterMS)
		if a := last(b, 1); a.Error.Code != 0 {
			t.Errorf("after the time that was named: %+v", a.Error)
		}
	})
}

// What is over a limit of submits was not begun: the same job again goes in.
func TestShedSubmitsAreTakenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHeld(t, func(l *rpcapi.Limits) { l.Submits = 2 })
		inFlight(b, 3)
		for i := range 3 {
			if a := b.call("jobs.submit", fmt.Sprintf(`[{"id":"j%d","payload":"x","runner":"r1"}]`, i)); a.Error.Code != 0 {
				t.Errorf("job j%d again: %+v", i, a.Error)
			}
			if a := b.call("job.get", fmt.Sprintf(`["j%d"]`, i)); !strings.Contains(string(a.Result), `"state":"`+job.Waiting.String()+`"`) {
				t.Errorf("job j%d: %s %+v", i, a.Result, a.Error)
			}
		}
	})
}

// A limit that makes no sense is named.
func TestLimitsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*rpcapi.Limits){
		"limit-body is 100; it can be 1048576 to 67108864": func(l *rpcapi.Limits) { l.Message = 100 },
		"limit-batch is 1025; it can be 1 to 1024":         func(l *rpcapi.Limits) { l.Batch = 1025 },
		"limit-calls is -1; it can be 1 to 1000000":        func(l *rpcapi.Limits) { l.CallsPerSecond = -1 },
	} {
		l := rpcapi.Limits{}.WithDefaults()
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		change(&l)
		if err := l.Check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
