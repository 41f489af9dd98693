package audit_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/herocode/horus/eventstore/audit"
)

const benchEvents = 100_000

func BenchmarkVerify(b *testing.B) {
	log := written(1, benchEvents)
	for b.Loop() {
		if verdict := verify(b, log, audit.Options{}); verdict.Finding != audit.Valid {
			b.Fatal(verdict)
		}
	}
	b.ReportMetric(float64(len(log)*b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkVerifyFile(b *testing.B) {
	log := written(1, benchEvents)
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
	log := written(1, benchEvents/10)
	for b.Loop() {
		if err := audit.Export(b.Context(), namespace, 0, memory(log), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(log)*b.N)/b.Elapsed().Seconds(), "events/s")
}
