package events_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/projections/proofs"
)

// commit is a commit of three jobs.
func commit() *history.Commit {
	p := historytest.Found("horus")
	return p.Commit(func(tx *historytest.Tx) {
		for _, id := range []string{"j1", "j2", "j3"} {
			tx.Submit(id, historytest.Job{})
		}
	})
}

func TestADocumentProvesItsEvent(t *testing.T) {
	c := commit()
	for i := range c.Entries {
		proof := proofs.Of(c, c.Entries[i].Seq)
		e, err := events.Parse(events.Append(nil, &proof))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(proof, e.Proof); diff != "" {
			t.Errorf("proof (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(c.Entries[i].Header, e.Header); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		if err := e.Verify(historytest.Key("thief").Public()); domain.ReasonOf(err) != "seal" {
			t.Errorf("verified with another key: %v", err)
		}
	}
}

func TestTheSupervisorsKeyVerifies(t *testing.T) {
	p := historytest.Found("horus")
	c := p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	proof := proofs.Of(c, c.Seal.First)
	e, err := events.Parse(events.Append(nil, &proof))
	if err == nil {
		err = e.Verify(p.Supervisor.Public())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestAChangedDocumentIsRefused(t *testing.T) {
	c := commit()
	first, second := proofs.Of(c, c.Seal.First), proofs.Of(c, c.Seal.First+1)
	good := events.Append(nil, &first)
	for name, bad := range map[string][]byte{
		"another event":       bytes.Replace(good, first.Event, second.Event, 1),
		"another place":       bytes.Replace(good, []byte(`"seq":4`), []byte(`"seq":5`), 1),
		"a space":             bytes.Replace(good, []byte(`,"seal"`), []byte(`, "seal"`), 1),
		"another version":     bytes.Replace(good, []byte(`{"v":1,"seq"`), []byte(`{"v":2,"seq"`), 1),
		"a member more":       bytes.Replace(good, []byte(`,"event"`), []byte(`,"x":1,"event"`), 1),
		"something behind it": append(bytes.Clone(good), ' '),
		"a path too long":     bytes.Replace(good, []byte(`"path":[`), []byte(`"path":["`+strings.Repeat(strings.Repeat("00", 32)+`","`, 8)), 1),
		"nothing":             nil,
	} {
		if _, err := events.Parse(bad); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := events.Parse(make([]byte, events.MaxBytes+1)); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("too large: %v", err)
	}
}

// A message says in its metadata what a receiver sorts by, without looking into
// the payload.
func TestAMessageDescribesItsEvent(t *testing.T) {
	c := commit()
	e := &c.Entries[0]
	e.Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	proof := proofs.Of(c, e.Seq)
	msg := events.Message(&e.Recorded, &proof)
	want := map[string]string{
		"type": "job.submitted", "aggregate": "job/j1", "seq": "4", "namespace": "horus", "partition": "0",
		"at": e.At.String(), "traceparent": e.Trace, "correlation_id": "4bf92f3577b34da6a3ce929d0e0e4736",
	}
	if diff := cmp.Diff(want, map[string]string(msg.Metadata)); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if again := events.Message(&e.Recorded, &proof); again.UUID != msg.UUID || len(msg.UUID) != 36 || msg.UUID[14] != '8' {
		t.Errorf("ids %s and %s; want the same UUID of version 8", msg.UUID, again.UUID)
	}
	if other := events.ID("horus", 0, 5, signing.LeafHash(proof.Event)); other == msg.UUID {
		t.Error("an event at another place has the same id")
	}
	for trace, want := range map[string]string{"": "request/7", "nonsense": "request/7"} {
		e.Trace, e.Cause = trace, "request/7"
		if got := events.Correlation(&e.Recorded); got != want {
			t.Errorf("correlation of the trace %q: %s, want %s", trace, got, want)
		}
	}
	e.Cause = ""
	if got := events.Correlation(&e.Recorded); got != "job/j1" {
		t.Errorf("correlation of an event without a cause: %s", got)
	}
}

func TestTypes(t *testing.T) {
	tests := []struct {
		text      string
		has, lack []string
	}{
		{text: "job.completed", has: []string{"job.completed"}, lack: []string{"job.failed", "runner.joined"}},
		{text: "job.completed,job.failed", has: []string{"job.completed", "job.failed"}, lack: []string{"job.started"}},
		{text: "job.*", has: []string{"job.submitted", "job.failed"}, lack: []string{"runner.joined"}},
		{text: "*", has: history.Types()},
		{text: "runner.*,term.began", has: []string{"runner.joined", "runner.reported", "term.began"}, lack: []string{"log.lost"}},
	}
	for _, test := range tests {
		types, err := events.ParseTypes(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		for _, name := range test.has {
			if !types.Has(name) {
				t.Errorf("%s lacks %s", test.text, name)
			}
		}
		for _, name := range test.lack {
			if types.Has(name) {
				t.Errorf("%s has %s", test.text, name)
			}
		}
	}
	for _, bad := range []string{"", ",", "job", "job.complete", "job*", "jo*", "*.completed", "job.completed,job.completed", "job.* ", "JOB.*", strings.Repeat("job.*,", 65)} {
		if _, err := events.ParseTypes(bad); domain.ReasonOf(err) != "types" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	_, err := events.ParseTypes("job.complete")
	for _, name := range []string{"job.complete", (job.Completed{}).EventName(), "job.*"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	c := commit()
	for i := range c.Entries {
		proof := proofs.Of(c, c.Entries[i].Seq)
		seedtest.Add(f, events.Append(nil, &proof))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := events.Parse(data)
		if err != nil {
			return
		}
		if again := events.Append(nil, &e.Proof); !bytes.Equal(again, data) {
			t.Errorf("%q is written as %q", data, again)
		}
	})
}

func FuzzParseTypes(f *testing.F) {
	seedtest.Add(f, "job.completed,job.*", "*")
	f.Fuzz(func(t *testing.T, text string) {
		types, err := events.ParseTypes(text)
		if err == nil && (types.String() != text || types.IsZero()) {
			t.Errorf("%q reads as %q", text, types)
		}
	})
}
