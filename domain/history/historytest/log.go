package historytest

import (
	"slices"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// Raws returns all entries as a store hands them out.
func (p *Partition) Raws() []history.Raw {
	var raws []history.Raw
	for _, c := range p.Commits {
		raws = append(raws, RawsOf(c)...)
	}
	return raws
}

// RawsOf returns a commit's entries as a store hands them out.
func RawsOf(c *history.Commit) []history.Raw {
	raws := make([]history.Raw, len(c.Entries))
	for i := range c.Entries {
		raws[i] = history.Raw{Seq: c.Entries[i].Seq, Event: c.Entries[i].Bytes}
	}
	raws[len(raws)-1].Seal = c.Seal.Append(nil)
	return raws
}

// Follow reads the log of a namespace and hands its commits to check, which is
// a chain's Check or its Follow.
func Follow(namespace string, log []history.Raw, v *signing.Verifier, check func(*history.Chain, *history.Commit) error) (*history.Chain, error) {
	chain, reader := history.NewChain(namespace, 0, v), history.NewReader(namespace, 0, 0)
	for _, raw := range log {
		c, err := reader.Next(raw)
		if err != nil {
			return chain, err
		}
		if c == nil {
			continue
		}
		if err := check(chain, c); err != nil {
			return chain, err
		}
	}
	return chain, reader.End()
}

// Starts returns where each commit of a log begins, as indices.
func Starts(log []history.Raw) []int {
	starts := []int{0}
	for i := range log[:len(log)-1] {
		if len(log[i].Seal) > 0 {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// Renumbered returns the entries with numbers as if nothing had happened.
func Renumbered(parts ...[]history.Raw) []history.Raw {
	log := slices.Concat(parts...)
	for i := range log {
		log[i].Seq = uint64(i) + 1 //nolint:gosec // not negative
	}
	return log
}

// Edited returns the log with the seal of log[i] changed, as one can who holds
// no key.
func Edited(log []history.Raw, i int, edit func(*signing.Seal)) []history.Raw {
	seal := sealOf(log, i)
	edit(&seal)
	log = slices.Clone(log)
	log[i].Seal = seal.Append(nil)
	return log
}

// Reseal seals a log again from an index on with another key, as one would who
// stole it: chain, roots and signatures are right.
func Reseal(log []history.Raw, from int, key signing.PrivateKey) []history.Raw {
	resealed := slices.Clone(log)
	var prev signing.Hash
	var leaves []signing.Hash
	for i := range log {
		if leaves = append(leaves, signing.LeafHash(log[i].Event)); len(log[i].Seal) == 0 {
			continue
		}
		seal := sealOf(log, i)
		if i >= from {
			seal.Prev, seal.Root = prev, signing.Root(leaves)
			seal = seal.Sign(key)
			resealed[i].Seal = seal.Append(nil)
		}
		prev, leaves = seal.Hash(), leaves[:0]
	}
	return resealed
}

// Origin says which partition a log is of whose first event can be read.
func Origin(log []history.Raw) (namespace string, partition uint16) {
	e, err := history.ParseEntry(1, log[0].Event)
	must(err)
	return e.Namespace, e.Partition
}

func sealOf(log []history.Raw, i int) signing.Seal {
	namespace, partition := Origin(log)
	seal, err := signing.ParseSeal(namespace, partition, log[i].Seal)
	must(err)
	return seal
}
