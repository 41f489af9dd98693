package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"

	"golang.org/x/crypto/argon2"

	"github.com/herocode/horus/domain"
)

// Secret is what the statements keep of an API key's secret: enough to know it
// again, and not enough to say it. It is public, as the history is.
//
// A secret that Horus made has 256 random bits, which nobody guesses, so one
// keyed hash is enough: HMAC-SHA-256 of the whole text under the salt. One that
// a person chose may be guessed, so each guess is made to cost time and memory:
// Argon2id (RFC 9106).
type Secret struct {
	ID   string // public part of a secret that Horus made; empty for a chosen one
	Cost Cost   // of a check of a chosen one; zero for one that Horus made
	Salt [16]byte
	Hash [sha256.Size]byte
}

// Cost is what one check of a chosen secret costs.
type Cost struct {
	Time    uint32 // passes over the memory, 1 to 8
	Memory  uint32 // KiB, 8,192 to 65,536
	Threads uint8  // 1 to 4
}

// The bounds of a [Cost]: less protects nothing, and more would stop whoever
// checks.
const (
	maxTime    = 8
	minMemory  = 8 << 10
	maxMemory  = 64 << 10
	maxThreads = 4
)

// Costly is the cost of secrets that are kept from now on: the second choice of
// OWASP's cheat sheet on storing passwords, some 30 ms.
func Costly() Cost { return Cost{Time: 2, Memory: 19 << 10, Threads: 1} }

const (
	// MinChosen is the length of the shortest secret that somebody may choose,
	// in bytes.
	MinChosen = 8
	// MaxSecret is the length of the longest secret, in bytes.
	MaxSecret = 1024
)

// made is a secret that Horus made: a word that tools which look for leaked
// secrets can find, its public id, and 256 random bits.
var made = regexp.MustCompile(`^horus_([0-9a-f]{16})_[0-9a-f]{64}$`)

// Make makes a secret of random bytes, and what is kept of it. The text is the
// only copy.
func Make(id [8]byte, random [32]byte, salt [16]byte) (text string, s Secret) {
	s = Secret{ID: hex.EncodeToString(id[:]), Salt: salt}
	text = "horus_" + s.ID + "_" + hex.EncodeToString(random[:])
	s.Hash = s.hash(text)
	return text, s
}

// Choose returns what is kept of a secret that somebody chose. Its error is
// [domain.Invalid] with the reason "secret".
func Choose(text string, salt [16]byte, cost Cost) (Secret, error) {
	if _, ours := MadeID(text); ours || len(text) < MinChosen || len(text) > MaxSecret {
		return Secret{}, domain.Errorf(domain.Invalid, "secret",
			"a secret has %d to %d bytes and does not look like one that Horus made: better have one made", MinChosen, MaxSecret)
	}
	s := Secret{Cost: cost, Salt: salt}
	if err := s.check(); err != nil {
		return Secret{}, err
	}
	s.Hash = s.hash(text)
	return s, nil
}

// MadeID returns the public id within a text that Horus may have made.
func MadeID(text string) (id string, ok bool) {
	if found := made.FindStringSubmatch(text); found != nil {
		return found[1], true
	}
	return "", false
}

// Chosen reports whether somebody chose the secret, so that a check is costly.
func (s *Secret) Chosen() bool { return s.ID == "" }

// Matches reports whether a text is the secret. It takes the same time whether it
// is or not; for a chosen secret that is long.
func (s *Secret) Matches(text string) bool {
	hash := s.hash(text)
	return subtle.ConstantTimeCompare(hash[:], s.Hash[:]) == 1
}

func (s *Secret) hash(text string) (hash [sha256.Size]byte) {
	if s.Chosen() {
		copy(hash[:], argon2.IDKey([]byte(text), s.Salt[:], s.Cost.Time, s.Cost.Memory, s.Cost.Threads, sha256.Size))
		return hash
	}
	mac := hmac.New(sha256.New, s.Salt[:])
	mac.Write([]byte(text))
	mac.Sum(hash[:0])
	return hash
}

// check refuses what could not be read back, and a check that costs nothing or
// too much.
func (s *Secret) check() error {
	c := s.Cost
	switch {
	case !s.Chosen() && (!isSecretID(s.ID) || c != Cost{}):
		return domain.Errorf(domain.Invalid, "secret_id", "the id of a secret is 16 hexadecimal digits in lower case")
	case s.Chosen() && (c.Time < 1 || c.Time > maxTime || c.Memory < minMemory || c.Memory > maxMemory || c.Threads < 1 || c.Threads > maxThreads):
		return domain.Errorf(domain.Invalid, "cost", "a check makes 1 to %d passes over %d to %d KiB in 1 to %d threads",
			maxTime, minMemory, maxMemory, maxThreads)
	}
	return nil
}

func isSecretID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == 8 && hex.EncodeToString(raw) == id
}
