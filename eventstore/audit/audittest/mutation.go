// Package audittest falsifies histories that package historytest made, and says
// at which place an audit must find that.
//
//	p := historytest.New("horus")
//	p.Live(dice.IntN, 1000)           // at least so many events
//	log := p.Raws()
//	falsified := audittest.Mutations()[0].Do(dice, log)
//	changed, err := audittest.Judge(log, falsified, func(head *audit.Head) audit.Verdict { … })
package audittest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
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
	if !alone.Finding.Proved() {
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
	namespace, partition := historytest.Origin(log)
	last := log[len(log)-1]
	seal, err := signing.ParseSeal(namespace, partition, last.Seal)
	if err != nil {
		panic(err) // a valid log ends with a seal
	}
	return audit.Head{Namespace: domain.Name(namespace), Partition: partition, Seq: last.Seq, Seal: seal.Hash()}
}

// commit picks a commit: log[from:to].
func commit(dice *rand.Rand, log []history.Raw) (from, to int) {
	starts := historytest.Starts(log)
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

// edited returns the log with one event's bytes changed.
func edited(log []history.Raw, i int, edit func([]byte) []byte) []history.Raw {
	log = slices.Clone(log)
	log[i].Event = edit(slices.Clone(log[i].Event))
	return log
}
