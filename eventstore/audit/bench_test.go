package audit_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/audit"
)

const benchEvents = 50_000

// busy returns the log of a supervisor under load, of at least so many events.
func busy(form job.Form, events uint64) []history.Raw {
	var log []history.Raw
	for s := historytest.NewStream(namespace, form); s.Seq() < events; {
		log = append(log, historytest.RawsOf(s.Next())...)
	}
	return log
}

// BenchmarkVerify audits the log of a supervisor under load, of jobs that their
// clients signed and of jobs on the word of an API key. Events a second and a
// core are what -cpu 1 says.
func BenchmarkVerify(b *testing.B) {
	for _, form := range []job.Form{job.FormUnsigned, job.FormDSSE} {
		b.Run(string(form), func(b *testing.B) {
			log := busy(form, benchEvents)
			b.ReportAllocs()
			for b.Loop() {
				if verdict := verify(b, log, audit.Options{}); verdict.Finding != audit.Valid {
					b.Fatal(verdict)
				}
			}
			b.ReportMetric(float64(len(log)*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkVerifyFile(b *testing.B) {
	log := busy(job.FormUnsigned, benchEvents)
	var file bytes.Buffer
	if err := audit.Export(b.Context(), namespace, 0, memory(log), &file); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		source, err := audit.Open(bytes.NewReader(file.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		verdict, err := audit.Verify(b.Context(), source, audit.Options{Namespace: namespace})
		if err != nil || verdict.Finding != audit.Valid {
			b.Fatal(verdict, err)
		}
	}
	b.ReportMetric(float64(len(log)*b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkExport(b *testing.B) {
	log := busy(job.FormUnsigned, benchEvents)
	for b.Loop() {
		if err := audit.Export(b.Context(), namespace, 0, memory(log), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(log)*b.N)/b.Elapsed().Seconds(), "events/s")
}
