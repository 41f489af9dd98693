package job_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

func TestDecodeEventRefusesWhatCouldNotHaveBeenWritten(t *testing.T) {
	o := asked(t)
	grant := job.Grant{Attempt: 1, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
	queued := string(job.Queued{Grant: grant}.AppendData(nil))
	started := string(job.Started{Attempt: 1, Process: "a1"}.AppendData(nil))
	failed := string(job.Failed{Attempt: 1, Kind: job.FailedError}.AppendData(nil))
	lost := string(job.AttemptLost{Attempt: 1, Reason: job.LostLease}.AppendData(nil))
	one := string(o.Signers[0])
	hash := signing.Hash{1}
	again := string(job.AttemptFailed{Attempt: 1, Kind: job.FailedError, Due: noon}.AppendData(nil))
	kept := string(job.Checkpointed{Attempt: 1, Hash: hash}.AppendData(nil))
	refused := string(job.ReportRefused{Token: hash, Process: "a1", Said: job.SaidFailed}.AppendData(nil))
	replayed := string(job.Replayed{Attempts: 3, Limits: job.Limits{Timeout: time.Second, Expires: noon}}.AppendData(nil))
	grant.Checkpoint, grant.Timeout = hash, time.Minute
	behind := string(job.Queued{Grant: grant}.AppendData(nil))
	planned := string(job.Submitted{Submission: o.Submission, Due: noon}.AppendData(nil))
	for _, tt := range []struct{ name, event, data, old, replacement string }{
		{"attempt 0", "job.completed", `{"attempt":1}`, `1`, `0`},
		{"a negative attempt", "job.completed", `{"attempt":1}`, `1`, `-1`},
		{"an attempt beyond counting", "job.completed", `{"attempt":1}`, `1`, `1073741825`},
		{"another spelling of one", "job.completed", `{"attempt":1}`, `1`, `01`},
		{"a member more", "job.completed", `{"attempt":1}`, `1`, `1,"result":"x"`},
		{"a process without a name", "job.started", started, `"a1"`, `""`},
		{"a kind that is none", "job.failed", failed, "error", "boredom"},
		{"a reason that is none", "job.attempt_lost", lost, "lease", "luck"},
		{"a queue that is none", "job.queued", queued, "executor:sh", "executor/sh"},
		{"a short hash", "job.queued", queued, o.Hash.String(), o.Hash.String()[2:]},
		{"no keys, but a list", "job.queued", queued, `["` + one + `"]`, `[]`},
		{"nine keys", "job.queued", queued, `["` + one + `"]`, `[` + strings.Repeat(`"`+one+`",`, 8) + `"` + one + `"]`},
		{"a short key id", "job.queued", queued, one, one[1:]},
		{"a retry of attempt 0", "job.attempt_failed", again, `"attempt":1`, `"attempt":0`},
		{"a retry after a loss", "job.attempt_failed", again, `"error"`, `"lost"`},
		{"a retry after a refusal", "job.attempt_failed", again, `"error"`, `"rejected"`},
		{"a retry at no time", "job.attempt_failed", again, `,"due":"2026-01-02T12:00:00.000000Z"`, ``},
		{"a retry at a time with few digits", "job.attempt_failed", again, `.000000Z`, `Z`},
		{"a checkpoint in capitals", "job.checkpointed", kept, `"01`, `"0A`},
		{"a checkpoint of attempt 0", "job.checkpointed", kept, `"attempt":1`, `"attempt":0`},
		{"a refusal of what nobody says", "job.report_refused", refused, `"failed"`, `"started"`},
		{"a refusal to nobody", "job.report_refused", refused, `"a1"`, `""`},
		{"a stop of attempt 0", "job.stopping", `{"attempt":1}`, `1`, `0`},
		{"a replay of no attempts", "job.replayed", replayed, `"attempts":3`, `"attempts":0`},
		{"a replay of 26 attempts", "job.replayed", replayed, `"attempts":3`, `"attempts":26`},
		{"a replay without time", "job.replayed", replayed, `"timeout":1`, `"timeout":0`},
		{"a replay for more than a day", "job.replayed", replayed, `"timeout":1`, `"timeout":86401`},
		{"a replay until no time", "job.replayed", replayed, `2026-01-02T12:00:00.000000Z`, ``},
		{"a replay until 1970", "job.replayed", replayed, `2026-01-02T12:00:00.000000Z`, `1970-01-01T00:00:00.000000Z`},
		{"a grant behind nothing", "job.queued", behind, hash.String(), signing.Hash{}.String()},
		{"a grant for no time", "job.queued", behind, `"timeout":60`, `"timeout":0`},
		{"a grant for too long", "job.queued", behind, `"timeout":60`, `"timeout":86401`},
		{"a grant in another order", "job.queued", behind, `,"checkpoint":"` + hash.String() + `","timeout":60`, `,"timeout":60,"checkpoint":"` + hash.String() + `"`},
		{"a grant and a time", "job.submitted", planned, `,"due":`, `,"grant":` + queued[len(`{"grant":`):len(queued)-1] + `,"due":`},
		{"a time that is none", "job.submitted", planned, `2026-01-02T12:00:00.000000Z`, `noon`},
		{"a release for no time", "job.scheduled", `{"due":"2026-01-02T12:00:00.000000Z"}`, `2026-01-02T12:00:00.000000Z`, ``},
		{"a drop that says more", "job.dropped", `{}`, `{}`, `{"why":"x"}`},
		{"a deletion that says nothing", "job.deleted", `{}`, `{}`, ``},
		{"another event's data", "job.queued", started, "", ""},
		{"an unknown name", "job.paused", started, "", ""},
	} {
		data := strings.Replace(tt.data, tt.old, tt.replacement, 1)
		if tt.old != "" && data == tt.data {
			t.Fatalf("%s: nothing was replaced in %s", tt.name, tt.data)
		}
		if e, err := job.DecodeEvent(tt.event, []byte(data)); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %+v, %v; want invalid", tt.name, e, err)
		}
	}
}

