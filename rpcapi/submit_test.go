package rpcapi_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// envelope signs a document as DSSE says.
func envelope(doc string, keys ...signing.PrivateKey) string {
	e := signing.Envelope{PayloadType: job.PayloadType, Payload: []byte(doc)}
	for _, key := range keys {
		e.Signatures = append(e.Signatures, signing.EnvelopeSignature{
			KeyID: string(key.Public().ID()), Signature: key.Sign(signing.PAE(job.PayloadType, []byte(doc))),
		})
	}
	return string(e.Append(nil))
}

// signed adds a signatures member, as clients of the original sign.
func signed(t *testing.T, doc string, key signing.PrivateKey) string {
	t.Helper()
	canonical, err := signing.CanonicalWithout([]byte(doc), "signatures")
	if err != nil {
		t.Fatal(err)
	}
	sig := key.Sign(canonical)
	return strings.TrimSuffix(doc, "}") + `,"signatures":[{"public_key":"` + key.Public().String() + `","signature":"` + hex.EncodeToString(sig[:]) + `"}]}`
}

const doc = `{"id":"j1","payload":"echo \u003c é","executor":"sh"}`

// What may be submitted, and what each is told that may not.
func TestSubmit(t *testing.T) {
	alice, bob, old, robot := rpcapitest.Key(3), rpcapitest.Key(4), rpcapitest.Key(5), rpcapitest.Key(6)
	flipped := envelope(doc, alice)
	flipped = strings.Replace(flipped, base64.StdEncoding.EncodeToString([]byte(doc)), base64.StdEncoding.EncodeToString([]byte(strings.Replace(doc, "j1", "j2", 1))), 1)
	for name, c := range map[string]struct {
		job    string
		code   int
		reason string
		at     string
	}{
		"an envelope":                           {job: envelope(doc, alice)},
		"signatures in the job":                 {job: signed(t, doc, alice)},
		"with white space and order of its own": {job: signed(t, `{ "payload":"x",  "runner":"r1", "id":"j1" }`, alice)},
		"a signature of other bytes":            {job: strings.Replace(signed(t, doc, alice), "echo", "rm", 1), code: -32001, reason: "signature"},
		"an envelope of other bytes":            {job: flipped, code: -32001, reason: "signature"},
		"an unsigned one":                       {job: doc, code: -32001, reason: "unsigned"},
		"nobody's key":                          {job: envelope(doc, bob), code: -32002, reason: "key"},
		"a key that has expired":                {job: envelope(doc, old), code: -32002, reason: "key_ended"},
		"a runner's key":                        {job: envelope(doc, robot), code: -32002, reason: "key"},
		"a known and an unknown key":            {job: envelope(doc, alice, bob), code: -32002, reason: "key"},
		"one key twice":                         {job: envelope(doc, alice, alice), code: -32001, reason: "signature"},
		"an envelope of another type":           {job: strings.Replace(envelope(doc, alice), job.PayloadType, "application/vnd.in-toto+json", 1), code: -32001, reason: "payload_type"},
		"a short signature":                     {job: strings.Replace(signed(t, doc, alice), `"signature":"`, `"signature":"00`, 1), code: -32001, reason: "signature"},
		"no signature in the list":              {job: strings.TrimSuffix(doc, "}") + `,"signatures":[]}`, code: -32001, reason: "unsigned"},
		"another audience":                      {job: envelope(`{"id":"j1","payload":"x","runner":"r1","audience":"mars"}`, alice), code: -32005, reason: "audience"},
		"too late":                              {job: envelope(`{"id":"j1","payload":"x","runner":"r1","not_after":"2026-01-02T15:04:04Z"}`, alice), code: -32005, reason: "not_after"},
		"a nonce that nobody signs":             {job: `{"id":"j1","payload":"x","runner":"r1","not_after":"2027-01-02T15:04:04Z","nonce":"n1"}`, code: -32602, reason: "form", at: "/job/nonce"},
		"a nonce for ever":                      {job: signed(t, `{"id":"j1","payload":"x","runner":"r1","nonce":"n1"}`, alice), code: -32602, reason: "bounds", at: "/job/nonce"},
		"a nonce for ever, enveloped":           {job: envelope(`{"id":"j1","payload":"x","runner":"r1","nonce":"n1"}`, alice), code: -32602, reason: "bounds", at: "/job/payload"},
		"a nonce with a newline":                {job: `{"id":"j1","payload":"x","runner":"r1","not_after":"2027-01-02T15:04:04Z","nonce":"n\n1"}`, code: -32602, reason: "bounds", at: "/job/nonce"},
		"signed without an id":                  {job: envelope(`{"payload":"x","runner":"r1"}`, alice), code: -32602, reason: "id", at: "/job/payload"},
		"no payload":                            {job: `{"id":"j1","runner":"r1"}`, code: -32602, reason: "bounds", at: "/job/payload"},
		"neither runner nor kind":               {job: `{"id":"j1","payload":"x"}`, code: -32602, reason: "bounds", at: "/job/executor"},
		"a member that nobody knows":            {job: `{"id":"j1","payload":"x","runner":"r1","nope":1}`, code: -32602, reason: "unknown_member", at: "/job/nope"},
		"a word for a number":                   {job: `{"id":"j1","payload":"x","runner":"r1","timeout":"1"}`, code: -32602, reason: "type", at: "/job/timeout"},
		"no time":                               {job: `{"id":"j1","payload":"x","runner":"r1","timeout":0}`, code: -32602, reason: "bounds", at: "/job/timeout"},
		"too much time":                         {job: `{"id":"j1","payload":"x","runner":"r1","timeout":1000000000000}`, code: -32602, reason: "bounds", at: "/job/timeout"},
		"too many attempts":                     {job: `{"id":"j1","payload":"x","runner":"r1","max_attempts":1000000000}`, code: -32602, reason: "bounds", at: "/job/max_attempts"},
		"a fraction":                            {job: `{"id":"j1","payload":"x","runner":"r1","timeout":1.5}`, code: -32602, reason: "type", at: "/job/timeout"},
		"a number that few can hold":            {job: `{"id":"j1","payload":"x","runner":"r1","timeout":9007199254740993}`, code: -32602, reason: "number", at: "/job/timeout"},
		"a runner that is a pattern":            {job: `{"id":"j1","payload":"x","runner":"r*"}`, code: -32602, reason: "name", at: "/job/runner"},
		"a runner of 65 letters":                {job: `{"id":"j1","payload":"x","runner":"` + strings.Repeat("r", 65) + `"}`, code: -32602, reason: "name", at: "/job/runner"},
		"an id with a newline":                  {job: `{"id":"j\n1","payload":"x","runner":"r1"}`, code: -32602, reason: "id", at: "/job/id"},
		"an id that climbs":                     {job: `{"id":"../j1","payload":"x","runner":"r1"}`, code: -32602, reason: "id", at: "/job/id"},
		"a payload of a byte too much":          {job: `{"id":"j1","payload":"` + strings.Repeat("x", job.MaxPayloadBytes+1) + `","runner":"r1"}`, code: -32602, reason: "size", at: "/job/payload"},
		"the linker's variables":                {job: `{"id":"j1","payload":"x","runner":"r1","env_vars":{"LD_PRELOAD":"x"}}`, code: -32602, reason: "env", at: "/job/env_vars"},
		"a word for a job":                      {job: `"echo"`, code: -32602, reason: "type", at: "/job"},
		"null for a job":                        {job: `null`, code: -32602},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, nil)
			s.bearer = userSecret
			s.Admit(alice, access.Client, "alice", 0)
			s.Admit(old, access.Client, "old", event.At(s.Clock())-1)
			s.Admit(robot, access.Runner, "robot", 0)
			got := s.call("jobs.submit", `{"job":`+c.job+`}`)
			if got.Error.Code != c.code || c.reason != "" && got.Error.Data.Reason != c.reason || got.Error.Data.Pointer != c.at && c.at != "" {
				t.Errorf("answer %+v, want %d %s %s", got.Error, c.code, c.reason, c.at)
			}
			if c.code != 0 {
				if got := s.call("job.get", `["j1"]`).Error.Code; got != -32003 {
					t.Errorf("the job that was refused is there (%d)", got)
				}
				return
			}
			same(t, string(got.Result), `{"id":"j1","state":"queued","durability":"memory","duplicate":false}`)
			var view struct{ Submitter string }
			if err := json.Unmarshal(s.call("job.get", `["j1"]`).Result, &view); err != nil || view.Submitter != "client:"+string(alice.Public().ID()) {
				t.Errorf("the job is from %q (%v)", view.Submitter, err)
			}
		})
	}
}

