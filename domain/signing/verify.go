package signing

import (
	"slices"
	"sync"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"
)

const (
	minBatch = 4  // below, a batch costs more than its members alone
	maxBatch = 64 // above, a batch gains little and one bad member costs more
)

// rule is ZIP-215: cofactored, S canonical, R and A as they decode. It is the
// only rule for Ed25519 under which single and batch verdicts agree for every
// input.
func rule() *voi.Options { return &voi.Options{Verify: voi.VerifyOptionsZIP_215} }

// Verify reports whether s is k's signature of msg: by ZIP-215, or for a
// secp256k1 key by ECDSA over SHA-256 with low S.
func Verify(k PublicKey, msg []byte, s Signature) bool {
	if k.Algorithm() == Secp256k1 {
		return verifySecp256k1(k, msg, &s)
	}
	return !k.IsZero() && voi.VerifyWithOptions(k.bytes(), msg, s[:], rule())
}

// A Check is one question: is this the key's signature of the message?
type Check struct {
	Key       PublicKey
	Message   []byte
	Signature Signature
	Shared    bool // many checks ask just this: a Verifier remembers that the answer was yes
}

// A Verifier answers as [Verify] does, faster: it remembers the tables of the
// Ed25519 keys that it met last. It is safe for concurrent use.
type Verifier struct {
	keys    *cache.Verifier
	batches sync.Pool // of *voi.BatchVerifier
	shared  answers
}

// NewVerifier returns a Verifier that remembers so many keys, at least one, of
// about 1.5 KiB each.
func NewVerifier(keys int) *Verifier {
	return &Verifier{keys: cache.NewVerifier(cache.NewLRUCache(max(keys, 1)))}
}

// Verify answers one check.
func (v *Verifier) Verify(c Check) bool {
	if c.Shared {
		return v.shared.ask(&c, v.verify)
	}
	return v.verify(c)
}

func (v *Verifier) verify(c Check) bool {
	if c.Key.Algorithm() == Secp256k1 {
		return verifySecp256k1(c.Key, c.Message, &c.Signature)
	}
	return !c.Key.IsZero() && v.keys.VerifyWithOptions(c.Key.bytes(), c.Message, c.Signature[:], rule())
}

// VerifyAll answers each of checks in ok, which must be as long. The verdicts
// are those of [Verifier.Verify]; a good batch costs about half.
func (v *Verifier) VerifyAll(checks []Check, ok []bool) {
	ok = ok[:len(checks)]
	if slices.ContainsFunc(checks, func(c Check) bool { return c.Shared }) {
		v.verifyShared(checks, ok)
		return
	}
	for len(checks) >= minBatch {
		n := min(len(checks), maxBatch)
		v.verifyBatch(checks[:n], ok)
		checks, ok = checks[n:], ok[n:]
	}
	for i, c := range checks {
		ok[i] = v.Verify(c)
	}
}

// verifyShared asks once what many ask, and the rest together.
func (v *Verifier) verifyShared(checks []Check, ok []bool) {
	var rest []Check
	var places []int
	for i, c := range checks {
		if c.Shared {
			ok[i] = v.Verify(c)
		} else {
			rest, places = append(rest, c), append(places, i)
		}
	}
	verdicts := make([]bool, len(rest))
	v.VerifyAll(rest, verdicts)
	for i, place := range places {
		ok[place] = verdicts[i]
	}
}

func (v *Verifier) verifyBatch(checks []Check, ok []bool) {
	batch, _ := v.batches.Get().(*voi.BatchVerifier)
	if batch == nil {
		batch = voi.NewBatchVerifierWithCapacity(maxBatch)
	}
	options := rule()
	for i := range checks {
		if c := &checks[i]; c.Key.Algorithm() == Ed25519 {
			v.keys.AddWithOptions(batch, c.Key.bytes(), c.Message, c.Signature[:], options)
		}
	}
	_, verdicts := batch.Verify(nil) // weights from crypto/rand
	for i, c := range checks {
		if c.Key.Algorithm() == Ed25519 {
			ok[i], verdicts = verdicts[0] && !c.Key.IsZero(), verdicts[1:]
		} else {
			ok[i] = v.verify(c)
		}
	}
	v.batches.Put(batch.Reset())
}
