package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/relay"
)

// guide knows of leaders, one term after the other.
type guide struct {
	leaders []relay.Leader
}

func (g *guide) Here() bool { return false }

func (g *guide) Leader(_ context.Context, above uint64) (relay.Leader, error) {
	for _, l := range g.leaders {
		if l.Term > above {
			return l, nil
		}
	}
	return relay.Leader{}, domain.Errorf(domain.TryAgain, "no_leader", "nobody leads")
}

// message is what a supervisor was sent.
type message struct {
	header http.Header
	body   string
}

// supervisor answers what a test says, and keeps what it was sent.
type supervisor struct {
	url string

	mu   sync.Mutex
	sent []message
}

func lead(t *testing.T, answer http.HandlerFunc) *supervisor {
	t.Helper()
	s := &supervisor{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/rpc" {
			t.Errorf("%s: %v", r.URL, err)
		}
		s.mu.Lock()
		s.sent = append(s.sent, message{r.Header, string(body)})
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

func (s *supervisor) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// says answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func method(name string, waits bool) *jsonrpc.Method {
	m := jsonrpc.Define(jsonrpc.Info{Name: name, Mutates: true, Waits: waits},
		func(context.Context, struct{}) (int, error) { return 0, nil })
	return &m
}

// pass passes calls on with parameters.
func pass(t *testing.T, g relay.Guide, params ...string) []jsonrpc.Answer {
	t.Helper()
	calls := make([]jsonrpc.Outgoing, len(params))
	for i, p := range params {
		calls[i] = jsonrpc.Outgoing{Method: method("jobs.submit", false), Params: []byte(p)}
	}
	r := relay.New(relay.Config{Name: "s2", Self: "http://127.0.0.1:2", Guide: g})
	t.Cleanup(r.Close)
	return r.Pass(caller(t, ""), calls)
}

func caller(t *testing.T, relayed string) context.Context {
	return jsonrpc.WithCaller(t.Context(), jsonrpc.Caller{Bearer: "its own", Relayed: relayed})
}

// want checks an answer that is an error.
func want(t *testing.T, a jsonrpc.Answer, code domain.Code, reason string, words ...string) {
	t.Helper()
	if domain.CodeOf(a.Err) != code || domain.ReasonOf(a.Err) != reason {
		t.Fatalf("%+v, want %s %s", a, code, reason)
	}
	for _, w := range words {
		if !strings.Contains(a.Err.Error(), w) {
			t.Errorf("%v does not say %q", a.Err, w)
		}
	}
}

// Calls of one message travel in one, with the caller's credentials and in his
// words, and each gets the leader's own answer.
func TestCallsTravelTogether(t *testing.T) {
	leader := lead(t, says(`[{"jsonrpc":"2.0","result":null,"id":1},
		{"jsonrpc":"2.0","error":{"code":-32004,"message":"other","data":{"reason":"job","retry":"no","pointer":"/job/id"}},"id":2},
		{"jsonrpc":"2.0","result":{"id":"a"},"id":0}]`))
	got := pass(t, &guide{leaders: []relay.Leader{{Name: "s1", Address: leader.url + "/", Term: 7}}}, `{"job": {}}`, `[1]`, `[2]`)
	if string(got[0].Result) != `{"id":"a"}` || string(got[1].Result) != `null` {
		t.Errorf("results %+v", got)
	}
	refusal, ok := errors.AsType[*jsonrpc.Error](got[2].Err)
	if !ok || refusal.Code != -32004 || *refusal.Data != (jsonrpc.Data{Reason: "job", Retry: "no", Pointer: "/job/id"}) {
		t.Errorf("the third: %+v", got[2])
	}
	m := leader.sent[0]
	if m.header.Get("Authorization") != "Bearer its own" || m.header.Get("Horus-Forwarded-By") != "s2" {
		t.Errorf("headers %v", m.header)
	}
	wantBody := `[{"jsonrpc":"2.0","method":"jobs.submit","params":{"job": {}},"id":0},` +
		`{"jsonrpc":"2.0","method":"jobs.submit","params":[1],"id":1},{"jsonrpc":"2.0","method":"jobs.submit","params":[2],"id":2}]`
	if m.body != wantBody || leader.times() != 1 {
		t.Errorf("sent %d times, first %s", leader.times(), m.body)
	}
}

