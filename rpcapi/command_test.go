package rpcapi_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// state is where a job stands, as job.get says; its error's reason where it says
// none.
func (s *server) state(id string) string {
	s.t.Helper()
	a := s.call("job.get", fmt.Sprintf(`{"id":%q}`, id))
	if a.Error.Code != 0 {
		return a.Error.Data.Reason
	}
	var view struct{ State string }
	if err := json.Unmarshal(a.Result, &view); err != nil {
		s.t.Fatal(err)
	}
	return view.State
}

// must calls a method that answers with a result.
func (s *server) must(method, params string) json.RawMessage {
	s.t.Helper()
	a := s.call(method, params)
	if a.Error.Code != 0 {
		s.t.Fatalf("%s %s: %+v", method, params, a.Error)
	}
	return a.Result
}

// Every job can be stopped; where nothing runs that is the end of it.
func TestStop(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	submit := func(id, more string) {
		s.must("jobs.submit", fmt.Sprintf(`[{"id":%q,"payload":"x","runner":"r1"%s}]`, id, more))
	}
	s.must("jobs.create", `[{"id":"held","payload":"x","runner":"r1"}]`)
	submit("scheduled", `,"delay":60`)
	submit("queued", "")
	submit("running", "")
	submit("retrying", `,"retry_on":["error"]`)
	submit("completed", "")
	r := s.Runner("r1")
	r.Start("running")
	r.Fail("retrying", "no luck", 1)
	r.Complete("completed", "done")
	s.Settle()
	for id, want := range map[string][2]string{
		"held": {"created", "stopped"}, "scheduled": {"scheduled", "stopped"}, "queued": {"queued", "stopping"},
		"running": {"running", "stopping"}, "retrying": {"retrying", "stopped"}, "completed": {"completed", "completed"},
	} {
		before := s.state(id)
		for range 2 { // the second time it is so already
			if got := string(s.must("job.stop", fmt.Sprintf(`{"id":%q}`, id))); got != "null" {
				t.Errorf("job.stop of %s answers %s", id, got)
			}
		}
		if got := [2]string{before, s.state(id)}; got != want {
			t.Errorf("%s: %q before and after the stop, want %q", id, got, want)
		}
	}
	if e := s.call("job.stop", `{"id":"nobody"}`).Error; e.Code != -32003 {
		t.Errorf("a job that nobody submitted: %+v", e)
	}
}

