package rpcapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tellable is a clock that stands still until it is told otherwise.
type tellable struct {
	mu sync.Mutex
	at time.Time
}

func (c *tellable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *tellable) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// fenced is a server with jobs of several queues, of which the caller may touch
// those of r1 and sh.
func fenced(t *testing.T) (s *server, key string) {
	t.Helper()
	s = newServer(t, countersign)
	s.bearer = adminSecret
	for id, target := range map[string]string{
		"mine": `"runner":"r1"`, "kind": `"executor":"sh"`, "theirs": `"runner":"r2","executor":"sh"`, "other": `"executor":"sal"`, "gone": `"runner":"r2"`,
	} {
		s.must("jobs.submit", fmt.Sprintf(`{"job":{"id":%q,"payload":"x",%s}}`, id, target))
	}
	s.must("jobs.create", `{"job":{"id":"held","caller_id":"c","context_id":"x","payload":"x","executor":"sal","runner":"r2"}}`)
	r2 := s.Runner("r2")
	r2.Fail("theirs", "no luck", 7)
	r2.Complete("gone", "done")
	s.must("job.delete", `{"id":"gone"}`)
	s.Runner("r1").Fail("mine", "no luck", 7)
	key = s.addSecret(`{"name":"bound","scope":"user","runners":["r1"],"kinds":["sh"]}`)
	s.Settle()
	return s, key
}

// Of a job that an API key is not bound to its holder is told, byte for byte,
// what he is told of a job that there is not.
func TestABoundKeyLearnsNothingOfOtherJobs(t *testing.T) {
	s, key := fenced(t)
	s.bearer = key
	for _, m := range []string{
		"job.get", "job.explain", "job.wait", "job.logs", "job.history", "job.stop", "job.delete", "dead.get", "dead.replay", "dead.drop",
		"job.start", "get_job", "get_job_logs", "job.status", "job.result", "get_job_result", "delete_job",
	} {
		ask := func(id string) string {
			params := `{"id":"` + id + `"}`
			if strings.Contains(m, "_job") || m == "job.start" || m == "job.status" || m == "job.result" {
				params = `{"job_id":"` + id + `"}`
			}
			return s.post(`{"jsonrpc":"2.0","id":1,"method":"` + m + `","params":` + params + `}`)
		}
		unknown := ask("never")
		if !strings.Contains(unknown, "-32003") {
			t.Errorf("%s of a job that there is not: %s", m, unknown)
		}
		for _, id := range []string{"theirs", "other", "held", "gone"} {
			if got := ask(id); got != unknown {
				t.Errorf("%s of %s: %s, but of a job that there is not: %s", m, id, got, unknown)
			}
		}
	}
}

// What the key is bound to it may touch, and lists are of that alone.
func TestABoundKeyTouchesItsJobs(t *testing.T) {
	s, key := fenced(t)
	s.bearer = key
	for _, params := range []string{`{}`, `{"limit":1}`, `{"runner":"r2"}`, `{"executor":"sh"}`} {
		var ids []string
		for cursor, pages := "", 0; pages < 9; pages++ {
			p := s.page(strings.Replace(params, "{", fmt.Sprintf(`{"cursor":%q%s`, cursor, map[bool]string{true: "", false: ","}[params == "{}"]), 1))
			ids = append(ids, p.ids()...)
			if cursor = p.Cursor; cursor == "" {
				break
			}
		}
		for _, id := range ids {
			if id != "mine" && id != "kind" {
				t.Errorf("%s lists %s", params, id)
			}
		}
		if params == `{}` && len(ids) != 2 {
			t.Errorf("the list is %v", ids)
		}
	}
	for _, m := range []string{"jobs.list", "list_jobs", "dead.list"} {
		if text := string(s.must(m, "[]")); strings.Contains(text, "theirs") || !strings.Contains(text, "mine") {
			t.Errorf("%s: %s", m, text)
		}
	}
	var done struct{ Count int }
	s.must("dead.get", `{"id":"mine"}`)
	if err := json.Unmarshal(s.must("dead.replay", `{"filter":{}}`), &done); err != nil || done.Count != 1 {
		t.Errorf("%d dead jobs were replayed, %v", done.Count, err)
	}
	s.must("job.stop", `{"id":"mine"}`)
	s.must("job.history", `{"id":"kind"}`)
	s.must("jobs.submit", `{"job":{"id":"new","payload":"x","runner":"r1"}}`)
	for _, target := range []string{`"runner":"r2"`, `"executor":"sal"`, `"runner":"r2","executor":"sh"`} {
		e := s.call("jobs.submit", `{"job":{"payload":"x",`+target+`}}`).Error
		if e.Code != -32002 || e.Data.Reason != "bound" {
			t.Errorf("a job for %s: %+v", target, e)
		}
		if got, _, _ := s.many(t, "", `{"payload":"x",`+target+`}`); got[0].Error.Code != -32002 || got[0].Error.Data.Reason != "bound" {
			t.Errorf("one of many, for %s: %+v", target, got)
		}
	}
	s.bearer = adminSecret
	for _, id := range []string{"theirs", "other", "held"} {
		if diff := cmp.Diff(map[string]string{"theirs": "failed", "other": "queued", "held": "created"}[id], s.state(id)); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}
