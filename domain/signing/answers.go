package signing

import (
	"crypto/sha256"
	"sync"
)

// maxAnswers is how many answers are remembered of either age, of 32 bytes each.
const maxAnswers = 1024

// answers remembers which shared checks were good, of late. The zero value
// remembers nothing yet. It is safe for concurrent use.
type answers struct {
	mu sync.Mutex

	young, old map[Hash]struct{} // old is what young was before it was full
}

// ask returns the answer to a check, and asks verify unless it is known to be
// yes. A no is never remembered: it is rare, and nobody should fill the memory
// with it.
func (a *answers) ask(c *Check, verify func(Check) bool) bool {
	name := c.name()
	if a.known(name) {
		return true
	}
	if !verify(*c) {
		return false
	}
	a.learn(name)
	return true
}

// name is a hash of all that a check says. Keys and signatures have one length
// each, so that nothing else has the same bytes.
func (c *Check) name() Hash {
	h := sha256.New()
	h.Write(c.Key.raw[:])
	h.Write(c.Signature[:])
	h.Write(c.Message)
	return Hash(h.Sum(nil))
}

func (a *answers) known(name Hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, young := a.young[name]
	_, old := a.old[name]
	return young || old
}

func (a *answers) learn(name Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.young == nil || len(a.young) == maxAnswers {
		a.young, a.old = make(map[Hash]struct{}), a.young
	}
	a.young[name] = struct{}{}
}
