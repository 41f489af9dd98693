package job_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

var byText = cmp.Options{
	cmp.Comparer(func(a, b job.ID) bool { return a == b }),
	cmp.Comparer(func(a, b job.Queue) bool { return a == b }),
}

func TestADocumentSaysWhatItAsksFor(t *testing.T) {
	id, err := job.ParseID("Nightly_1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, doc string
		want      job.Spec
		queue     string
	}{
		{
			name: "nothing but what is required", doc: `{"payload":"x","executor":"sh"}`, queue: "executor:sh",
			want: job.Spec{Payload: "x", Executor: "sh", Timeout: 300 * time.Second, Policy: attempts(3)},
		},
		{
			name: "everything", queue: "runner:r1",
			doc: `{"id":"Nightly_1","caller_id":"me","context_id":"demo","payload":"x","executor":"sh","runner":"r1",` +
				`"timeout":86400,"max_attempts":25,"env_vars":{"A":"b","_c9":""},"not_after":"2026-01-02T13:00:00+01:00",` +
				`"audience":"horus","created_at":"yesterday","updated_at":""}`,
			want: job.Spec{
				ID: id, CallerID: "me", ContextID: "demo", Payload: "x", Executor: "sh", Runner: "r1",
				Timeout: 24 * time.Hour, Policy: attempts(25), Env: map[string]string{"A": "b", "_c9": ""},
				NotAfter: noon, Audience: "horus",
			},
		},
		{
			name: "when, and again", queue: "runner:r1",
			doc: `{"payload":"x","runner":"r1","run_at":"2026-01-02T13:00:00+01:00","expires_at":"2026-01-02T12:00:00.000001Z",` +
				`"retry_on":["timeout","error"],"backoff":{"initial_ms":10,"factor":10,"max_ms":86400000}}`,
			want: job.Spec{
				Payload: "x", Runner: "r1", Timeout: 300 * time.Second, RunAt: noon, Expires: noon + 1,
				Policy: job.Policy{
					MaxAttempts: 3, OnError: true, OnTimeout: true,
					Backoff: job.Backoff{Initial: 10 * time.Millisecond, Factor: 10, Max: 24 * time.Hour},
				},
			},
		},
		{
			name: "a delay, and a back-off that begins above the usual ceiling", queue: "runner:r1",
			doc: `{"payload":"x","runner":"r1","delay":31622400,"retry_on":[],"backoff":{"initial_ms":3600000,"factor":1}}`,
			want: job.Spec{
				Payload: "x", Runner: "r1", Timeout: 300 * time.Second, Delay: 366 * 24 * time.Hour,
				Policy: job.Policy{MaxAttempts: 3, Backoff: job.Backoff{Initial: time.Hour, Factor: 1, Max: time.Hour}},
			},
		},
		{
			name: "a delay of nothing", queue: "runner:r1", doc: `{"payload":"x","runner":"r1","delay":0,"backoff":{}}`,
			want: job.Spec{Payload: "x", Runner: "r1", Timeout: 300 * time.Second, Policy: attempts(3)},
		},
		{
			name: "a runner alone", doc: `{"payload":"x","runner":"r1","timeout":1,"max_attempts":1}`, queue: "runner:r1",
			want: job.Spec{Payload: "x", Runner: "r1", Timeout: time.Second, Policy: attempts(1)},
		},
		{
			name: "the original's word for osiris", doc: `{"payload":"x","executor":"osis"}`, queue: "executor:osiris",
			want: job.Spec{Payload: "x", Executor: "osiris", Timeout: 300 * time.Second, Policy: attempts(3)},
		},
		{
			name: "null for what may be missing", doc: `{"id":null,"payload":"x","executor":"sh","timeout":null,"env_vars":null}`, queue: "executor:sh",
			want: job.Spec{Payload: "x", Executor: "sh", Timeout: 300 * time.Second, Policy: attempts(3)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := mustOpen(t, []byte(tt.doc))
			if diff := cmp.Diff(tt.want, o.Spec, byText); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if got := o.Spec.Queue().String(); got != tt.queue {
				t.Errorf("queue %s, want %s", got, tt.queue)
			}
		})
	}
}

