package historytest

import (
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
)

// Names of keys that [Partition.Live] admits besides those that [Found] and
// [Partition.Step] do.
const (
	Standby = "standby" // a supervisor that leads now and then
	Expired = "expired" // a supervisor whose end has passed before it led
	Koblitz = "koblitz" // a client whose key is of secp256k1
)

// Live appends a legal history of at least so many events in all, in which
// everything happens now and then. A partition without events it founds first,
// with keys of all classes and two processes: of runner r1, whose key is pinned,
// and of k1, whose key is admitted, also for jobs of kind sh; with jobs that were
// signed together, and one that was signed by a key of secp256k1.
func (p *Partition) Live(draw Draw, events int) {
	if len(p.Commits) == 0 {
		p.settle()
	}
	for p.Seq() < uint64(events) { //nolint:gosec // not negative
		p.Step(draw)
	}
}

func (p *Partition) settle() {
	p.Commit(func(tx *Tx) { tx.Found() })
	p.Commit(func(tx *Tx) {
		tx.Admit(Key(Standby), access.Key{Class: access.Supervisor, Name: Standby})
		tx.Admit(Key(Expired), access.Key{Class: access.Supervisor, Name: Expired, Until: p.Now.Add(time.Minute)})
	})
	p.Commit(func(tx *Tx) {
		tx.Admit(Key("runner k1"), access.Key{Class: access.Runner, Name: "k1", Kinds: []domain.Name{"sh"}})
	})
	p.Commit(func(tx *Tx) {
		for _, w := range []*Process{p.NewProcess("r1"), p.NewProcess("k1", "sh")} {
			tx.Report(w, w.Join())
		}
	})
	p.Commit(func(tx *Tx) {
		koblitz := Secp256k1Key(Koblitz)
		tx.Admit(koblitz, access.Key{Class: access.Client, Name: Koblitz})
		tx.SubmitMany("together1", "together2", "together3")
		defer func(usual signing.PrivateKey) { tx.Client = usual }(tx.Client)
		tx.Client = koblitz
		tx.Submit("curved", Job{})
	})
	p.Now = p.Now.Add(2 * time.Minute)
}
