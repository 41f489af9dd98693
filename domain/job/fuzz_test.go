package job_test

import (
	"slices"
	"testing"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
)

// FuzzWords holds that ids, queues, statuses, kinds of failure and reasons of
// loss are read back as they stand, and that an id fits into an aggregate.
func FuzzWords(f *testing.F) {
	seedtest.Add(f, "0194285f-8c3a-7000-8000-000000000001", "runner:r1", "executor:sh", "completed", "timeout", "lease")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := job.ParseID(text); err == nil && (id.String() != text || id.IsZero() || len(text) > 128) {
			t.Errorf("%q is read as the id %s", text, id)
		}
		if q, err := job.ParseQueue(text); err == nil {
			var back job.Queue
			if q.String() != text || back.UnmarshalText([]byte(text)) != nil || back != q {
				t.Errorf("%q is read as the queue %s and as %s", text, q, back)
			}
		}
		if s, err := job.ParseStatus(text); err == nil && (s.String() != text || !slices.Contains(job.Statuses(), s)) {
			t.Errorf("%q is read as the status %s", text, s)
		}
		if k, err := job.ParseFailureKind(text); err == nil && (string(k) != text || text == "") {
			t.Errorf("%q is read as the kind %s", text, k)
		}
		if r, err := job.ParseLossReason(text); err == nil && (string(r) != text || text == "") {
			t.Errorf("%q is read as the reason %s", text, r)
		}
	})
}
