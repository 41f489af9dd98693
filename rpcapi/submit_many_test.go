package rpcapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// verdict is what became of one job.
type verdict struct {
	Receipt *struct {
		ID        string
		State     string
		Duplicate bool
	}
	Error struct {
		Code    int
		Message string
		Data    struct{ Reason, Pointer string }
	}
}

// many submits jobs at once; bulk may be empty.
func (s *server) many(t *testing.T, bulk string, jobs ...string) (verdicts []verdict, code int, reason string) {
	t.Helper()
	params := `{"jobs":[` + strings.Join(jobs, ",") + `]`
	if bulk != "" {
		params += `,"bulk":` + bulk
	}
	got := s.call("jobs.submit_many", params+"}")
	if got.Error.Code != 0 {
		return nil, got.Error.Code, got.Error.Data.Reason
	}
	var answer struct{ Verdicts []verdict }
	if err := json.Unmarshal(got.Result, &answer); err != nil || len(answer.Verdicts) != len(jobs) {
		t.Fatalf("%s: %v", got.Result, err)
	}
	return answer.Verdicts, 0, ""
}

func bulkOf(key signing.PrivateKey, jobs ...string) string {
	docs := make([][]byte, len(jobs))
	for i, text := range jobs {
		docs[i] = []byte(text)
	}
	return string(job.SignBulk("horus", docs, key).Append(nil))
}

func numbered(n int) []string {
	jobs := make([]string, n)
	for i := range jobs {
		jobs[i] = fmt.Sprintf(`{"id":"m%d","payload":"echo %d","executor":"sh"}`, i, i)
	}
	return jobs
}

// Each of many is told what it would be told alone, in its place.
func TestSubmitManyJudgesEachAlone(t *testing.T) {
	s := newServer(t, nil)
	alice, bob, ann := rpcapitest.Key(3), rpcapitest.Key(4), rpcapitest.Secp256k1Key(5)
	s.Admit(alice, access.Client, "alice", 0)
	s.Admit(ann, access.Client, "ann", 0)
	s.bearer = userSecret
	text := func(id string) string { return `{"id":"` + id + `","payload":"x","runner":"r1"}` }
	got, _, _ := s.many(t, "",
		envelope(text("a"), alice), text("b"), envelope(text("c"), bob), envelope(text("a"), alice),
		strings.Replace(signed(t, text("d"), alice), `"x"`, `"y"`, 1), signed(t, text("e"), ann), envelope(text("a"), ann), "null", `{"id":"f","runner":"r1"}`)
	want := []int{0, -32001, -32002, 0, -32001, 0, -32004, -32602, -32602}
	for i, v := range got {
		if v.Error.Code != want[i] || (v.Receipt != nil) != (want[i] == 0) {
			t.Errorf("job %d: %+v, want %d", i, v, want[i])
		}
	}
	if !got[3].Receipt.Duplicate || got[0].Receipt.Duplicate {
		t.Error("the second of two that are the same is the duplicate")
	}
	if p := got[8].Error.Data.Pointer; p != "/jobs/8/payload" {
		t.Errorf("the error is at %q", p)
	}
}

// What fits into a commit is one: nobody ever sees half of it.
func TestSubmitManyIsOneCommitWhenItFits(t *testing.T) {
	for n, want := range map[int]int{256: 1, 257: 2, job.MaxBulk: 4} {
		s := newServer(t, nil)
		alice := rpcapitest.Key(3)
		s.Admit(alice, access.Client, "alice", 0)
		s.bearer = userSecret
		before, err := s.Store.Tip(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		jobs := numbered(n)
		got, code, _ := s.many(t, bulkOf(alice, jobs...), jobs...)
		if code != 0 {
			t.Fatal(code)
		}
		for i, v := range got {
			if v.Receipt == nil || v.Receipt.ID != fmt.Sprintf("m%d", i) || v.Receipt.State != "queued" {
				t.Fatalf("job %d: %+v", i, v)
			}
		}
		if commits := commitsAfter(t, s, before); commits != want {
			t.Errorf("%d jobs took %d commits, want %d", n, commits, want)
		}
		again, _, _ := s.many(t, bulkOf(alice, jobs...), jobs...)
		alone := s.call("jobs.submit", `{"job":`+envelope(jobs[n-1], alice)+`}`)
		if !again[0].Receipt.Duplicate || !strings.Contains(string(alone.Result), `"duplicate":true`) {
			t.Errorf("the same again: %+v, %s", again[0], alone.Result)
		}
	}
}

// commitsAfter counts the seals behind a place.
func commitsAfter(t *testing.T, s *server, tip eventstore.Tip) (n int) {
	t.Helper()
	raws, err := s.Store.Read(t.Context(), tip.Seq, 2000)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range raws {
		if len(raw.Seal) > 0 {
			n++
		}
	}
	return n
}

func TestABulkThatIsNoneIsRefusedAsAWhole(t *testing.T) {
	s := newServer(t, nil)
	alice, bob := rpcapitest.Key(3), rpcapitest.Key(4)
	s.Admit(alice, access.Client, "alice", 0)
	s.bearer = userSecret
	jobs := numbered(3)
	for name, c := range map[string]struct {
		bulk   string
		code   int
		reason string
	}{
		"of other jobs": {bulkOf(alice, jobs[:2]...), -32001, "bulk"},
		"of no base64":  {strings.Replace(bulkOf(alice, jobs...), `"payload":"`, `"payload":"*`, 1), -32602, "payload"},
		"another type":  {strings.Replace(bulkOf(alice, jobs...), job.BulkType, job.PayloadType, 1), -32602, "bounds"},
	} {
		if _, code, reason := s.many(t, c.bulk, jobs...); code != c.code || reason != c.reason {
			t.Errorf("%s: %d %s, want %d %s", name, code, reason, c.code, c.reason)
		}
	}
	got, _, _ := s.many(t, bulkOf(bob, jobs...), jobs...)
	for _, v := range got {
		if v.Error.Code != -32002 {
			t.Errorf("signed by nobody who may: %+v", v)
		}
	}
	if _, code, _ := s.many(t, "", numbered(job.MaxBulk+1)...); code != -32602 {
		t.Errorf("too many: %d", code)
	}
	if _, code, _ := s.many(t, ""); code != -32602 {
		t.Errorf("none: %d", code)
	}
}
