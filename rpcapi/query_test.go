package rpcapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

type page struct {
	Jobs []struct {
		ID, State string
	}
	Cursor   string
	Position uint64
	Lag      uint64
}

func (s *server) page(params string) (p page) {
	s.t.Helper()
	a := s.call("jobs.query", params)
	if a.Error.Code != 0 {
		s.t.Fatalf("%s: %+v", params, a.Error)
	}
	if err := json.Unmarshal(a.Result, &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (p page) ids() (ids []string) {
	for _, j := range p.Jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// Lists are in pages, the newest job first, and choose by what a job is for and
// where it stands.
func TestQuery(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	for i, target := range []string{`"runner":"r1"`, `"executor":"sh"`, `"runner":"r1","executor":"sh"`, `"runner":"r2"`, `"runner":"r1"`} {
		if e := s.call("jobs.submit", fmt.Sprintf(`[{"id":"j%d","payload":"x",%s}]`, i+1, target)).Error; e.Code != 0 {
			t.Fatal(e)
		}
	}
	r := s.Runner("r1")
	r.Start("j1")
	r.Complete("j5", "done")
	s.Settle()
	for params, want := range map[string][]string{
		`{}`:                                  {"j5", "j4", "j3", "j2", "j1"},
		`{"runner":"r1"}`:                     {"j5", "j3", "j1"},
		`{"executor":"sh"}`:                   {"j3", "j2"},
		`{"states":["queued"]}`:               {"j4", "j3", "j2"},
		`{"states":["running","completed"]}`:  {"j5", "j1"},
		`{"states":["failed"]}`:               nil,
		`{"states":["queued"],"runner":"r1"}`: {"j3"},
		`{"runner":"nobody"}`:                 nil,
		`[["completed"],"r1"]`:                {"j5"},
	} {
		if diff := cmp.Diff(want, s.page(params).ids()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", params, diff)
		}
	}
	var ids []string
	for cursor, pages := "", 0; ; pages++ {
		p := s.page(fmt.Sprintf(`{"limit":2,"cursor":%q}`, cursor))
		if p.Position == 0 || p.Lag != 0 {
			t.Errorf("a settled list is at %d, %d behind", p.Position, p.Lag)
		}
		ids = append(ids, p.ids()...)
		if cursor = p.Cursor; cursor == "" || pages > 5 {
			break
		}
	}
	if diff := cmp.Diff([]string{"j5", "j4", "j3", "j2", "j1"}, ids); diff != "" {
		t.Errorf("page by page (-want +got):\n%s", diff)
	}
}

// What a list may be asked for.
func TestQueryBounds(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = userSecret
	for params, reason := range map[string]string{
		`{"limit":0}`: "bounds", `{"limit":1001}`: "bounds", `{"limit":-1}`: "bounds", `{"limit":1e2}`: "type",
		`{"cursor":"nonsense"}`: "cursor", `{"states":["done"]}`: "state", `{"states":"queued"}`: "type",
		`{"runner":"R1"}`: "pattern", `{"runner":"r*"}`: "pattern", `{"executor":"a:b"}`: "pattern", `{"nope":1}`: "unknown_member",
	} {
		if e := s.call("jobs.query", params).Error; e.Code != -32602 || e.Data.Reason != reason {
			t.Errorf("%s: %+v, want reason %s", params, e, reason)
		}
	}
}

// lagging lists a job that was deleted since.
type lagging struct{ rpcapi.Jobs }

func (l lagging) List(ctx context.Context, q wire.JobQuery, queues ...job.Queue) (wire.JobPage, error) {
	page, err := l.Jobs.List(ctx, q, queues...)
	page.Jobs = append([]wire.JobSummary{{ID: "deleted"}}, page.Jobs...)
	return page, err
}

// A list may lag, and name a job that was deleted since. jobs.list and
// get_runner_logs then answered that there is no such job, and nothing else.
func TestAListThatLagsLosesNoAnswer(t *testing.T) {
	s := newServer(t, func(c *rpcapi.Config) {
		countersign(c)
		c.Backend.Jobs = lagging{c.Backend.Jobs}
	})
	s.bearer = userSecret
	r := s.Runner("r1")
	for _, id := range []string{"deleted", "kept"} {
		s.call("jobs.submit", `{"job":{"id":"`+id+`","payload":"x","runner":"r1"}}`)
		r.Start(id, "line of "+id)
		r.Complete(id, "")
	}
	s.call("job.delete", `{"id":"deleted"}`)
	s.Settle()
	for method, params := range map[string]string{"jobs.list": "[]", "list_jobs": "[]", "get_runner_logs": `["r1"]`} {
		got := s.call(method, params)
		if text := string(got.Result); got.Error.Code != 0 || !strings.Contains(text, "kept") || strings.Contains(text, "deleted") {
			t.Errorf("%s: %s %+v", method, text, got.Error)
		}
	}
}
