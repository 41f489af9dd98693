package logs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/viewtest"
)

// write records a piece of output of n lines, numbered on from *written.
func write(l *viewtest.Leader, w *historytest.Process, about runner.About, written *int, n int) {
	lines := make([]runner.Line, n)
	for i := range lines {
		*written++
		lines[i] = runner.Line{At: l.History.Now, Stream: runner.Stderr, Text: fmt.Sprint(*written)}
	}
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(w, runner.Log{About: about, Lines: lines}) })
	l.Feed()
}

func TestLinesAreReadInPages(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	records := &jobs.Reader{Views: m.Views, Log: m.Log, Namespace: "horus"}
	reader := &logs.Reader{Jobs: records, Views: m.Views, Log: m.Log}
	w := l.History.NewProcess("r1")
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Submit("j2", historytest.Job{})
		tx.Report(w, w.Join())
	})
	l.Feed()
	written, other := 0, 0
	for n := range 150 {
		write(l, w, l.History.About("j1"), &written, 1+n%3)
		if n == 30 {
			write(l, w, l.History.About("j2"), &other, 1)
			l.History.Commit(func(tx *historytest.Tx) { tx.Lose("j1", job.LostLease) })
		}
	}
	for _, limit := range []int{1, 7, 5000} {
		after := uint64(0)
		for {
			page, err := reader.Lines(t.Context(), historytest.ID("j1"), after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if page.Total != uint64(written) || page.State != job.Waiting || len(page.Lines) > limit {
				t.Fatalf("%d of %d lines, %s", len(page.Lines), page.Total, page.State)
			}
			if after == page.Total {
				break
			}
			for _, line := range page.Lines {
				after++
				if line.Number != after || line.Text != fmt.Sprint(after) || line.Stream != runner.Stderr {
					t.Fatalf("line %d is %+v", after, line)
				}
			}
			if len(page.Lines) == 0 {
				t.Fatalf("no line behind %d of %d", after, page.Total)
			}
		}
	}
	last, err := reader.Lines(t.Context(), historytest.ID("j1"), uint64(written)-1, 10)
	if err != nil || len(last.Lines) != 1 || last.Lines[0].Attempt != 2 {
		t.Errorf("the last line is %+v, %v; want one of attempt 2", last.Lines, err)
	}
	if _, err := reader.Lines(t.Context(), historytest.ID("never"), 0, 1); domain.CodeOf(err) != domain.NotFound {
		t.Errorf("output of no job: %v", err)
	}
}

func TestOnlyTheOpenAttemptWrites(t *testing.T) {
	m := viewtest.InMemory()
	l := viewtest.NewLeader(t.Context(), t, &m.Fixture, historytest.Found("horus"))
	l.Begin()
	records := &jobs.Reader{Views: m.Views, Log: m.Log, Namespace: "horus"}
	mine, twin, foreign := l.History.NewProcess("r1"), l.History.NewProcess("r1"), l.History.NewProcess("r2")
	l.History.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{})
		tx.Report(mine, mine.Join())
		tx.Report(twin, twin.Join())
		tx.Report(foreign, foreign.Join())
	})
	l.Feed()
	first := l.History.About("j1")
	n := 0
	write(l, foreign, first, &n, 1) // may not serve the queue
	l.History.Commit(func(tx *historytest.Tx) { tx.Report(mine, runner.Started{About: first}) })
	l.Feed()
	write(l, twin, first, &n, 1) // another process runs it
	write(l, mine, first, &n, 2)
	l.History.Commit(func(tx *historytest.Tx) { tx.Lose("j1", job.LostLease) })
	l.Feed()
	write(l, mine, first, &n, 4) // late
	record, err := records.Record(t.Context(), historytest.ID("j1"))
	if err != nil || record.Lines != 2 || record.Pieces != 1 {
		t.Errorf("%d lines in %d pieces, %v; want the two of the open attempt's process", record.Lines, record.Pieces, err)
	}
}

const refGolden = `[17,2,101,40,3]`

func TestAReferenceHasOneSpelling(t *testing.T) {
	want := logs.Ref{Seq: 17, Index: 2, First: 101, Count: 40, Attempt: 3}
	if got := string(want.Append(nil)); got != refGolden {
		t.Errorf("Append wrote %s, want %s", got, refGolden)
	}
	if got, err := logs.ParseRef([]byte(refGolden)); got != want || err != nil {
		t.Errorf("ParseRef: %+v, %v", got, err)
	}
	if got := logs.FieldName(12, 3); got != "12/3" {
		t.Errorf("FieldName: %s", got)
	}
}

// FuzzParseRef holds that whatever is read has the one spelling that Append
// writes.
func FuzzParseRef(f *testing.F) {
	seedtest.Add(f, []byte(refGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := logs.ParseRef(data)
		if err == nil && !bytes.Equal(r.Append(nil), data) {
			t.Errorf("read %q, and it is written %q", data, r.Append(nil))
		}
	})
}