// Who mistypes a member is told where, in message and pointer alike, and what
// may have been meant.
func TestAMistypedMember(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	const doc = `{"id":"j1","payload":"x","runner":"r1","timeoout":1}`
	for _, c := range []struct{ method, params, pointer string }{
		{"jobs.submit", `{"job":` + doc + `}`, "/job/timeoout"},
		{"create_job", `{"job":` + doc + `}`, "/job/timeoout"},
	} {
		want := `member "` + c.pointer + `" is not known here; did you mean timeout?`
		if got := s.call(c.method, c.params).Error; got.Message != want || got.Data.Pointer != c.pointer {
			t.Errorf("%s: %+v, want %s", c.method, got, want)
		}
	}
	verdicts, _, _ := s.many(t, "", `{"id":"j0","payload":"x","runner":"r1"}`, doc)
	want := `member "/jobs/1/timeoout" is not known here; did you mean timeout?`
	if got := verdicts[1].Error; got.Message != want || got.Data.Pointer != "/jobs/1/timeoout" {
		t.Errorf("jobs.submit_many: %+v, want %s", got, want)
	}
	if got := s.call("job.get", `{"idd":"j1"}`).Error.Message; got != `member "/idd" is not known here; did you mean id?` {
		t.Errorf("job.get: %s", got)
	}
}

