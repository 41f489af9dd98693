package audit_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

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
// clients signed and of jobs on the word of an API key.
func BenchmarkVerify(b *testing.B) {
	for _, form := range []job.Form{job.FormUnsigned, job.FormDSSE} {
		b.Run(string(form), func(b *testing.B) {
			log := busy(form, benchEvents)
			b.ReportAllocs()
			began := spent(b)
			for b.Loop() {
				verdict, err := audit.Verify(b.Context(), &paged{log, log}, audit.Options{Namespace: namespace})
				if err != nil || verdict.Finding != audit.Valid {
					b.Fatal(verdict, err)
				}
			}
			perCore(b, began, len(log))
		})
	}
}

// perCore reports how many events one processor takes in a second, if it does
// nothing else, since so much processor time was spent.
func perCore(b *testing.B, began time.Duration, events int) {
	b.Helper()
	b.ReportMetric(float64(events*b.N)/(spent(b)-began).Seconds(), "events/s/core")
	b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
}

// paged is a log that costs nothing to read.
type paged struct{ log, rest []history.Raw }

func (p *paged) End() uint64 { return uint64(len(p.log)) }

func (p *paged) Next(context.Context) ([]history.Raw, error) {
	page := p.rest[:min(256, len(p.rest))]
	if p.rest = p.rest[len(page):]; len(p.rest) == 0 {
		return page, io.EOF
	}
	return page, nil
}

func BenchmarkVerifyFile(b *testing.B) {
	log := busy(job.FormUnsigned, benchEvents)
	var file bytes.Buffer
	if err := audit.Export(b.Context(), namespace, 0, memory(log), &file); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	began := spent(b)
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
	perCore(b, began, len(log))
}

func BenchmarkExport(b *testing.B) {
	log := busy(job.FormUnsigned, benchEvents)
	began := spent(b)
	for b.Loop() {
		if err := audit.Export(b.Context(), namespace, 0, memory(log), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	perCore(b, began, len(log))
}
