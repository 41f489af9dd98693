package jobs_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/runnersdk/queue"
)

// Written by hand: a record has this spelling as long as its generation's
// format does.
const (
	heldGolden = `{"state":"created","times":[1767366245000006,0,0,1767366245000006],"queue":"runner:r1","by":"key:web","events":[4]}`
	fullGolden = `{"state":"failed","times":[1,2,3,4],"queue":"executor:sh","by":"client:\"x\"","timer":[7,8,300],` +
		`"attempt":2,"counted":1,"max":5,"refused":3,"runner":"k1","process":"8f3a",` +
		`"kind":"timeout","outcome":[12,3],"stop":[9,10,"key:\"ops\""],"progress":[11,0,12,99],"checkpoint":[13,4,14,65536],` +
		`"output":[2,7],"events":[5,8,12,13]}`
	openGolden = `{"queue":"runner:r1","entry":"1767366245-17","grant":"` +
		`00000000000000000000000000000000000000000000000000000000000000ff"}`
)

func full() jobs.Record {
	return jobs.Record{
		Status: job.Broken, Created: 1, Started: 2, Ended: 3, Updated: 4, Attempt: 2, Queue: job.ExecutorQueue("sh"),
		Runner: "k1", Process: "8f3a", Failure: job.FailedTimeout, Submitter: `client:"x"`,
		Timer:   job.Timer{Due: 7, Expires: 8, Timeout: 300 * time.Second},
		Counted: 1, MaxAttempts: 5, Refused: 3, Stop: jobs.Stop{Seq: 9, At: 10, By: `key:"ops"`},
		Progress:   jobs.Progress{Place: jobs.Place{Seq: 11}, At: 12, Percent: 99},
		Checkpoint: jobs.Checkpoint{Place: jobs.Place{Seq: 13, Index: 4}, At: 14, Bytes: 65536},
		Outcome:    jobs.Place{Seq: 12, Index: 3}, Pieces: 2, Lines: 7, Events: []uint64{5, 8, 12, 13},
	}
}

func TestARecordHasOneSpelling(t *testing.T) {
	held := jobs.Record{
		Status: job.Created, Created: 1767366245_000006, Updated: 1767366245_000006,
		Queue: job.RunnerQueue("r1"), Submitter: "key:web", Events: []uint64{4},
	}
	for golden, want := range map[string]jobs.Record{heldGolden: held, fullGolden: full()} {
		if got := string(want.Append(nil)); got != golden {
			t.Errorf("Append wrote\n%s, want\n%s", got, golden)
		}
		got, err := jobs.ParseRecord([]byte(golden))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b job.Queue) bool { return a == b })); diff != "" {
			t.Errorf("ParseRecord (-want +got):\n%s", diff)
		}
	}
}

func TestAnOpenAttemptHasOneSpelling(t *testing.T) {
	want := jobs.Attempt{Queue: job.RunnerQueue("r1"), Entry: queue.EntryID{Term: 1767366245, Seq: 17}, Token: signing.Hash{31: 0xff}}
	if got := string(want.Append(nil)); got != openGolden {
		t.Errorf("Append wrote\n%s, want\n%s", got, openGolden)
	}
	if got, err := jobs.ParseAttempt([]byte(openGolden)); got != want || err != nil {
		t.Errorf("ParseAttempt: %+v, %v", got, err)
	}
}

// FuzzParseRecord holds that whatever is read has the one spelling that Append
// writes.
func FuzzParseRecord(f *testing.F) {
	seedtest.Add(f, []byte(fullGolden), []byte(heldGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := jobs.ParseRecord(data)
		if err != nil {
			return
		}
		if again := r.Append(nil); !bytes.Equal(again, data) {
			t.Errorf("read %q, and it is written %q", data, again)
		}
	})
}

// FuzzParseAttempt does the same with open attempts.
func FuzzParseAttempt(f *testing.F) {
	seedtest.Add(f, []byte(openGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := jobs.ParseAttempt(data)
		if err != nil {
			return
		}
		if again := a.Append(nil); !bytes.Equal(again, data) {
			t.Errorf("read %q, and it is written %q", data, again)
		}
	})
}
