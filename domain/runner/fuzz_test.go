package runner_test

import (
	"testing"

	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
)

func FuzzParseCause(f *testing.F) {
	seedtest.Add(f, "report/r1/8f3a/7/0")
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := runner.ParseCause(text); ok && (c.String() != text || c.Index < 0) {
			t.Errorf("%q is read as %+v", text, c)
		}
	})
}