// The bytes that a client signed are in the history as it sent them.
func TestBytesAreKept(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	text := `{ "id":"j1", "payload":"echo \u003c \u00e9 \/ é <&>",` + "\n\t" + `"runner":"r1" }`
	if e := s.call("jobs.submit", `{"job":`+text+`}`).Error; e.Code != 0 {
		t.Fatal(e)
	}
	var history struct{ Events []struct{ Event string } }
	if err := json.Unmarshal(s.call("job.history", `["j1"]`).Result, &history); err != nil {
		t.Fatal(err)
	}
	if len(history.Events) != 1 || !strings.Contains(history.Events[0].Event, text) {
		t.Errorf("the history holds %+v, want %s in it", history, text)
	}
}

// The same job again is the same job; another of its id is a conflict.
func TestSubmitTwice(t *testing.T) {
	s := newServer(t, countersign)
	alice, bob := rpcapitest.Key(3), rpcapitest.Key(4)
	s.Admit(alice, access.Client, "alice", 0)
	s.Admit(bob, access.Client, "bob", 0)
	s.bearer = userSecret
	const again = `{"id":"j1","state":"queued","durability":"memory","duplicate":true}`
	first := envelope(doc, alice)
	s.call("jobs.submit", `{"job":`+first+`}`)
	same(t, string(s.call("jobs.submit", `{"job":`+first+`}`).Result), again)
	for name, other := range map[string]string{
		"of another signer": envelope(doc, bob),
		"of other bytes":    envelope(strings.Replace(doc, ":", ": ", 1), alice),
		"of another form":   signed(t, doc, alice),
		"of no signer":      doc,
	} {
		if e := s.call("jobs.submit", `{"job":`+other+`}`).Error; e.Code != -32004 || e.Data.Reason != "id_taken" {
			t.Errorf("a job %s: %+v", name, e)
		}
	}
	same(t, string(s.call("jobs.submit", `{"job":`+first+`}`).Result), again)
}

// Where there is no room, a new job comes back later. One that is known is
// answered, and goes on: its client may have lost the first answer.
func TestNoRoomForNewJobs(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	const first, second = `{"job":{"id":"j1","payload":"x","runner":"r1"}}`, `{"job":{"id":"j2","payload":"x","runner":"r1"}}`
	for _, method := range []string{"jobs.create", "jobs.submit"} {
		s.Press(nil)
		id := map[string]string{"jobs.create": "held", "jobs.submit": "j1"}[method]
		job := strings.Replace(first, "j1", id, 1)
		if e := s.call(method, job).Error; e.Code != 0 {
			t.Fatal(e)
		}
		s.Press(domain.Errorf(domain.Overloaded, "memory", "Redis is full"))
		if e := s.call(method, second).Error; e.Code != -32010 || e.Data.Reason != "memory" || e.Data.Retry != "later" || e.Data.AfterMS != 5000 {
			t.Errorf("%s without room: %+v", method, e)
		}
		if e := s.call(method, job).Error; e.Code != 0 {
			t.Errorf("%s of a job that is known: %+v", method, e)
		}
	}
	if e := s.call("job.start", `{"job_id":"held"}`).Error; e.Code != 0 {
		t.Errorf("job.start: %+v", e)
	}
	if e := s.call("job.get", `["j2"]`).Error; e.Code != -32003 {
		t.Errorf("the job that was refused is there: %+v", e)
	}
	s.Press(nil)
	same(t, string(s.call("jobs.submit", second).Result), `{"id":"j2","state":"queued","durability":"memory","duplicate":false}`)
}

