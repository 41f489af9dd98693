package audittest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
)

// Mutation is something that one can do to a log who can write to its store but
// holds no key.
type Mutation struct {
	Name string
	// Do returns a falsified copy. It may return the log as it was when the
	// dice fell so.
	Do func(dice *rand.Rand, log []history.Raw) []history.Raw
}

// Wrong returns the places between which an audit must find that a log differs
// from the one that was written: the first entry that differs, and the first
// of the commit that contained it, since a commit is proved as a whole. ok is
// false when no log alone shows a difference: there is none, or whole commits
// are missing at the end.
func Wrong(written, found []history.Raw) (from, to uint64, ok bool) {
	i := 0
	for i < min(len(written), len(found)) && same(written[i], found[i]) {
		i++
	}
	first := i
	for first > 0 && len(written[first-1].Seal) == 0 {
		first--
	}
	if i == len(found) && (i == len(written) || first == i) {
		return 0, 0, false
	}
	return uint64(first) + 1, uint64(i) + 1, true //nolint:gosec // not negative
}

func same(a, b history.Raw) bool {
	return a.Seq == b.Seq && bytes.Equal(a.Event, b.Event) && bytes.Equal(a.Seal, b.Seal)
}

// Judge compares what audits say about a log with what was done to it, and
// reports whether there was anything to find. verify audits the log that was
// found, with a head if there is one.
func Judge(written, found []history.Raw, verify func(*audit.Head) audit.Verdict) (changed bool, err error) {
	alone := verify(nil)
	if from, to, ok := Wrong(written, found); ok {
		if alone.Finding != audit.Tampered || alone.Seq < from || alone.Seq > to {
			return true, fmt.Errorf("want tampered at seq %d to %d, not: %s", from, to, alone)
		}
		return true, nil
	}
	if alone.Finding != audit.Valid {
		return true, fmt.Errorf("want valid, not: %s", alone)
	}
	if len(found) == len(written) {
		return false, nil
	}
	// Whole commits are missing at the end, which only a head shows.
	head := Head(written)
	if v := verify(&head); v.Finding != audit.Tampered || v.Seq != uint64(len(found))+1 {
		return true, fmt.Errorf("want tampered at seq %d with the head, not: %s", len(found)+1, v)
	}
	return true, nil
}

// Head returns the head of a valid log.
func Head(log []history.Raw) audit.Head {
	namespace, partition := origin(log)
	last := log[len(log)-1]
	seal, err := signing.ParseSeal(namespace, partition, last.Seal)
	must(err)
	return audit.Head{Namespace: domain.Name(namespace), Partition: partition, Seq: last.Seq, Seal: seal.Hash()}
}

// Commits returns where each commit begins, as indices of the log.
func Commits(log []history.Raw) []int {
	starts := []int{0}
	for i := range log[:len(log)-1] {
		if len(log[i].Seal) > 0 {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// commit picks a commit: log[from:to].
func commit(dice *rand.Rand, log []history.Raw) (from, to int) {
	starts := Commits(log)
	i := dice.IntN(len(starts))
	if i == len(starts)-1 {
		return starts[i], len(log)
	}
	return starts[i], starts[i+1]
}

// sealed picks an entry that bears a seal.
func sealed(dice *rand.Rand, log []history.Raw) int {
	_, to := commit(dice, log)
	return to - 1
}

// renumbered returns the entries with numbers as if nothing had happened.
func renumbered(parts ...[]history.Raw) []history.Raw {
	log := slices.Concat(parts...)
	for i := range log {
		log[i].Seq = uint64(i) + 1 //nolint:gosec // not negative
	}
	return log
}

// edited returns the log with one event's bytes changed.
func edited(log []history.Raw, i int, edit func([]byte) []byte) []history.Raw {
	log = slices.Clone(log)
	log[i].Event = edit(slices.Clone(log[i].Event))
	return log
}

// resealed returns the log with one seal changed as its sealer could have: all
// is as it should be but what edit does, and the signature.
func resealed(log []history.Raw, i int, edit func(*signing.Seal)) []history.Raw {
	namespace, partition := origin(log)
	seal, err := signing.ParseSeal(namespace, partition, log[i].Seal)
	must(err)
	edit(&seal)
	log = slices.Clone(log)
	log[i].Seal = seal.Append(nil)
	return log
}

// origin says which partition a valid log is of.
func origin(log []history.Raw) (namespace string, partition uint16) {
	e, err := history.ParseEntry(1, log[0].Event)
	must(err)
	return e.Namespace, e.Partition
}

// Suffix seals a log again from a commit on with another key, as one would who
// stole it: chain, roots and signatures are right.
func Suffix(log []history.Raw, from int, key signing.PrivateKey) []history.Raw {
	namespace, partition := origin(log)
	log = slices.Clone(log)
	var prev signing.Hash
	var leaves []signing.Hash
	for i := range log {
		if leaves = append(leaves, signing.LeafHash(log[i].Event)); len(log[i].Seal) == 0 {
			continue
		}
		seal, err := signing.ParseSeal(namespace, partition, log[i].Seal)
		must(err)
		if i >= from {
			seal.Prev, seal.Root = prev, signing.Root(leaves)
			seal = seal.Sign(key)
			log[i].Seal = seal.Append(nil)
		}
		prev, leaves = seal.Hash(), leaves[:0]
	}
	return log
}