// A call that was passed on goes no further.
func TestNothingIsPassedOnTwice(t *testing.T) {
	leader := lead(t, says(`{}`))
	r := relay.New(relay.Config{Name: "s2", Guide: &guide{leaders: []relay.Leader{{Name: "s1", Address: leader.url, Term: 7}}}})
	got := r.Pass(caller(t, "s3"), []jsonrpc.Outgoing{{Method: method("keys.add", false)}})
	want(t, got[0], domain.TryAgain, "not_leader", "s1", leader.url)
	if leader.times() != 0 {
		t.Error("it was passed on")
	}
}

// What could not be sent goes to whoever leads next; so does what was answered
// by one who led no more, and nothing else.
func TestTheNextLeaderIsAsked(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	ready := lead(t, func(w http.ResponseWriter, r *http.Request) { answerAll(w, r) })
	g := &guide{leaders: []relay.Leader{{Name: "s1", Address: dead.URL, Term: 7}, {Name: "s3", Address: ready.url, Term: 8}}}
	if got := pass(t, g, `[1]`); string(got[0].Result) != `"led"` {
		t.Errorf("after a leader that is gone: %+v", got)
	}
	was := lead(t, says(`[{"id":0,"result":1},{"id":1,"error":{"code":-32011,"message":"no","data":{"reason":"not_leader","retry":"later"}}}]`))
	g.leaders[0].Address = was.url
	got := pass(t, g, `[1]`, `[2]`)
	if string(got[0].Result) != `1` || string(got[1].Result) != `"led"` {
		t.Errorf("after a leader that leads no more: %+v", got)
	}
	if last := ready.sent[1].body; !strings.Contains(last, `[2]`) || strings.Contains(last, `[1]`) {
		t.Errorf("the next leader was sent %s", last)
	}
}

// answerAll answers every call of a message.
func answerAll(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, `[{"id":0,"result":"led"},{"id":1,"result":"led"}]`)
	_ = r
}

// What may have been carried out is sent to nobody else, and the caller knows.
func TestALostAnswerIsSaidToBeLost(t *testing.T) {
	next := lead(t, answerAll)
	for name, spoil := range map[string]http.HandlerFunc{
		"the connection breaks": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a proxy answers":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"no JSON":               says(`[{"id":0`),
		"another's answer":      says(`[{"id":5,"result":1}]`),
		"an answer of nothing":  says(`[{"id":0}]`),
	} {
		t.Run(name, func(t *testing.T) {
			leader := lead(t, spoil)
			got := pass(t, &guide{leaders: []relay.Leader{{Name: "s1", Address: leader.url, Term: 7}, {Name: "s3", Address: next.url, Term: 8}}}, `[1]`)
			want(t, got[0], domain.Indeterminate, "leader_unreachable", "s1", leader.url, "same id")
			if leader.times() != 1 || next.times() != 0 {
				t.Errorf("sent %d times, and %d times to the next leader", leader.times(), next.times())
			}
		})
	}
}

// A call does not wait for a leader who leads no more.
func TestACallEndsWithItsLeadersTerm(t *testing.T) {
	over := make(chan struct{})
	leader := lead(t, func(_ http.ResponseWriter, r *http.Request) {
		close(over)
		<-r.Context().Done()
	})
	begin := time.Now()
	got := pass(t, &guide{leaders: []relay.Leader{{Name: "s1", Address: leader.url, Term: 7, Over: over}}}, `[1]`)
	want(t, got[0], domain.Indeterminate, "leader_unreachable")
	if took := time.Since(begin); took > 10*time.Second { // an answer alone is waited for longer
		t.Errorf("it ended after %s", took)
	}
}

// A refusal of the whole message is everybody's.
func TestAMessageIsRefused(t *testing.T) {
	leader := lead(t, says(`{"jsonrpc":"2.0","error":{"code":-32007,"message":"large","data":{"reason":"size","retry":"no"}},"id":null}`))
	for _, a := range pass(t, &guide{leaders: []relay.Leader{{Name: "s1", Address: leader.url, Term: 7}}}, `[1]`, `[2]`) {
		if e, ok := errors.AsType[*jsonrpc.Error](a.Err); !ok || e.Code != -32007 {
			t.Errorf("%+v", a)
		}
	}
}

// Where nobody can be asked, the caller learns who should be, and when to ask
// again.
func TestNobodyCanBeAsked(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for address, words := range map[string][]string{
		"":                       {"nobody leads"},
		dead.URL:                 {"s1", dead.URL},
		"http://10.0.0.1:3030":   {"s1", "--advertise https://"},
		"http://127.0.0.1:2":     {"s1", "--advertise https://", "this supervisor's"},
		"ftp://127.0.0.1:2":      {"s1", "https://"},
		"http://u:p@127.0.0.1:2": {"s1"},
	} {
		g := &guide{}
		reason := "no_leader"
		if address != "" {
			g.leaders, reason = []relay.Leader{{Name: "s1", Address: address, Term: 7}}, "leader_unreachable"
		}
		got := pass(t, g, `[1]`)
		want(t, got[0], domain.TryAgain, reason, words...)
	}
}

