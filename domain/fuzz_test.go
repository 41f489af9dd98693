package domain_test

import (
	"regexp"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
)

// FuzzParseName compares with the rule as one would write it down.
func FuzzParseName(f *testing.F) {
	seedtest.Add(f, "horus", "0.a_b-c")
	rule := regexp.MustCompile(`\A[a-z0-9][a-z0-9._-]{0,63}\z`)
	f.Fuzz(func(t *testing.T, text string) {
		name, err := domain.ParseName(text)
		if good := err == nil; good != rule.MatchString(text) || good && name.String() != text {
			t.Errorf("ParseName(%q) = %q, %v", text, name, err)
		}
	})
}
