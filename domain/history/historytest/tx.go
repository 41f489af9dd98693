package historytest

import (
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Tx is a commit that is being made, and after [Tx.Seal] the one behind it.
type Tx struct {
	*Partition
	entries []history.Entry
}

// Emit appends an event, whether it could have happened or not. What the header
// lacks is filled in as the partition has it.
func (tx *Tx) Emit(h event.Header, data event.Data) history.Entry {
	h.Namespace = string(tx.Namespace)
	if h.Version == 0 {
		h.Version = tx.version(h.Aggregate) + 1
	}
	if h.At.IsZero() {
		h.At = tx.Now
	}
	bytes := event.Append(nil, h, data)
	e := history.Entry{
		Seq: tx.Next(), Bytes: bytes, Hash: signing.LeafHash(bytes),
		Recorded: event.Recorded{Header: h, Type: data.EventName()}, Data: data,
	}
	tx.entries = append(tx.entries, e)
	tx.fold(&e)
	return e
}

// version is that of an aggregate's last event.
func (p *Partition) version(a event.Aggregate) uint64 {
	switch a.Kind {
	case event.Access:
		return p.State.Access.Statements
	case event.Leader:
		return p.State.Term.Version
	case event.Log:
		return p.State.Loss.Version
	case event.Runner:
		return p.State.Runners[domain.Name(a.ID)].Version
	case event.Report:
		return p.State.Processes[a.ID].Version
	case event.Queue:
		q, _ := job.ParseQueue(a.ID) // a bad one is no queue's, as in the state
		return p.State.Queues[q].Version
	case event.Job:
		id, _ := job.ParseID(a.ID) // a bad id is no job's, as in the state
		return p.State.Jobs[id].Version
	}
	panic("historytest: unknown kind")
}

// Len returns how many events the commit has so far.
func (tx *Tx) Len() int { return len(tx.entries) }

// Next returns the place of the next event.
func (tx *Tx) Next() uint64 { return tx.Seq() + uint64(len(tx.entries)) + 1 }

// Seal ends the commit. One of no events is none, and nil.
func (tx *Tx) Seal() *history.Commit {
	tx.Now = tx.Now.Add(time.Millisecond)
	if len(tx.entries) == 0 {
		return nil
	}
	leaves := make([]signing.Hash, len(tx.entries))
	for i := range tx.entries {
		leaves[i] = tx.entries[i].Hash
	}
	s := tx.Draft
	s.First, s.Count, s.Root = tx.entries[0].Seq, uint32(len(leaves)), signing.Root(leaves) //nolint:gosec // few
	c := &history.Commit{Entries: tx.entries, Seal: s.Sign(tx.Supervisor)}
	tx.keys[c.Seal.Key] = tx.Supervisor
	tx.Commits = append(tx.Commits, c)
	tx.follow(c.Seal)
	tx.entries = nil
	return c
}

func (tx *Tx) access(by event.Actor, c access.Command) {
	events, err := access.Decide(tx.State.Access, c)
	must(err)
	for _, data := range events {
		tx.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Access}, Actor: by}, data)
	}
}

// Found founds the namespace, begins the first term and admits the client.
func (tx *Tx) Found() {
	tx.access(event.BySystem("founding"), access.Found{Founded: access.Founded{
		Namespace: tx.Namespace, Partitions: 1, Supervisor: "sup1",
		Key: tx.Supervisor.Public(), Operator: tx.Operator.Public(),
	}})
	tx.began()
	tx.Admit(tx.Client, access.Key{Class: access.Client, Name: "client"})
}

// Admit admits a key.
func (tx *Tx) Admit(key signing.PrivateKey, k access.Key) {
	tx.keys[key.Public().ID()] = key
	tx.access(event.ByAPIKey("admin"), access.Admit{Key: Admission(tx.Namespace, key, k), At: tx.Now})
}

// Rotate lets a key take the place of another at once.
func (tx *Tx) Rotate(old, next signing.PrivateKey) {
	tx.keys[next.Public().ID()] = next
	tx.access(event.ByAPIKey("admin"), access.Rotate{Rotated: access.Rotation(tx.Namespace, old, next, tx.Now), At: tx.Now})
}

// Revoke makes a key good for nothing.
func (tx *Tx) Revoke(key signing.KeyID, reason string) {
	tx.access(event.ByAPIKey("admin"), access.Revoke{Revoked: access.Revoked{Key: key, Reason: reason}})
}

// AddAPIKey lets the holder of a secret that Horus made call.
func (tx *Tx) AddAPIKey(k access.APIKey) {
	tx.access(event.ByAPIKey("admin"), access.AddAPIKey{Key: k, At: tx.Now})
}

// RemoveAPIKey makes an API key good for nothing.
func (tx *Tx) RemoveAPIKey(name domain.Name, reason string) {
	tx.access(event.ByAPIKey("admin"), access.RemoveAPIKey{Removed: access.APIKeyRemoved{Name: name, Reason: reason}})
}

// Admission returns k as the admission of a key that asks for it: with its
// public half, and the proof that goes with it.
func Admission(namespace domain.Name, key signing.PrivateKey, k access.Key) access.Key {
	return k.Proved(namespace, key)
}

// Begin lets a supervisor lead from here on, in a term above the last one. Its
// key may be any.
func (tx *Tx) Begin(supervisor signing.PrivateKey) {
	tx.Supervisor, tx.Draft.Term = supervisor, term.Next(tx.Draft.Term, tx.Now, 0)
	tx.began()
}

// BeginAlone lets a supervisor lead whose key an operator alone admits.
func (tx *Tx) BeginAlone(supervisor signing.PrivateKey, name domain.Name) {
	k := access.Key{Class: access.Supervisor, Name: name}.Proved(tx.Namespace, supervisor).Vouched(tx.Namespace, tx.Operator)
	tx.access(event.BySystem("operator"), access.Admit{Key: k, At: tx.Now})
	tx.keys[k.Public.ID()] = supervisor
	tx.Begin(supervisor)
}

// DeclareLoss records that the log lacks what led to a seal.
func (tx *Tx) DeclareLoss(by event.Actor, seal signing.Seal) {
	events, err := loss.Decide(tx.State.Loss, loss.Declare{
		Lost: loss.Lost{From: tx.LostFrom(seal.Term), Seal: seal}, Term: tx.Draft.Term, Keys: tx.State.Access,
	})
	must(err)
	for _, data := range events {
		tx.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Log}, Actor: by}, data)
	}
}

func (tx *Tx) began() {
	id := tx.Supervisor.Public().ID()
	name := domain.Name("nobody")
	if k, ok := tx.State.Access.Find(id); ok && k.Class == access.Supervisor {
		name = k.Name
	}
	tx.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Leader}, Actor: event.BySystem("leader")},
		term.Began{Term: tx.Draft.Term, Name: name, Address: "127.0.0.1:3030", Key: id})
}
