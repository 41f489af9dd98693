package job_test

import (
	"strings"
	"testing"

	"github.com/herocode/horus/domain/job"
)

// BenchmarkOpen reads jobs as clients send them.
func BenchmarkOpen(b *testing.B) {
	document := `{"id":"0190b5c2-7a44-7cc1-8f2e-0c7f9c0f2a11","payload":"` + strings.Repeat("x", 200) + `","runner":"r1","timeout":300}`
	for name, text := range map[string][]byte{
		"unsigned": []byte(document),
		"dsse":     enveloped(b, job.PayloadType, document, 1),
		"escaped":  []byte(strings.ReplaceAll(document, "xx", `x\n`)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := job.Parse(text)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Open(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