// bigEnv is n variables.
func bigEnv(n int) string {
	vars := make([]string, n)
	for i := range vars {
		vars[i] = fmt.Sprintf(`"V%d":"x"`, i)
	}
	return `{` + strings.Join(vars, ",") + `}`
}

func TestADocumentHasBounds(t *testing.T) {
	for _, tt := range []struct{ name, member, reason, pointer string }{
		{"timeout 0", `"timeout":0`, "bounds", "/timeout"},
		{"a negative timeout", `"timeout":-1`, "bounds", "/timeout"},
		{"a timeout of more than a day", `"timeout":86401`, "bounds", "/timeout"},
		{"a timeout of 10^12", `"timeout":1000000000000`, "bounds", "/timeout"},
		{"a timeout of 2^53", `"timeout":9007199254740992`, "number", "/timeout"},
		{"a timeout of -0", `"timeout":-0`, "number", "/timeout"},
		{"a timeout of 1e2", `"timeout":1e2`, "type", "/timeout"},
		{"a timeout of 0.1", `"timeout":0.1`, "type", "/timeout"},
		{"a timeout in a string", `"timeout":"1"`, "type", "/timeout"},
		{"no attempt", `"max_attempts":0`, "bounds", "/max_attempts"},
		{"26 attempts", `"max_attempts":26`, "bounds", "/max_attempts"},
		{"10^9 attempts", `"max_attempts":1000000000`, "bounds", "/max_attempts"},
		{"attempts that are no number", `"max_attempts":NaN`, "syntax", "/max_attempts"},
		{"a member that is not known", `"priority":5`, "unknown_member", "/priority"},
		{"a member in capitals", `"Timeout":5`, "unknown_member", "/Timeout"},
		{"a member twice", `"timeout":5,"timeout":5`, "duplicate", "/timeout"},
		{"a member twice, once escaped", `"timeout":5,"time\u006fut":5`, "duplicate", "/timeout"},
		{"half a surrogate", `"caller_id":"\ud800"`, "utf8", "/caller_id"},
		{"a caller of 257", `"caller_id":"` + strings.Repeat("x", 257) + `"`, "bounds", "/caller_id"},
		{"a context of 257", `"context_id":"` + strings.Repeat("x", 257) + `"`, "bounds", "/context_id"},
		{"an audience of 65", `"audience":"` + strings.Repeat("x", 65) + `"`, "bounds", "/audience"},
		{"a nonce of 65", `"not_after":"2026-01-02T12:00:00Z","nonce":"` + strings.Repeat("x", 65) + `"`, "bounds", "/nonce"},
		{"a nonce of two words", `"not_after":"2026-01-02T12:00:00Z","nonce":"a b"`, "bounds", "/nonce"},
		{"a nonce with a letter that has an accent", `"not_after":"2026-01-02T12:00:00Z","nonce":"é"`, "bounds", "/nonce"},
		{"a nonce that is a number", `"not_after":"2026-01-02T12:00:00Z","nonce":1`, "type", "/nonce"},
		{"a nonce for ever", `"nonce":"n1"`, "bounds", "/nonce"},
		{"a nonce of nobody's", `"not_after":"2026-01-02T12:00:00Z","nonce":"n1"`, "form", "/nonce"},
		{"an end that is no time", `"not_after":"soon"`, "time", "/not_after"},
		{"an end that is a number", `"not_after":1767355200`, "type", "/not_after"},
		{"the end of no time", `"not_after":"1970-01-01T00:00:00Z"`, "time", "/not_after"},

		{"a retry after what nobody knows", `"retry_on":["luck"]`, "bounds", "/retry_on/0"},
		{"a retry after a loss, which always is", `"retry_on":["lost"]`, "bounds", "/retry_on/0"},
		{"a retry after a refusal", `"retry_on":["error","rejected"]`, "bounds", "/retry_on/1"},
		{"a retry in capitals", `"retry_on":["Error"]`, "bounds", "/retry_on/0"},
		{"a retry twice", `"retry_on":["error","error"]`, "bounds", "/retry_on"},
		{"three retries", `"retry_on":["error","timeout","error"]`, "bounds", "/retry_on"},
		{"a retry that is no list", `"retry_on":"error"`, "type", "/retry_on"},
		{"a back-off that is no object", `"backoff":5`, "type", "/backoff"},
		{"a back-off of what nobody knows", `"backoff":{"jitter":1}`, "unknown_member", "/backoff/jitter"},
		{"a back-off of 9 ms", `"backoff":{"initial_ms":9}`, "bounds", "/backoff/initial_ms"},
		{"a back-off of more than an hour", `"backoff":{"initial_ms":3600001}`, "bounds", "/backoff/initial_ms"},
		{"a back-off of half a millisecond", `"backoff":{"initial_ms":10.5}`, "type", "/backoff/initial_ms"},
		{"a back-off that does not grow", `"backoff":{"factor":0}`, "bounds", "/backoff/factor"},
		{"a back-off that shrinks", `"backoff":{"factor":-2}`, "bounds", "/backoff/factor"},
		{"a back-off that grows too fast", `"backoff":{"factor":11}`, "bounds", "/backoff/factor"},
		{"a factor of 1.5", `"backoff":{"factor":1.5}`, "type", "/backoff/factor"},
		{"a ceiling of more than a day", `"backoff":{"max_ms":86400001}`, "bounds", "/backoff/max_ms"},
		{"a ceiling of nothing", `"backoff":{"max_ms":0}`, "bounds", "/backoff/max_ms"},
		{"a ceiling below the usual start", `"backoff":{"max_ms":999}`, "bounds", "/backoff/max_ms"},
		{"a ceiling below its start", `"backoff":{"initial_ms":50,"max_ms":49}`, "bounds", "/backoff/max_ms"},
		{"a start that is no time", `"run_at":"tomorrow"`, "time", "/run_at"},
		{"a start that is a number", `"run_at":1767355200`, "type", "/run_at"},
		{"a day that is none", `"run_at":"2026-02-30T12:00:00Z"`, "time", "/run_at"},
		{"a start and a delay", `"run_at":"2026-01-02T12:00:00Z","delay":5`, "bounds", "/delay"},
		{"a start and a delay of nothing", `"run_at":"2026-01-02T12:00:00Z","delay":0`, "bounds", "/delay"},
		{"a negative delay", `"delay":-1`, "bounds", "/delay"},
		{"a delay of more than 366 days", `"delay":31622401`, "bounds", "/delay"},
		{"a delay of 10^15", `"delay":1000000000000000`, "bounds", "/delay"},
		{"a delay in a string", `"delay":"5m"`, "type", "/delay"},
		{"an expiry that is no time", `"expires_at":"never"`, "time", "/expires_at"},
		{"an expiry before the start", `"run_at":"2026-01-02T12:00:00Z","expires_at":"2026-01-02T11:59:59.999999Z"`, "bounds", "/expires_at"},
		{"an end before the start", `"run_at":"2026-01-02T12:00:00Z","not_after":"2026-01-02T11:59:59.999999Z"`, "bounds", "/not_after"},

		{"65 variables", `"env_vars":` + bigEnv(65), "env", "/env_vars"},
		{"1,000 variables", `"env_vars":` + bigEnv(1000), "env", "/env_vars"},
		{"LD_PRELOAD", `"env_vars":{"LD_PRELOAD":"/tmp/x.so"}`, "env", "/env_vars"},
		{"PATH", `"env_vars":{"PATH":"/tmp"}`, "env", "/env_vars"},
		{"HORUS_JOB_ID", `"env_vars":{"HORUS_JOB_ID":"j2"}`, "env", "/env_vars"},
		{"a name with =", `"env_vars":{"A=B":"x"}`, "env", "/env_vars"},
		{"no name", `"env_vars":{"":"x"}`, "env", "/env_vars"},
		{"a name that begins with a digit", `"env_vars":{"9A":"x"}`, "env", "/env_vars"},
		{"a name with a dash", `"env_vars":{"A-B":"x"}`, "env", "/env_vars"},
		{"a name with a NUL", `"env_vars":{"A\u0000":"x"}`, "env", "/env_vars"},
		{"a name of 129", `"env_vars":{"` + strings.Repeat("A", 129) + `":"x"}`, "env", "/env_vars"},
		{"a value with a NUL", `"env_vars":{"A":"x\u0000y"}`, "env", "/env_vars"},
		{"a value of 4,097", `"env_vars":{"A":"` + strings.Repeat("x", 4097) + `"}`, "env", "/env_vars"},
		{"a value that is a number", `"env_vars":{"A":1}`, "type", "/env_vars/A"},
	} {
		o, err := opened([]byte(`{"payload":"x","executor":"sh",` + tt.member + `}`))
		if domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != tt.reason {
			t.Errorf("%s: %+v, %v; want the reason %s", tt.name, o, err, tt.reason)
			continue
		}
		if got := err.(*domain.Error).Pointer; got != tt.pointer { //nolint:errorlint // the package returns it bare
			t.Errorf("%s: pointer %q, want %q", tt.name, got, tt.pointer)
		}
		if len(err.Error()) > 200 {
			t.Errorf("%s: a message of %d bytes", tt.name, len(err.Error()))
		}
	}
	for name, doc := range map[string]string{
		"64 variables":       `{"payload":"x","executor":"sh","env_vars":` + bigEnv(64) + `}`,
		"a name of 128":      `{"payload":"x","executor":"sh","env_vars":{"` + strings.Repeat("A", 128) + `":""}}`,
		"a value of 4,096":   `{"payload":"x","executor":"sh","env_vars":{"A":"` + strings.Repeat("x", 4096) + `"}}`,
		"a caller of 256":    `{"payload":"x","executor":"sh","caller_id":"` + strings.Repeat("é", 256) + `"}`,
		"a line in a value":  `{"payload":"x","executor":"sh","env_vars":{"A":"x\ny"}}`,
		"names like those":   `{"payload":"x","executor":"sh","env_vars":{"LDX":"","HORUS":"","PATHS":"","path":""}}`,
		"a NUL in a payload": `{"payload":"\u0000","executor":"sh"}`,
	} {
		if _, err := opened([]byte(doc)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADocumentNamesWhatIsRequired(t *testing.T) {
	for _, tt := range []struct{ name, doc, reason string }{
		{"no payload", `{"executor":"sh"}`, "bounds"},
		{"an empty payload", `{"payload":"","executor":"sh"}`, "bounds"},
		{"neither runner nor executor", `{"payload":"x"}`, "bounds"},
		{"nothing", `{}`, "bounds"},
		{"a list", `[]`, "type"},
		{"a string", `"x"`, "type"},
		{"no JSON", `{`, "syntax"},
		{"no text", ``, ""},
		{"more after it", `{"payload":"x","executor":"sh"}{}`, "trailing"},
		{"space around it", ` {"payload":"x","executor":"sh"}`, "syntax"},
	} {
		o, err := opened([]byte(tt.doc))
		if domain.CodeOf(err) != domain.Invalid || tt.reason != "" && domain.ReasonOf(err) != tt.reason {
			t.Errorf("%s: %+v, %v; want the reason %s", tt.name, o, err, tt.reason)
		}
	}
	if _, err := opened([]byte(`{"payload":"x","executor":"sh"}`)); err != nil {
		t.Errorf("an unsigned job may leave its id to the server: %v", err)
	}
	if _, err := opened(enveloped(t, job.PayloadType, `{"payload":"x","executor":"sh"}`, 1)); domain.ReasonOf(err) != "id" {
		t.Errorf("a signed job without an id: %v", err)
	}
}

func TestNamesCannotForgeAKey(t *testing.T) {
	for _, name := range []string{
		"a{b", "a}b", "a*", "a?", "[a]", "a:b", "a/b", `a\\b`, `a\u0000`, `a\n`, "..", ".a", "-", "+", ">", "$", "-a", "_a", "STREAMS", "é",
		strings.Repeat("a", 65),
	} {
		for _, member := range []string{"runner", "executor"} {
			doc := fmt.Sprintf(`{"payload":"x","%s":"%s"}`, member, name)
			if o, err := opened([]byte(doc)); domain.ReasonOf(err) != "name" {
				t.Errorf("%s: %+v, %v; want a refusal", doc, o, err)
			}
		}
		doc := fmt.Sprintf(`{"payload":"x","executor":"sh","id":"%s"}`, name)
		if o, err := opened([]byte(doc)); domain.ReasonOf(err) != "id" && name != "STREAMS" && len(name) != 65 {
			t.Errorf("%s: %+v, %v; want a refusal", doc, o, err)
		}
	}
	for _, name := range []string{"a", "9", "a.b_c-d", strings.Repeat("a", 64)} {
		if _, err := opened([]byte(`{"payload":"x","runner":"` + name + `","executor":"` + name + `"}`)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The tag of a limit counts characters, and what has the limit is bytes: a
// payload of 256 Ki four-byte characters was one MiB, a variable of 4 Ki such
// characters 16 KiB.
func TestLimitsOfBytesCountBytes(t *testing.T) {
	doc := func(payload, value string) []byte {
		return []byte(`{"payload":"` + payload + `","executor":"sh","env_vars":{"A":"` + value + `"}}`)
	}
	const wide = "\U0001F600" // four bytes
	for _, tt := range []struct {
		name   string
		doc    []byte
		reason string
	}{
		{"a payload at the limit", doc(strings.Repeat("x", job.MaxPayloadBytes), ""), ""},
		{"a payload above it", doc(strings.Repeat("x", job.MaxPayloadBytes+1), ""), "size"},
		{"a wide payload at the limit", doc(strings.Repeat(wide, job.MaxPayloadBytes/4), ""), ""},
		{"a wide payload above it", doc(strings.Repeat(wide, job.MaxPayloadBytes/4)+"x", ""), "size"},
		{"a wide value at the limit", doc("x", strings.Repeat(wide, job.MaxEnvBytes/4)), ""},
		{"a wide value above it", doc("x", strings.Repeat(wide, job.MaxEnvBytes/4)+"x"), "env"},
		{"a payload of escapes below the limit of documents", doc(strings.Repeat(`\u0001`, 120_000), ""), ""},
		{"a document above its limit", doc(strings.Repeat(`\u0001`, job.MaxDocumentBytes/6), ""), "size"},
	} {
		if _, err := opened(tt.doc); domain.ReasonOf(err) != tt.reason {
			t.Errorf("%s: %v, want the reason %q", tt.name, err, tt.reason)
		}
	}
}

// The event of the largest job, with all signatures, is one that can be read.
func TestTheLargestJobFitsAnEvent(t *testing.T) {
	frame := `{"id":"` + strings.Repeat("j", 128) + `","payload":"","executor":"sh"}`
	fill := strings.Repeat(`\u0001`, (job.MaxDocumentBytes-len(frame))/6)
	o := mustOpen(t, enveloped(t, job.PayloadType, strings.Replace(frame, `"payload":""`, `"payload":"`+fill+`"`, 1), 1, 2, 3, 4, 5, 6, 7, 8))
	events, err := job.Decide(job.State{}, job.Submit{Job: o, Namespace: "horus", At: noon, By: event.ByClient(string(o.Signers[0]))})
	if err != nil {
		t.Fatal(err)
	}
	data := event.Append(nil, event.Header{
		Namespace: strings.Repeat("n", 64), Aggregate: event.Aggregate{Kind: event.Job, ID: o.Spec.ID.String()},
		Version: 1, At: noon, Actor: event.ByClient(string(o.Signers[0])), Trace: strings.Repeat("0", 55),
	}, events[0])
	if _, err := event.Parse(data); err != nil {
		t.Error(err)
	}
}

func TestAJobIsForItsAudienceAndItsTime(t *testing.T) {
	for _, tt := range []struct {
		name     string
		audience string
		notAfter event.Time
		now      event.Time
		reason   string
	}{
		{"it names neither", "", 0, noon, ""},
		{"it is for us", "horus", 0, noon, ""},
		{"it is for another", "hero", 0, noon, "audience"},
		{"it is for us in capitals", "HORUS", 0, noon, "audience"},
		{"its last instant", "", noon, noon, ""},
		{"after it", "", noon, noon + 1, "not_after"},
	} {
		s := job.Spec{Audience: tt.audience, NotAfter: tt.notAfter}
		if err := s.CheckFor("horus", tt.now); domain.ReasonOf(err) != tt.reason || err != nil && domain.CodeOf(err) != domain.Expired {
			t.Errorf("%s: %v, want the reason %q", tt.name, err, tt.reason)
		}
	}
}

func TestAJobComesInItsTime(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name    string
		spec    job.Spec
		code    domain.Code
		reason  string
		pointer string
	}{
		{"whenever", job.Spec{}, 0, "", ""},
		{"at its last instant", job.Spec{Expires: noon}, 0, "", ""},
		{"after it", job.Spec{Expires: noon - 1}, domain.Expired, "expires_at", ""},
		{"366 days ahead", job.Spec{RunAt: noon.Add(366 * day)}, 0, "", ""},
		{"more than 366 days ahead", job.Spec{RunAt: noon.Add(366*day) + 1}, domain.Invalid, "bounds", "/run_at"},
		{"when its start has passed", job.Spec{RunAt: noon - 1}, 0, "", ""},
		{"when its start has passed, but not its end", job.Spec{RunAt: noon - hour, Expires: noon}, 0, "", ""},
		{"with a delay up to its end", job.Spec{Delay: time.Hour, Expires: noon + hour}, 0, "", ""},
		{"with a delay behind its end", job.Spec{Delay: time.Hour, Expires: noon + hour - 1}, domain.Invalid, "bounds", "/expires_at"},
		{"with a delay up to its signature's end", job.Spec{Delay: time.Hour, NotAfter: noon + hour}, 0, "", ""},
		{"with a delay behind its signature's end", job.Spec{Delay: time.Hour, NotAfter: noon + hour - 1}, domain.Invalid, "bounds", "/not_after"},
	} {
		err := tt.spec.CheckTimes(noon)
		if domain.ReasonOf(err) != tt.reason || err != nil && domain.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want the reason %q", tt.name, err, tt.reason)
			continue
		}
		if e, ok := err.(*domain.Error); ok && e.Pointer != tt.pointer { //nolint:errorlint // the package returns it bare
			t.Errorf("%s: pointer %q, want %q", tt.name, e.Pointer, tt.pointer)
		}
	}
	for _, tt := range []struct {
		spec job.Spec
		want event.Time
	}{
		{job.Spec{}, 0},
		{job.Spec{RunAt: noon}, 0},
		{job.Spec{RunAt: noon + 1}, noon + 1},
		{job.Spec{Delay: time.Second}, noon + 1_000_000},
	} {
		if got := tt.spec.Start(noon); got != tt.want {
			t.Errorf("%+v starts at %s, want %s", tt.spec, got, tt.want)
		}
	}
}

func TestIDsQueuesAndWordsParse(t *testing.T) {
	for _, text := range []string{"a", "A9", "0", "a.b_c-d", strings.Repeat("x", 128)} {
		id, err := job.ParseID(text)
		if err != nil || id.String() != text || id.IsZero() {
			t.Errorf("ParseID(%s) = %v, %v", text, id, err)
		}
	}
	for _, text := range []string{"", ".a", "-a", "_a", "a/b", "a b", "a:b", "é", "a\x00", strings.Repeat("x", 129)} {
		if id, err := job.ParseID(text); domain.ReasonOf(err) != "id" || !id.IsZero() {
			t.Errorf("ParseID(%q) = %v, %v", text, id, err)
		}
	}
	for _, text := range []string{"runner:r1", "executor:sh", ""} {
		var q job.Queue
		err := q.UnmarshalText([]byte(text))
		back, err2 := q.MarshalText()
		if err != nil || err2 != nil || string(back) != text || q.IsZero() != (text == "") {
			t.Errorf("queue %q came back as %q: %v, %v", text, back, err, err2)
		}
	}
	for _, text := range []string{"", "runner", "runner:", ":r1", "Runner:r1", "runner:R1", "runner:a:b", "group:g", " runner:r1"} {
		if q, err := job.ParseQueue(text); domain.ReasonOf(err) != "queue" {
			t.Errorf("ParseQueue(%q) = %v, %v", text, q, err)
		}
	}
	for _, s := range job.Statuses() {
		if got, err := job.ParseStatus(s.String()); got != s || err != nil {
			t.Errorf("status %v came back as %v, %v", s, got, err)
		}
	}
	for _, text := range []string{"", "none", "Queued", "lost"} {
		if s, err := job.ParseStatus(text); err == nil {
			t.Errorf("ParseStatus(%q) = %v", text, s)
		}
	}
}

// attempts is the policy of a job that says no more.
func attempts(n uint32) job.Policy {
	return job.Policy{MaxAttempts: n, Backoff: job.Backoff{Initial: time.Second, Factor: 2, Max: 5 * time.Minute}}
}
