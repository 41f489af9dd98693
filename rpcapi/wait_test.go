package rpcapi_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// bubble is an API without HTTP, in a test that owns the time.
type bubble struct {
	*rpcapitest.System

	t    *testing.T
	api  *rpcapi.API
	hold chan struct{} // nil, or what its leader waits for
}

func newBubble(t *testing.T, change func(*rpcapi.Config)) *bubble {
	t.Helper()
	s := rpcapitest.New(t)
	key, err := rpcapi.NewAPIKey("ci", rpcapi.User, userSecret)
	if err != nil {
		t.Fatal(err)
	}
	cfg := rpcapi.Config{
		Backend: s.Backend(), Durability: s.Durability, Unsigned: rpcapi.Countersign, Keys: []rpcapi.APIKey{key}, Clock: s.Clock,
	}
	if change != nil {
		change(&cfg)
	}
	api, err := rpcapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &bubble{System: s, t: t, api: api}
}

func (b *bubble) call(method, params string) answer {
	b.t.Helper()
	return b.read(b.send(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`))
}

// send sends a message and returns the answer.
func (b *bubble) send(message string) string {
	ctx := jsonrpc.WithCaller(b.t.Context(), jsonrpc.Caller{Bearer: userSecret})
	return string(b.api.Server().Handle(ctx, []byte(message)))
}

func (b *bubble) read(text string) (a answer) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		b.t.Errorf("%v in %q", err, text)
	}
	return a
}

// wait lets time pass, in a test that owns it.
func wait(t *testing.T, ms int) {
	t.Helper()
	<-time.After(time.Duration(ms) * time.Millisecond)
}

// A wait answers when the job has its outcome, at the moment when it has it.
func TestWait(t *testing.T) {
	for method, want := range map[string]string{
		"job.wait":   `"state":"completed"`,
		"job.result": `{"success":"done"}`,
		"job.run":    `{"success":"done"}`,
	} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, nil)
				b.call("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
				params := `["j1"]`
				if method == "job.run" {
					params = `[{"id":"j1","payload":"x","runner":"r1"}]`
				}
				begin := time.Now()
				var waiting sync.WaitGroup
				waiting.Go(func() {
					a := b.call(method, params)
					if !strings.Contains(string(a.Result), want) {
						t.Errorf("answer %s %+v, want %s", a.Result, a.Error, want)
					}
				})
				synctest.Wait()
				r := b.Runner("r1")
				r.Start("j1")
				r.Complete("j1", "done")
				waiting.Wait()
				if took := time.Since(begin); took > lookEvery {
					t.Errorf("the answer took %v", took)
				}
			})
		})
	}
}

// lookEvery is how often whoever waits looks by himself.
const lookEvery = 5 * time.Second

// A wait that is in vain says so after its time, and no call waits for ever.
func TestWaitInVain(t *testing.T) {
	for name, c := range map[string]struct {
		method, params string
		want           time.Duration
	}{
		"the default":             {"job.wait", `["j1"]`, 30 * time.Second},
		"as long as was asked":    {"job.wait", `["j1",7]`, 7 * time.Second},
		"the job's own, and more": {"job.result", `["j1"]`, 10*time.Second + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, nil)
				b.call("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1","timeout":10}]`)
				begin := time.Now()
				e := b.call(c.method, c.params).Error
				if e.Code != -32011 || e.Data.Reason != "still_running" || e.Data.Retry != "later" {
					t.Errorf("%+v", e)
				}
				if took := time.Since(begin); took.Truncate(time.Second) != c.want {
					t.Errorf("the wait took %v, want %v", took, c.want)
				}
			})
		})
	}
}

// deaf is a reader whose news never come, as when the leader that was watched
// is gone.
type deaf struct{ rpcapi.Jobs }

func (deaf) Watch(job.ID) (<-chan struct{}, func()) { return nil, func() {} }

// A watch that was with a leader who is gone is never told: whoever waits looks
// again by himself, so he is late but not deaf.
func TestWaitWithoutNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, func(c *rpcapi.Config) { c.Backend.Jobs = deaf{c.Backend.Jobs} })
		b.call("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if e := b.call("job.wait", `["j1"]`).Error; e.Code != 0 {
				t.Errorf("%+v", e)
			}
		})
		synctest.Wait()
		b.Runner("r1").Complete("j1", "done")
		waiting.Wait()
	})
}

// A supervisor that stops does not keep those who wait.
func TestWaitWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		b := newBubble(t, func(c *rpcapi.Config) { c.Stopping = stopping })
		b.call("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if e := b.call("job.wait", `["j1"]`).Error; e.Code != -32011 || e.Data.Reason != "stopping" {
				t.Errorf("%+v", e)
			}
		})
		synctest.Wait()
		close(stopping)
		waiting.Wait()
	})
}

// leaderless is a supervisor that does not lead: it knows no keys.
type leaderless struct{ rpcapi.Leader }

func (leaderless) Access() access.State { return access.State{} }

// Who does not lead cannot tell whose key is good, and does not pretend to.
func TestNobodyLeads(t *testing.T) {
	s := newServer(t, func(c *rpcapi.Config) { c.Backend.Leader = leaderless{c.Backend.Leader} })
	s.bearer = adminSecret
	if e := s.call("jobs.submit", `{"job":`+envelope(doc, rpcapitest.Key(3))+`}`).Error; e.Code != -32011 || e.Data.Retry != "later" {
		t.Errorf("%+v", e)
	}
}

// What a wait may be asked for.
func TestWaitBounds(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	for params, pointer := range map[string]string{
		`["j1",0]`: "/timeout", `["j1",-1]`: "/timeout", `["j1",301]`: "/timeout", `["j1",1.5]`: "/timeout",
		`["../x"]`: "/id", `[""]`: "/id", `{}`: "/id", `["j1",1,"",2]`: "/3",
	} {
		if e := s.call("job.wait", params).Error; e.Code != -32602 || e.Data.Pointer != pointer {
			t.Errorf("%s: %+v, want pointer %s", params, e, pointer)
		}
	}
	if e := s.call("job.wait", `["nowhere"]`).Error; e.Code != -32003 {
		t.Errorf("%+v", e)
	}
}
