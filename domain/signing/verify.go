package signing

import (
	"sync"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"
)

const (
	minBatch = 4  // below, a batch costs more than its members alone
	maxBatch = 64 // above, a batch gains little and one bad member costs more
)

// rule is ZIP-215: cofactored, S canonical, R and A as they decode. It is the
// only rule under which single and batch verdicts agree for every input.
func rule() *voi.Options { return &voi.Options{Verify: voi.VerifyOptionsZIP_215} }

// Verify reports whether s is k's signature of msg by ZIP-215.
func Verify(k PublicKey, msg []byte, s Signature) bool {
	return !k.IsZero() && voi.VerifyWithOptions(k.raw[:], msg, s[:], rule())
}

// A Check is one question: is this the key's signature of the message?
type Check struct {
	Key       PublicKey
	Message   []byte
	Signature Signature
}

// A Verifier answers as [Verify] does, faster: it remembers the tables of the
// keys that it met last. It is safe for concurrent use.
type Verifier struct {
	keys    *cache.Verifier
	batches sync.Pool // of *voi.BatchVerifier
}

// NewVerifier returns a Verifier that remembers so many keys, at least one, of
// about 1.5 KiB each.
func NewVerifier(keys int) *Verifier {
	return &Verifier{keys: cache.NewVerifier(cache.NewLRUCache(max(keys, 1)))}
}

// Verify answers one check.
func (v *Verifier) Verify(c Check) bool {
	return !c.Key.IsZero() && v.keys.VerifyWithOptions(c.Key.raw[:], c.Message, c.Signature[:], rule())
}

// VerifyAll answers each of checks in ok, which must be as long. The verdicts
// are those of [Verifier.Verify]; a good batch costs about half.
func (v *Verifier) VerifyAll(checks []Check, ok []bool) {
	ok = ok[:len(checks)]
	for len(checks) >= minBatch {
		n := min(len(checks), maxBatch)
		v.verifyBatch(checks[:n], ok)
		checks, ok = checks[n:], ok[n:]
	}
	for i, c := range checks {
		ok[i] = v.Verify(c)
	}
}

func (v *Verifier) verifyBatch(checks []Check, ok []bool) {
	batch, _ := v.batches.Get().(*voi.BatchVerifier)
	if batch == nil {
		batch = voi.NewBatchVerifierWithCapacity(maxBatch)
	}
	options := rule()
	for i := range checks {
		c := &checks[i]
		v.keys.AddWithOptions(batch, c.Key.raw[:], c.Message, c.Signature[:], options)
	}
	_, verdicts := batch.Verify(nil) // weights from crypto/rand
	for i, good := range verdicts {
		ok[i] = good && !checks[i].Key.IsZero()
	}
	v.batches.Put(batch.Reset())
}
