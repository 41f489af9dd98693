package rpcapi_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// storied starts a server with a history: jobs j1 and j2, of which r1 completed
// the first.
func storied(t *testing.T) *server {
	s := newServer(t, countersign)
	s.bearer = userSecret
	s.call("jobs.submit", `[{"id":"j1","payload":"x","runner":"r1"}]`)
	s.call("jobs.submit", `[{"id":"j2","payload":"x","runner":"r2"}]`)
	s.Runner("r1").Complete("j1", "done")
	return s
}

// names are the types and aggregates of events.
func names(t *testing.T, events []wire.LogEvent) (list []string) {
	t.Helper()
	for i := range events {
		e, err := event.Parse(events[i].Bytes())
		if err != nil {
			t.Fatal(err)
		}
		kind, id, _ := strings.Cut(e.Aggregate.String(), "/")
		if kind == "report" {
			id = "…" // a process' number
		}
		list = append(list, e.Type+" "+kind+"/"+id)
	}
	return list
}

// A filter gives just what it says, each event with what proves it; whoever reads
// on gets the same, one by one.
func TestFilteredEvents(t *testing.T) {
	s := storied(t)
	for name, c := range map[string]struct {
		query wire.EventQuery
		want  string
	}{
		"a job":              {wire.EventQuery{Aggregate: "job/j1"}, "[job.submitted job/j1 job.started job/j1 job.completed job/j1]"},
		"a type":             {wire.EventQuery{Types: []string{"job.submitted"}}, "[job.submitted job/j1 job.submitted job/j2]"},
		"types of all jobs":  {wire.EventQuery{Types: []string{"job.start*", "job.completed"}, Aggregate: "job/*"}, "[job.started job/j1 job.completed job/j1]"},
		"a prefix":           {wire.EventQuery{Aggregate: "job/j*", Types: []string{"job.completed"}}, "[job.completed job/j1]"},
		"a runner":           {wire.EventQuery{Runner: "r1", Types: []string{"job.*"}}, "[job.started job/j1 job.completed job/j1]"},
		"a runner's bundles": {wire.EventQuery{Runner: "r1", Types: []string{"runner.reported"}}, "[runner.reported report/… runner.reported report/…]"},
		"nothing":            {wire.EventQuery{Aggregate: "job/none"}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			whole, err := s.auditor().Events(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(names(t, whole.Events)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if whole.Next != whole.End || whole.Durable != whole.End {
				t.Errorf("next %d, durable %d, end %d", whole.Next, whole.Durable, whole.End)
			}
			one := 1
			c.query.Limit = &one
			for i := range whole.Events {
				if err := whole.Events[i].Check(rpcapitest.Namespace); err != nil {
					t.Error(err)
				}
				page, err := s.auditor().Events(t.Context(), c.query)
				if err != nil || len(page.Events) != 1 || page.Events[0].Seq != whole.Events[i].Seq {
					t.Fatalf("event %d alone: %+v %v", i, page, err)
				}
				c.query.After = page.Next
			}
		})
	}
}

// What a supervisor changed in an event is found by whoever checks its path.
func TestAFilteredEventThatWasChanged(t *testing.T) {
	s := storied(t)
	page, err := s.auditor().Events(t.Context(), wire.EventQuery{Aggregate: "job/j1"})
	if err != nil {
		t.Fatal(err)
	}
	e := page.Events[0]
	for name, change := range map[string]func(*wire.LogEvent){
		"its text":   func(e *wire.LogEvent) { e.Event = strings.Replace(e.Event, "j1", "j3", 1) },
		"its place":  func(e *wire.LogEvent) { e.Seq++ },
		"its seal":   func(e *wire.LogEvent) { e.Seal = page.Events[1].Seal },
		"no seal":    func(e *wire.LogEvent) { e.Seal = "" },
		"its path":   func(e *wire.LogEvent) { e.Path = append(e.Path, strings.Repeat("0", 64)) },
		"a bad hash": func(e *wire.LogEvent) { e.Path = append(e.Path, "none") },
	} {
		changed := e
		changed.Path = append([]string{}, e.Path...)
		if change(&changed); changed.Check(rpcapitest.Namespace) == nil {
			t.Errorf("with %s changed it holds", name)
		}
	}
}

// What is not durable is not told: neither its events, nor where the history ends.
func TestOnlyDurableEventsAreTold(t *testing.T) {
	s := storied(t)
	all, err := s.auditor().Events(t.Context(), wire.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var bound uint64 // the first commit of a job
	for _, e := range all.Events {
		if bound == 0 && strings.Contains(e.Event, `"agg":"job/j1"`) && e.Seal != "" {
			bound = e.Seq
		}
	}
	s.Assure(bound)
	for name, q := range map[string]wire.EventQuery{"all": {}, "of jobs": {Aggregate: "job/*"}} {
		page, err := s.auditor().Events(t.Context(), q)
		if err != nil || page.Next != bound || page.Durable != bound || page.End != all.End {
			t.Errorf("%s: next %d, durable %d, end %d, %v; want %d of %d", name, page.Next, page.Durable, page.End, err, bound, all.End)
		}
	}
	if head, err := s.auditor().Head(t.Context()); err != nil || head.Seq != bound {
		t.Errorf("the head is %d, %v", head.Seq, err)
	}
	s.Assure(0)
	if head, err := s.auditor().Head(t.Context()); err != nil || head.Seq != 0 {
		t.Errorf("the head of nothing is %d, %v", head.Seq, err)
	}
}

// Whoever follows gets every event once, in order, those that come later too.
func TestFollowEvents(t *testing.T) {
	s := storied(t)
	last := uint64(0)
	for e, err := range s.auditor().FollowEvents(t.Context(), wire.EventQuery{}) {
		if err != nil || e.Seq != last+1 {
			t.Fatalf("event %d after %d, %v", e.Seq, last, err)
		}
		if last = e.Seq; strings.Contains(e.Event, `"agg":"job/j3"`) {
			return
		}
		if strings.Contains(e.Event, `"type":"job.completed"`) {
			s.call("jobs.submit", `[{"id":"j3","payload":"x","runner":"r1"}]`)
		}
	}
}

// A history that is shorter than what was read of it is not waited for.
func TestFollowingAShorterHistory(t *testing.T) {
	s := storied(t)
	for _, err := range s.auditor().FollowEvents(t.Context(), wire.EventQuery{After: 1000}) {
		if domain.ReasonOf(err) != "log_shorter" {
			t.Fatalf("%v", err)
		}
	}
}

// Who waits for some events is not answered by others, and hears of the place up
// to which there were none.
func TestWaitingForSomeEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, nil)
		a := b.call("events.read", `{"types":["job.completed"],"secret":"`+userSecret+`"}`)
		if a.Error.Code != -32002 {
			t.Errorf("a user reads the history: %+v", a)
		}
	})
	s := storied(t)
	wait := int64(30)
	page, err := s.auditor().Events(t.Context(), wire.EventQuery{Types: []string{"job.dropped"}, Wait: &wait})
	if err != nil || len(page.Events) != 0 || page.Next != page.End {
		t.Errorf("%+v, %v", page, err)
	}
}

// Filters are bounded.
func TestBoundsOfEventFilters(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = adminSecret
	for _, params := range []string{
		`{"types":["*"]}`, `{"types":["job.*.x"]}`, `{"types":[""]}`, `{"aggregate":"job/\n"}`, `{"aggregate":"job/a*b"}`, `{"runner":"R1"}`,
		`{"types":[` + strings.Repeat(`"a",`, 32) + `"a"]}`,
	} {
		if got := s.call("events.read", params); got.Error.Code != -32602 {
			t.Errorf("%s is answered %s", params, mustJSON(t, got))
		}
	}
}
