package job_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/job"
)

// A nonce is one key's own: a job spends it for each of those that signed it, in
// whatever form.
func TestAJobSpendsANonceForEachOfItsSigners(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+/=-"
	one, two := string(key(t, 1).Public().ID()), string(key(t, 2).Public().ID())
	for _, nonce := range []string{"n", letters[:64], letters[5:], strings.Repeat("=", 64)} {
		doc := fmt.Sprintf(`{"id":"j1","payload":"x","executor":"sh","not_after":"2026-01-02T13:00:00Z","nonce":%q}`, nonce)
		o := mustOpen(t, enveloped(t, job.PayloadType, doc, 1, 2))
		if got, want := o.Nonces(), []string{one + "/" + nonce, two + "/" + nonce}; !slices.Equal(got, want) {
			t.Errorf("it spends %q, want %q", got, want)
		}
		spent, until := (job.Submitted{Submission: o.Submission}).Spends()
		if !slices.Equal(spent, o.Nonces()) || until != noon+hour {
			t.Errorf("its event spends %q until %s", spent, until)
		}
	}
	without := mustOpen(t, enveloped(t, job.PayloadType, onceDoc, 1))
	if got := without.Nonces(); len(got) > 0 {
		t.Errorf("a job without one spends %q", got)
	}
	if got, _ := (job.Submitted{Submission: job.Submission{Form: job.FormUnsigned}}).Spends(); len(got) > 0 {
		t.Errorf("what is no job spends %q", got)
	}
}
