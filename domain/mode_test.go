package domain_test

import (
	"testing"

	"github.com/herocode/horus/domain"
)

func TestModes(t *testing.T) {
	for _, m := range []domain.Mode{domain.Open, domain.Paused, domain.Drained} {
		if got, err := domain.ParseMode(string(m)); err != nil || got != m {
			t.Errorf("%q is read as %q, %v", m, got, err)
		}
	}
	for _, word := range []string{"open", "Paused", "paused ", "stopped"} {
		if got, err := domain.ParseMode(word); err == nil || domain.ReasonOf(err) != "mode" {
			t.Errorf("%q is read as %q, %v", word, got, err)
		}
	}
}
