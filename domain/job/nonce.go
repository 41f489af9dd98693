package job

import (
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// goodNonce reports whether a nonce has only what needs escapes nowhere:
// letters, digits, and what base64 and URLs have besides.
func goodNonce(nonce string) bool {
	for _, c := range []byte(nonce) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("._~+/=-", rune(c)) {
			return false
		}
	}
	return true
}

// checkNonce refuses a nonce that is none, or that would be spent for ever.
func (d *Document) checkNonce() error {
	switch {
	case d.Nonce == "":
		return nil
	case !goodNonce(d.Nonce):
		return at("/nonce", domain.Errorf(domain.Invalid, "bounds", "a nonce is 1 to 64 letters, digits and ._~+/=-"))
	case d.NotAfter.IsZero():
		return at("/nonce", domain.Errorf(domain.Invalid, "bounds", "a job with a nonce has a not_after, until which its key has the nonce for this job alone"))
	}
	return nil
}

// Nonces returns the nonces that the job spends, as <key id>/<nonce>: each of
// its signers has the job's for its own. There are none when it has no nonce.
func (o *Opened) Nonces() []string {
	if o.Spec.Nonce == "" {
		return nil
	}
	nonces := make([]string, len(o.Signers))
	for i, key := range o.Signers {
		nonces[i] = string(key) + "/" + o.Spec.Nonce
	}
	return nonces
}

// Spends returns the nonces that the job spends by being submitted, as
// [Opened.Nonces] does, and until when no other job may have one of them.
func (e Submitted) Spends() (nonces []string, until event.Time) {
	o, err := e.Open()
	if err != nil {
		return nil, 0 // a job that cannot be read spends nothing: it is no job
	}
	return o.Nonces(), o.Spec.NotAfter
}

// spent refuses a job whose nonce another one has.
func spent(until event.Time) error {
	return domain.Errorf(domain.Expired, "nonce", "the key that signed the job has used its nonce for another job, which is in force until %s: sign with a nonce of its own", until)
}
