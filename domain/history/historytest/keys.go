package historytest

import (
	"fmt"
	"strings"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// holding returns the keys of a class that hold now and that were ever admitted
// here, in one order.
func (p *Partition) holding(class access.Class) (keys []signing.PrivateKey) {
	for _, k := range p.State.Access.Keys() {
		private, ours := p.keys[k.ID]
		if ours && k.Class == class && k.Holds(p.Now, p.State.Access.Statements) {
			keys = append(keys, private)
		}
	}
	return keys
}

// fresh makes the key of somebody who was not here before.
func (p *Partition) fresh(what string) signing.PrivateKey {
	return Key(fmt.Sprintf("%s %d", what, p.State.Access.Statements))
}

// hand lets a supervisor begin a term: one whose key holds, who need not be
// another one, or a newcomer. A newcomer takes the place of the leader's key, or
// of one that is revoked.
func (p *Partition) hand(draw Draw) *history.Commit {
	old, next := p.Supervisor, p.fresh("supervisor")
	_, leads := p.State.Access.Key(access.Supervisor, old.Public().ID(), p.Now)
	switch draw(6) {
	case 0:
		if leads {
			p.Commit(func(tx *Tx) { tx.Rotate(old, next) }) // the last thing that it seals
			p.Now = p.Now.Add(1)
			p.Supervisor = next
			break
		}
		fallthrough
	case 1:
		return p.Commit(func(tx *Tx) {
			tx.BeginAlone(next, "newcomer")
			if draw(2) == 0 {
				tx.Revoke(old.Public().ID(), "its disk is gone")
			}
		})
	case 2:
		if leads {
			p.Commit(func(tx *Tx) { tx.Revoke(old.Public().ID(), "stolen") }) // its last act
		}
		fallthrough
	default:
		candidates := p.holding(access.Supervisor)
		if len(candidates) == 0 {
			return p.Commit(func(tx *Tx) { tx.BeginAlone(next, "newcomer") })
		}
		p.Supervisor = candidates[draw(len(candidates))]
	}
	return p.BeginTerm()
}

// Succeed lets another supervisor begin a term if the one that leads may not seal
// any more, as a successor does.
func (p *Partition) Succeed() {
	if _, leads := p.State.Access.Key(access.Supervisor, p.Supervisor.Public().ID(), p.Now); !leads {
		p.hand(func(n int) int { return n - 1 }) // to the last one that is admitted
	}
}

// endAny ends a key: a client's that Step admitted, a runner's that was used
// first, or one that nobody knows. The keys that tests go on with stay.
func (tx *Tx) endAny(draw Draw) {
	clients := tx.holding(access.Client)
	one := clients[draw(len(clients))]
	k, _ := tx.State.Access.Find(one.Public().ID())
	switch passing := k.RotatedTo == "" && strings.HasPrefix(string(k.Name), "c") && one.Public() != tx.Client.Public(); {
	case passing && draw(2) == 0:
		tx.Rotate(one, tx.fresh("client"))
	case passing && draw(2) == 0:
		tx.Revoke(k.ID, "left")
	case draw(8) == 0:
		tx.Revoke(runnerKey("r2").Public().ID(), "")
	default:
		tx.Revoke(tx.fresh("stranger").Public().ID(), "found \"in the street\"")
	}
}

// callerAny adds an API key, of one sort or another, or removes one.
func (tx *Tx) callerAny(draw Draw) {
	if known := tx.State.Access.APIKeys(); len(known) > 0 && draw(3) == 0 {
		tx.RemoveAPIKey(known[draw(len(known))].Name, []string{"", "it was in a \"log\""}[draw(2)])
		return
	}
	n := tx.State.Access.Statements
	k := access.APIKey{Name: domain.Name(fmt.Sprintf("a%d", n)), Scope: access.User, Secret: secretOf(n)}
	switch draw(5) {
	case 0:
		k.Scope = access.Admin
	case 1:
		k.Runners, k.Kinds = []domain.Name{"r1", "r2"}, []domain.Name{"sh"}
	case 2:
		k.Kinds, k.Until = []domain.Name{"sh"}, tx.Now.Add(time.Minute)
	case 3:
		if k.Secret = (access.Secret{Cost: access.Costly()}); len(tx.State.Access.ChosenAPIKeys()) == access.MaxChosenKeys {
			return
		}
	}
	tx.AddAPIKey(k)
}

func secretOf(n uint64) access.Secret {
	_, secret := access.Make([8]byte{byte(n), byte(n >> 8)}, [32]byte{byte(n)}, [16]byte{byte(n)}) //nolint:gosec // cut off
	return secret
}

// LostFrom returns from where the log lacks what a seal of a term seals that it
// does not have.
func (p *Partition) LostFrom(term uint64) uint64 {
	for i := len(p.Commits) - 1; i >= 0; i-- {
		if s := &p.Commits[i].Seal; s.Term <= term {
			return s.Last() + 1
		}
	}
	return 1
}

// Evidence returns a seal that went on, in its term and by its key, where the
// last of the term's commits in the log stands: as if the log had lost it.
func (p *Partition) Evidence(term uint64, events uint32) (seal signing.Seal, ok bool) {
	for i := len(p.Commits) - 1; i >= 0; i-- {
		s := p.Commits[i].Seal
		if s.Term > term {
			continue
		}
		seal = signing.Seal{
			Namespace: s.Namespace, Term: s.Term, First: s.Last() + 1, Count: events,
			Root: signing.Hash{1}, Statements: s.Statements, Prev: s.Hash(),
		}
		return seal.Sign(p.keys[s.Key]), true
	}
	return seal, false
}

// declareAny declares a loss at the end of some earlier term.
func (tx *Tx) declareAny(draw Draw) {
	c := tx.Commits[draw(len(tx.Commits))]
	seal, ok := tx.Evidence(c.Seal.Term, uint32(1+draw(4))) //nolint:gosec // few
	if !ok || seal.Term >= tx.Draft.Term || tx.State.Access.Revoked(seal.Key) {
		return
	}
	tx.DeclareLoss([]event.Actor{event.BySystem("leader"), event.ByRunner("r1")}[draw(2)], seal)
}