// A queue that is drained takes no new job, held or not, and none that was held
// before. One that is known is answered as ever.
func TestNoNewJobsForADrainedQueue(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = adminSecret
	const first, second = `{"job":{"id":"j1","payload":"x","runner":"r1"}}`, `{"job":{"id":"j2","payload":"x","runner":"r1"}}`
	for _, method := range []string{"jobs.create", "jobs.submit"} {
		id := map[string]string{"jobs.create": "held", "jobs.submit": "j1"}[method]
		job := strings.Replace(first, "j1", id, 1)
		if e := s.call(method, job).Error; e.Code != 0 {
			t.Fatal(e)
		}
		s.call("queue.drain", `{"queue":"runner:r1"}`)
		if e := s.call(method, second).Error; e.Code != -32010 || e.Data.Reason != "queue_drained" || e.Data.Retry != "later" {
			t.Errorf("%s for a drained queue: %+v", method, e)
		}
		if e := s.call(method, job).Error; e.Code != 0 {
			t.Errorf("%s of a job that is known: %+v", method, e)
		}
		if e := s.call(method, strings.NewReplacer("r1", "r2", "j2", "other-"+id).Replace(second)).Error; e.Code != 0 {
			t.Errorf("%s for another queue: %+v", method, e)
		}
		s.call("queue.resume", `{"queue":"runner:r1"}`)
		if e := s.call(method, strings.Replace(second, "j2", "new-"+id, 1)).Error; e.Code != 0 {
			t.Errorf("%s when it was resumed: %+v", method, e)
		}
		s.call("queue.pause", `{"queue":"runner:r1"}`)
		if e := s.call(method, strings.Replace(second, "j2", "late-"+id, 1)).Error; e.Code != 0 {
			t.Errorf("%s for a paused queue: %+v", method, e)
		}
	}
	s.call("queue.drain", `{"queue":"runner:r1"}`)
	if e := s.call("job.start", `{"job_id":"held"}`).Error; e.Code != -32010 || e.Data.Reason != "queue_drained" || e.Data.Retry != "later" {
		t.Errorf("job.start of a held job: %+v", e)
	}
	if e := s.call("job.start", `{"job_id":"j1"}`).Error; e.Code != 0 {
		t.Errorf("job.start of a job that was queued before: %+v", e)
	}
	s.call("queue.resume", `{"queue":"runner:r1"}`)
	if e := s.call("job.start", `{"job_id":"held"}`).Error; e.Code != 0 {
		t.Errorf("job.start when it was resumed: %+v", e)
	}
}

// A job that nobody signed is of the API key that brought it, and gets an id.
func TestUnsigned(t *testing.T) {
	s := newServer(t, func(c *rpcapi.Config) {
		c.Unsigned = rpcapi.Countersign
		c.NewID = func() string { return "made" }
	})
	s.bearer = userSecret
	same(t, string(s.call("jobs.submit", `[{"payload":"x","runner":"r1"}]`).Result),
		`{"id":"made","state":"queued","durability":"memory","duplicate":false}`)
	var view struct{ Submitter string }
	if err := json.Unmarshal(s.call("job.get", `["made"]`).Result, &view); err != nil || view.Submitter != "key:user" {
		t.Errorf("the job is from %q (%v)", view.Submitter, err)
	}
	s.bearer = adminSecret
	if e := s.call("jobs.submit", `[{"id":"made","payload":"x","runner":"r1"}]`).Error; e.Code != -32004 {
		t.Errorf("the same job from another API key: %+v", e)
	}
}

// Many submits at once are each judged alone, whatever company they are checked
// in.
func TestCompany(t *testing.T) {
	s := newServer(t, nil)
	alice, bob := rpcapitest.Key(3), rpcapitest.Key(4)
	s.Admit(alice, access.Client, "alice", 0)
	s.bearer = userSecret
	const callers, batch = 8, 32
	var running sync.WaitGroup
	for c := range callers {
		running.Go(func() {
			var calls []string
			for i := range batch {
				id := fmt.Sprintf("j-%d-%d", c, i)
				text := envelope(`{"id":"`+id+`","payload":"x","runner":"r1"}`, alice)
				switch i % 3 {
				case 1:
					text = envelope(`{"id":"`+id+`","payload":"x","runner":"r1"}`, bob)
				case 2:
					text = strings.Replace(signed(t, `{"id":"`+id+`","payload":"x","runner":"r1"}`, alice), `"x"`, `"y"`, 1)
				}
				calls = append(calls, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"jobs.submit","params":{"job":%s}}`, i, text))
			}
			var answers []struct {
				ID    int
				Error struct{ Code int }
			}
			if err := json.Unmarshal([]byte(s.post("["+strings.Join(calls, ",")+"]")), &answers); err != nil || len(answers) != batch {
				t.Error(len(answers), err)
			}
			for _, a := range answers {
				if want := []int{0, -32002, -32001}[a.ID%3]; a.Error.Code != want {
					t.Errorf("submit %d of caller %d: %d, want %d", a.ID, c, a.Error.Code, want)
				}
			}
		})
	}
	running.Wait()
}

// A notification could not be answered, so it submits nothing.
func TestNotifiedSubmit(t *testing.T) {
	s := newServer(t, countersign)
	s.bearer = userSecret
	if got := s.post(`{"jsonrpc":"2.0","method":"jobs.submit","params":[{"id":"j1","payload":"x","runner":"r1"}]}`); got != "" {
		t.Errorf("answer %s", got)
	}
	if got := s.call("job.get", `["j1"]`).Error.Code; got != -32003 {
		t.Errorf("the job is there (%d)", got)
	}
}