// A leader that says it listens on this machine, when it is on another one, gave
// the address of whoever listens here: callers' secrets are not for him.
func TestALeaderOnItsOwnMachineAlone(t *testing.T) {
	somebody := lead(t, answerAll)
	g := &guide{leaders: []relay.Leader{{Name: "s1", Address: somebody.url, Term: 7}}}
	for self, sent := range map[string]bool{"https://s2.example.org": false, "http://127.0.0.1:2": true, "https://localhost:2": true} {
		r := relay.New(relay.Config{Name: "s2", Self: self, Guide: g})
		before := somebody.times()
		got := r.Pass(caller(t, ""), []jsonrpc.Outgoing{{Method: method("jobs.submit", false)}})[0]
		if refused := domain.ReasonOf(got.Err) == "leader_unreachable"; refused == sent || (somebody.times() > before) == refused {
			t.Errorf("at %s: %v", self, got.Err)
		}
		r.Close()
	}
}

// The caller is answered with numbers and words that programs can follow.
func TestWordsOfAnswers(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	r := relay.New(relay.Config{Name: "s2", Guide: &guide{leaders: []relay.Leader{{Name: "s1", Address: dead.URL, Term: 7}}}})
	s, err := jsonrpc.New([]jsonrpc.Method{*method("m", false)}, jsonrpc.Options{Relay: r})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Error jsonrpc.Error }
	if err := json.Unmarshal(s.Handle(t.Context(), []byte(`{"jsonrpc":"2.0","method":"m","id":1}`)), &answer); err != nil {
		t.Fatal(err)
	}
	e := answer.Error
	if e.Code != -32011 || e.Data.Reason != "leader_unreachable" || e.Data.Retry != "later" || e.Data.AfterMS != 500 || !strings.Contains(e.Message, dead.URL) {
		t.Errorf("%+v %+v", e, e.Data)
	}
}

func TestAddresses(t *testing.T) {
	good := []string{"http://127.0.0.1:3030", "http://localhost:3030", "http://[::1]:3030/", "https://horus.example.org", "https://10.0.0.1:3030/horus"}
	bad := []string{"", "10.0.0.1:3030", "http://10.0.0.1:3030", "http://0.0.0.0:3030", "http://[::]:3030", "https://", "https://u:p@x", "https://x?a=b", "https://x#y", "unix:///x", "http://localhost.example.org"}
	for _, address := range slices.Concat(good, bad) {
		if err := relay.CheckAddress(address); (err == nil) != slices.Contains(good, address) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Only so much waits at once.
func TestTheRelayIsBounded(t *testing.T) {
	const long = 128
	release, stopping, arrived := make(chan struct{}), make(chan struct{}), make(chan struct{}, 2*long)
	leader := lead(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
			answerAll(w, r)
		case <-r.Context().Done():
		}
	})
	r := relay.New(relay.Config{
		Name: "s2", Stopping: stopping,
		Guide: &guide{leaders: []relay.Leader{{Name: "s1", Address: leader.url, Term: 7}}},
	})
	t.Cleanup(r.Close)
	outcomes := make(chan error, 2*long)
	for range long + 5 {
		go func() {
			outcomes <- r.Pass(caller(t, ""), []jsonrpc.Outgoing{{Method: method("job.run", true)}})[0].Err
		}()
	}
	for range 5 {
		if err := <-outcomes; domain.CodeOf(err) != domain.Overloaded {
			t.Errorf("one too many: %v", err)
		}
	}
	big := []jsonrpc.Outgoing{{Method: method("jobs.submit", false), Params: make([]byte, 64<<20+1)}}
	if err := r.Pass(caller(t, ""), big)[0].Err; domain.ReasonOf(err) != "relay_full" {
		t.Errorf("too large: %v", err)
	}
	for range long {
		<-arrived
	}
	close(stopping) // whoever waits for a job is sent away
	for range long {
		if err := <-outcomes; domain.CodeOf(err) != domain.Indeterminate {
			t.Errorf("while stopping: %v", err)
		}
	}
	close(release)
	if got := r.Pass(caller(t, ""), []jsonrpc.Outgoing{{Method: method("jobs.submit", false)}}); string(got[0].Result) != `"led"` {
		t.Errorf("with room again: %+v", got)
	}
}