func TestASubmissionIsReadOnce(t *testing.T) {
	o := asked(t)
	events, err := job.Decide(job.State{}, job.Submit{Job: o, Namespace: "horus", At: noon, By: client(t, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := events[0].(job.Submitted).Open(); got != o || err != nil {
		t.Errorf("a fresh event opens as %p, %v; want %p", got, err, o)
	}
	e, err := job.DecodeEvent("job.submitted", events[0].AppendData(nil))
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := e.(job.Submitted).Open()
	second, err2 := e.(job.Submitted).Open()
	if err1 != nil || err2 != nil || first != second || first.Hash != o.Hash {
		t.Errorf("a decoded event opens as %p and %p, %v, %v", first, second, err1, err2)
	}
	unreadable, err := job.DecodeEvent("job.submitted", []byte(`{"form":"unsigned","doc":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unreadable.(job.Submitted).Open(); err == nil {
		t.Error("a document that is no job was opened")
	}
}

// FuzzDecodeEvent holds that whatever is read has one spelling.
func FuzzDecodeEvent(f *testing.F) {
	o := asked(f)
	grant := job.Grant{Attempt: 2, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
	behind := grant
	behind.Checkpoint, behind.Timeout = signing.Hash{1}, time.Minute
	for _, e := range []job.Event{
		job.Submitted{Submission: o.Submission, Grant: &grant},
		job.Submitted{Submission: mustOpen(f, listed(f, openDoc, canonical, 1)).Submission},
		job.Queued{Grant: grant},
		job.Started{Attempt: 1, Process: "a1"},
		job.Completed{Attempt: 1},
		job.Failed{Attempt: 1, Kind: job.FailedError},
		job.AttemptLost{Attempt: 1, Reason: job.LostQueue},
		job.Submitted{Submission: mustOpen(f, []byte(`{"payload":"x","runner":"r1","delay":60}`)).Submission, Due: noon},
		job.Scheduled{Due: noon},
		job.Queued{Grant: behind},
		job.Checkpointed{Attempt: 1, Hash: signing.Hash{1}},
		job.AttemptFailed{Attempt: 1, Kind: job.FailedTimeout, Due: noon},
		job.Stopping{Attempt: 1},
		job.Stopped{},
		job.ReportRefused{Token: signing.Hash{1}, Process: "a1", Said: job.SaidStopped},
		job.Replayed{Attempts: 3, Limits: job.Limits{Timeout: time.Minute, Expires: noon}},
		job.Dropped{},
		job.Deleted{},
	} {
		for data := range seedtest.Variants(e.AppendData(nil)) {
			f.Add(e.EventName(), data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e, err := job.DecodeEvent(name, data)
		if err != nil {
			return
		}
		if again := e.AppendData(nil); e.EventName() != name || !bytes.Equal(again, data) {
			t.Errorf("%s %q was read and is written as %s %q", name, data, e.EventName(), again)
		}
	})
}
