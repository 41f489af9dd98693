package job_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
)

func TestDecodeEventRefusesWhatCouldNotHaveBeenWritten(t *testing.T) {
	o := asked(t)
	grant := job.Grant{Attempt: 1, Queue: o.Spec.Queue(), Job: o.Hash, Keys: o.Signers}
	queued := string(job.Queued{Grant: grant}.AppendData(nil))
	started := string(job.Started{Attempt: 1, Process: "a1"}.AppendData(nil))
	failed := string(job.Failed{Attempt: 1, Kind: job.FailedError}.AppendData(nil))
	lost := string(job.AttemptLost{Attempt: 1, Reason: job.LostLease}.AppendData(nil))
	one := string(o.Signers[0])
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
	for _, e := range []job.Event{
		job.Submitted{Submission: o.Submission, Grant: &grant},
		job.Submitted{Submission: mustOpen(f, listed(f, openDoc, canonical, 1)).Submission},
		job.Queued{Grant: grant},
		job.Started{Attempt: 1, Process: "a1"},
		job.Completed{Attempt: 1},
		job.Failed{Attempt: 1, Kind: job.FailedError},
		job.AttemptLost{Attempt: 1, Reason: job.LostQueue},
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
