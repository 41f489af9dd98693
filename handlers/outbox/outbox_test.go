package outbox_test

import (
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/outbox"
	"github.com/herocode/horus/projections/proofs"
)

func TestParseTopic(t *testing.T) {
	tests := []struct {
		text string
		want outbox.Topic // but for its types
	}{
		{"jobs=job.completed,job.failed", outbox.Topic{Name: "jobs"}},
		{"jobs=job.*;max=1000", outbox.Topic{Name: "jobs", Max: 1000}},
		{"a.b-c_1=*;from=start;max=100000000", outbox.Topic{Name: "a.b-c_1", Max: 100_000_000, From: journal.Start}},
	}
	for _, test := range tests {
		got, err := outbox.ParseTopic(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got.Name != test.want.Name || got.Max != test.want.Max || got.From != test.want.From || got.Types.IsZero() {
			t.Errorf("%s reads as %s", test.text, got)
		}
	}
	for _, bad := range []string{
		"", "jobs", "jobs=", "=job.completed", "Jobs=job.completed", "jobs=job.complete", "jobs=job.*;", "jobs=job.*;max=999",
		"jobs=job.*;max=01000", "jobs=job.*;max=1e6", "jobs=job.*;max=100000001", "jobs=job.*;max=2000;max=2000", "jobs=job.*;from=now",
		"jobs=job.*;x=1", "a{b}=job.*", "a:b=job.*", strings.Repeat("a", 59) + "=job.*",
	} {
		if _, err := outbox.ParseTopic(bad); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseTopics(t *testing.T) {
	topics, err := outbox.ParseTopics(" a=job.*  b=runner.*;max=5000\n")
	if err != nil || len(topics) != 2 || topics[0].Keeps() != outbox.DefaultMax || topics[1].Keeps() != 5000 {
		t.Errorf("two topics read as %v, %v", topics, err)
	}
	if topics, err := outbox.ParseTopics(""); err != nil || len(topics) != 0 {
		t.Errorf("no topics read as %v, %v", topics, err)
	}
	many := strings.Repeat("x=* ", outbox.MaxTopics+1)
	for _, bad := range []string{"a=job.* a=runner.*", "a=job.* b", many} {
		if _, err := outbox.ParseTopics(bad); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := outbox.CheckTopics([]outbox.Topic{{Name: "a"}}); err == nil {
		t.Error("a topic for nothing may be filled")
	}
}

func FuzzParseTopic(f *testing.F) {
	seedtest.Add(f, "jobs=job.completed,job.*;max=5000;from=start")
	f.Fuzz(func(t *testing.T, text string) {
		topic, err := outbox.ParseTopic(text)
		if err != nil {
			return
		}
		again, err := outbox.ParseTopic(topic.String())
		if err != nil || again.String() != topic.String() {
			t.Errorf("%q reads as %q, and that as %q, %v", text, topic, again, err)
		}
		if err := outbox.CheckTopics([]outbox.Topic{topic}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// A batch of events becomes as many messages, each as if it had come alone.
func TestABatchIsTakenApart(t *testing.T) {
	p := historytest.Found("horus")
	c := p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Submit("j2", historytest.Job{})
	})
	batch := message.NewMessage("batch", nil)
	var want message.Messages
	for i := range c.Entries {
		proof := proofs.Of(c, c.Entries[i].Seq)
		batch.Payload = append(events.Append(batch.Payload, &proof), '\n')
		want = append(want, events.Message(&c.Entries[i].Recorded, &proof))
	}
	topic, err := outbox.ParseTopic("jobs=job.*")
	if err != nil {
		t.Fatal(err)
	}
	handle := topic.Fill("stream", nil).Handle
	got, err := handle(batch)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d messages, %v; want %d", len(got), err, len(want))
	}
	for i := range want {
		if !want[i].Equals(got[i]) {
			t.Errorf("message %d (-want +got):\n%s%s", i, cmp.Diff(want[i].Metadata, got[i].Metadata), cmp.Diff(string(want[i].Payload), string(got[i].Payload)))
		}
	}
	batch.Payload[3]++
	if _, err := handle(batch); domain.CodeOf(err) != domain.Invalid {
		t.Errorf("a batch that was changed: %v", err)
	}
}
