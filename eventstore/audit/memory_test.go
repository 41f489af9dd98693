package audit_test

import (
	"context"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/audit"
)

// streamed is a source that is made while it is read.
type streamed struct {
	stream *historytest.Stream
	events uint64
	look   func()
}

func (s *streamed) End() uint64 { return s.events }

func (s *streamed) Next(context.Context) ([]history.Raw, error) {
	s.look()
	raws := historytest.RawsOf(s.stream.Next())
	if s.stream.Seq() >= s.events {
		return raws, io.EOF
	}
	return raws, nil
}

// inUse audits a history of so many events and returns the most memory that was
// in use meanwhile, in bytes.
func inUse(tb testing.TB, events uint64) uint64 {
	tb.Helper()
	var most uint64
	looks := 0
	source := &streamed{stream: historytest.NewStream(namespace, job.FormUnsigned), events: events}
	source.stream.Tidy = true
	source.look = func() {
		if looks++; looks%(int(events)/(242*16)) != 0 { // some 16 times
			return
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	verdict, err := audit.Verify(tb.Context(), source, audit.Options{Namespace: namespace})
	if err != nil || verdict.Finding != audit.Valid {
		tb.Fatal(err, verdict)
	}
	return most
}

// TestMemoryDoesNotGrow audits a history and one that is five times as long.
// Each of its jobs would take hundreds of bytes if it were kept.
func TestMemoryDoesNotGrow(t *testing.T) {
	short, long := inUse(t, 10_000), inUse(t, 50_000)
	// 32 bytes stay of each of 13,000 jobs more, and as many of each of 1,600
	// deletions; what is under way varies by a megabyte. If the jobs stayed, it
	// would be six megabytes.
	const most = 3 << 20
	if grown := int64(long) - int64(short); grown > most {
		t.Errorf("%d bytes in use with 10,000 events and %d with 50,000", short, long)
	}
}

// BenchmarkMemory audits a history of as many events as HORUS_AUDIT_EVENTS says,
// a million if it says nothing, and reports what was in use at most.
func BenchmarkMemory(b *testing.B) {
	events, err := strconv.ParseUint(os.Getenv("HORUS_AUDIT_EVENTS"), 10, 64)
	if err != nil {
		events = 1_000_000
	}
	for b.Loop() {
		b.ReportMetric(float64(inUse(b, events))/(1<<20), "MiB")
		b.ReportMetric(float64(events), "events")
	}
}