// A job that was deleted is nowhere but in the history, and its id stays taken.
func TestDelete(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	s.must("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
	if e := s.call("job.delete", `{"job_id":"j1"}`).Error; e.Code != -32004 || e.Data.Reason != "not_ended" {
		t.Errorf("a job that waits: %+v", e)
	}
	s.Runner("r1").Complete("j1", "done")
	for range 2 {
		s.must("job.delete", `{"job_id":"j1"}`)
	}
	s.Settle()
	if got := s.state("j1"); got != "deleted" {
		t.Errorf("job.get says %s", got)
	}
	if ids := s.page(`{}`).ids(); len(ids) != 0 {
		t.Errorf("listed: %q", ids)
	}
	if e := s.call("jobs.submit", `[{"id":"j1","payload":"y","runner":"r1"}]`).Error; e.Data.Reason != "id_taken" {
		t.Errorf("another job of that id: %+v", e)
	}
	var again struct {
		State     string
		Duplicate bool
	}
	_ = json.Unmarshal(s.must("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`), &again)
	if again.State != "deleted" || !again.Duplicate {
		t.Errorf("the same job again: %+v", again)
	}
	var history struct{ Events []struct{ Type string } }
	_ = json.Unmarshal(s.must("job.history", `{"id":"j1"}`), &history)
	if n := len(history.Events); n != 4 || history.Events[3].Type != "job.deleted" {
		t.Errorf("its history: %+v", history)
	}
}

type deadDone struct {
	Count   int
	Refused []struct{ ID, Reason string }
	Cursor  string
}

func (s *server) dead(method, params string) (done deadDone) {
	s.t.Helper()
	if err := json.Unmarshal(s.must(method, params), &done); err != nil {
		s.t.Fatal(err)
	}
	return done
}

// Jobs that failed are replayed and dropped, one by one and by filter.
func TestDeadLetters(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	r := s.Runner("r1")
	for i := range 4 {
		s.must("jobs.submit", fmt.Sprintf(`[{"id":"j%d","payload":"x","runner":"r1"}]`, i+1))
		r.Fail(fmt.Sprintf("j%d", i+1), "no luck", 7)
	}
	s.Settle()
	list := func(params string, want ...string) {
		t.Helper()
		var p page
		if err := json.Unmarshal(s.must("dead.list", params), &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.ids()); diff != "" {
			t.Errorf("dead.list %s (-want +got):\n%s", params, diff)
		}
	}
	list(`{}`, "j4", "j3", "j2", "j1")
	list(`{"kind":"lost"}`)
	list(`{"before":"2020-01-01T00:00:00Z"}`)
	for _, params := range []string{`{}`, `{"id":"j1","filter":{}}`} {
		if e := s.call("dead.drop", params).Error; e.Code != -32602 {
			t.Errorf("dead.drop %s: %+v", params, e)
		}
	}
	if done := s.dead("dead.replay", `{"id":"j1","max_attempts":1,"timeout":7}`); done.Count != 1 || s.state("j1") != "queued" {
		t.Errorf("replayed: %+v, and is %s", done, s.state("j1"))
	}
	if e := s.call("dead.replay", `{"id":"j1"}`).Error; e.Code != -32004 || e.Data.Reason != "not_dead" {
		t.Errorf("replayed while it is queued: %+v", e)
	}
	if done := s.dead("dead.drop", `{"id":"j2"}`); done.Count != 1 || s.state("j2") != "dropped" {
		t.Errorf("dropped: %+v, and is %s", done, s.state("j2"))
	}
	s.Settle()
	list(`{}`, "j4", "j3")
	if e := s.call("dead.replay", `{"id":"j2"}`).Error; e.Data.Reason != "not_dead" {
		t.Errorf("replayed when it was dropped: %+v", e)
	}
	if done := s.dead("dead.replay", `{"filter":{"kind":"error"},"expires_at":"2020-01-01T00:00:00Z"}`); done.Count != 0 || len(done.Refused) != 2 || done.Refused[0].Reason != "expires_at" {
		t.Errorf("replayed until long ago: %+v", done)
	}
	if done := s.dead("dead.replay", `{"filter":{"runner":"r1"}}`); done.Count != 2 || done.Cursor != "" {
		t.Errorf("replayed by filter: %+v", done)
	}
	s.Settle()
	list(`{}`)
	r.Complete("j1", "done at last")
	if got := s.state("j1"); got != "completed" {
		t.Errorf("a replayed job that went well is %s", got)
	}
}

// A replay put jobs into a queue that was drained.
func TestADrainedQueueTakesNoReplay(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = adminSecret
	r := s.Runner("r1")
	for _, id := range []string{"j1", "j2"} {
		s.must("jobs.submit", `[{"id":"`+id+`","payload":"x","runner":"r1"}]`)
		r.Fail(id, "no luck", 7)
	}
	s.Settle()
	s.must("queue.drain", `{"queue":"runner:r1"}`)
	if e := s.call("dead.replay", `{"id":"j1"}`).Error; e.Code != -32010 || e.Data.Reason != "queue_drained" || e.Data.Retry != "later" {
		t.Errorf("replayed into a drained queue: %+v", e)
	}
	if done := s.dead("dead.replay", `{"filter":{}}`); done.Count != 0 || len(done.Refused) != 2 || done.Refused[0].Reason != "queue_drained" {
		t.Errorf("replayed by filter: %+v", done)
	}
	if done := s.dead("dead.drop", `{"id":"j2"}`); done.Count != 1 {
		t.Errorf("dropped: %+v", done)
	}
	s.must("queue.resume", `{"queue":"runner:r1"}`)
	if done := s.dead("dead.replay", `{"id":"j1"}`); done.Count != 1 {
		t.Errorf("replayed when it was resumed: %+v", done)
	}
}

// An empty list of messages meant the oldest thousand of them, which went for good.
func TestPoisonNeedsATarget(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = adminSecret
	for _, method := range []string{"poison.drop", "poison.replay"} {
		for _, params := range []string{`{}`, `{"ids":[]}`, `{"all":false}`, `{"ids":["1-0"],"all":true}`} {
			if e := s.call(method, params).Error; e.Code != -32602 || e.Data.Reason != "target" {
				t.Errorf("%s %s: %+v", method, params, e)
			}
		}
		for _, params := range []string{`{"all":true}`, `{"ids":["1-0"]}`} {
			s.must(method, params)
		}
	}
}

// A call that went on with the first of the list replayed those again that had
// failed once more, for as long as they did, and never came to the last ones.
func TestEveryDeadLetterIsReplayedOnce(t *testing.T) {
	const all = 1003
	s := newServer(t, countersign)
	s.bearer = userSecret
	r := s.Runner("r1")
	fail := func(n int) { r.Fail(fmt.Sprintf("j%d", n), "no luck", 7) }
	for n := range all {
		s.must("jobs.submit", fmt.Sprintf(`[{"id":"j%d","payload":"x","runner":"r1"}]`, n))
		fail(n)
	}
	s.Settle()
	first := s.dead("dead.replay", `{"filter":{}}`)
	if first.Count != 1000 || first.Cursor == "" {
		t.Errorf("replayed first: %d, and goes on from %q", first.Count, first.Cursor)
	}
	for n := range 1000 {
		fail(all - 1 - n)
	}
	s.Settle()
	rest := s.dead("dead.replay", fmt.Sprintf(`{"filter":{},"cursor":%q}`, first.Cursor))
	if rest.Count != 3 || rest.Cursor != "" || s.state("j0") != "queued" {
		t.Errorf("replayed then: %+v, and the oldest is %s", rest, s.state("j0"))
	}
	for _, params := range []string{`{"id":"j1","cursor":"x"}`, `{"filter":{},"cursor":"x"}`} {
		if e := s.call("dead.replay", params).Error; e.Code != -32602 {
			t.Errorf("dead.replay %s: %+v", params, e)
		}
	}
}

// A queue that was drained before anybody used it refused jobs, and stood in no
// list in which somebody could have seen why.
func TestADrainedQueueIsListed(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = adminSecret
	s.must("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
	s.must("queue.drain", `{"queue":"executor:sh"}`)
	s.must("queue.pause", `{"queue":"runner:r2"}`)
	s.must("queue.resume", `{"queue":"runner:r2"}`)
	s.Settle()
	var list struct {
		Queues []struct{ Queue, Mode string }
	}
	if err := json.Unmarshal(s.must("queues.list", `{}`), &list); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(list.Queues); got != "[{executor:sh drained} {runner:r1 }]" {
		t.Errorf("queues.list: %s", got)
	}
}

// Whoever follows a job gets its lines as they come, and is told the end.
func TestLogsWaitForLines(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	s.must("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
	type logs struct {
		Lines []struct{ Message string }
		Next  uint64
		Ended bool
	}
	ask := func(after uint64) <-chan logs {
		answer := make(chan logs, 1)
		go func() {
			var l logs
			_ = json.Unmarshal(s.must("job.logs", fmt.Sprintf(`{"id":"j1","after":%d,"wait":30}`, after)), &l)
			answer <- l
		}()
		return answer
	}
	r := s.Runner("r1")
	first := ask(0)
	r.Start("j1", "hello")
	if l := <-first; len(l.Lines) != 1 || l.Next != 1 || l.Ended {
		t.Errorf("the first line: %+v", l)
	}
	last := ask(1)
	r.Complete("j1", "done")
	if l := <-last; len(l.Lines) != 0 || l.Next != 1 || !l.Ended {
		t.Errorf("the end: %+v", l)
	}
}
