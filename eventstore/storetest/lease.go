package storetest

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"github.com/herocode/horus/eventstore"
)

func leaseCases() []testCase {
	return []testCase{
		{"a new partition has no holder", noHolder},
		{"who takes the lease holds it, and beats raise its beat", takeAndBeat},
		{"a term is any number", largestTerm},
		{"of many takers one wins", manyTakers},
		{"taking needs the holder as it is", staleTakes},
		{"a term grows and has a name", wrongTakes},
		{"an old term writes nothing", oldTerm},
		{"a released lease is free, and its term writes nothing", released},
	}
}

func noHolder(f *fixture) {
	f.holds(eventstore.Holder{})
	f.conflict("Beat", f.Store.Beat(f.ctx(), 0))
	f.conflict("Beat", f.Store.Beat(f.ctx(), 1))
	f.conflict("Release", f.Store.Release(f.ctx(), 0))
	f.conflict("Release", f.Store.Release(f.ctx(), 1))
	f.holds(eventstore.Holder{})
}

func takeAndBeat(f *fixture) {
	f.take(eventstore.Holder{}, eventstore.Holder{Term: firstTerm, Name: "one", Beat: 41})
	f.holds(eventstore.Holder{Term: firstTerm, Name: "one", Beat: 41})
	for beat := uint64(42); beat < 45; beat++ {
		if err := f.Store.Beat(f.ctx(), firstTerm); err != nil {
			f.Fatalf("Beat: %v", err)
		}
		f.holds(eventstore.Holder{Term: firstTerm, Name: "one", Beat: beat})
	}
}

func largestTerm(f *fixture) {
	last := eventstore.Holder{Term: math.MaxUint64, Name: "last"}
	f.take(eventstore.Holder{}, eventstore.Holder{Term: math.MaxUint64 - 1, Name: "one"})
	f.take(eventstore.Holder{Term: math.MaxUint64 - 1, Name: "one"}, last)
	f.holds(last)
	c := Commit(eventstore.Tip{}, Events(1, "one")...)
	f.conflict("Append of the term before", f.Store.Append(f.ctx(), last.Term-1, eventstore.Tip{}, c))
	if err := f.Store.Append(f.ctx(), last.Term, eventstore.Tip{}, c); err != nil {
		f.Errorf("Append: %v", err)
	}
}

func manyTakers(f *fixture) {
	const rounds, takers = 20, 8
	seen := eventstore.Holder{}
	for round := range uint64(rounds) {
		var winners atomic.Int64
		var crowd sync.WaitGroup
		for i := range takers {
			store, name := f.Store, string(rune('a'+i))
			if i%2 == 1 {
				store = f.Other
			}
			crowd.Go(func() {
				err := store.Take(f.ctx(), seen, eventstore.Holder{Term: round + 1, Name: name})
				if err == nil {
					winners.Add(1)
				} else if !errors.Is(err, eventstore.ErrConflict) {
					f.Errorf("Take: %v", err)
				}
			})
		}
		crowd.Wait()
		if winners.Load() != 1 {
			f.Fatalf("round %d: %d takers won", round, winners.Load())
		}
		var err error
		if seen, err = f.Store.Holder(f.ctx()); err != nil || seen.Term != round+1 {
			f.Fatalf("round %d: Holder: %v, %v", round, seen, err)
		}
	}
}

func staleTakes(f *fixture) {
	f.lead()
	holder := eventstore.Holder{Term: firstTerm, Name: "one"}
	next := eventstore.Holder{Term: firstTerm + 1, Name: "two"}
	f.conflict("Take of a lease that nobody held", f.Other.Take(f.ctx(), eventstore.Holder{}, next))
	f.conflict("Take of another name's lease", f.Other.Take(f.ctx(), eventstore.Holder{Term: firstTerm, Name: "three"}, next))
	f.conflict("Take of another term's lease", f.Other.Take(f.ctx(), eventstore.Holder{Term: firstTerm - 1, Name: "one"}, next))
	if err := f.Store.Beat(f.ctx(), firstTerm); err != nil {
		f.Fatalf("Beat: %v", err)
	}
	f.conflict("Take of a lease whose holder lives", f.Other.Take(f.ctx(), holder, next))
	holder.Beat++
	f.holds(holder)
	f.take(holder, next)
	f.holds(next)
	f.conflict("Take again", f.Store.Take(f.ctx(), holder, next))
	f.holds(next)
}

func wrongTakes(f *fixture) {
	f.lead()
	holder := eventstore.Holder{Term: firstTerm, Name: "one"}
	for _, next := range []eventstore.Holder{
		{Term: firstTerm, Name: "two"},
		{Term: firstTerm - 1, Name: "two"},
		{Term: 0, Name: "two"},
		{Term: firstTerm + 1, Name: ""},
	} {
		f.conflict("Take", f.Store.Take(f.ctx(), holder, next))
	}
	f.holds(holder)
}

func oldTerm(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(1, "one")...)
	next := eventstore.Holder{Term: firstTerm + 1, Name: "two"}
	if err := f.Other.Take(f.ctx(), eventstore.Holder{Term: firstTerm, Name: "one"}, next); err != nil {
		f.Fatalf("Take: %v", err)
	}
	c := Commit(end, Events(2, "two")...)
	f.conflict("Append", f.Store.Append(f.ctx(), firstTerm, end, c))
	f.conflict("Beat", f.Store.Beat(f.ctx(), firstTerm))
	f.conflict("Release", f.Store.Release(f.ctx(), firstTerm))
	f.ends(end)
	f.holds(next)
	if err := f.Other.Append(f.ctx(), firstTerm+1, end, c); err != nil {
		f.Errorf("Append of the new term: %v", err)
	}
}

func released(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(1, "one")...)
	for range 2 { // the second is a repeat
		if err := f.Store.Release(f.ctx(), firstTerm); err != nil {
			f.Fatalf("Release: %v", err)
		}
		f.holds(eventstore.Holder{Term: firstTerm})
	}
	f.conflict("Append", f.Store.Append(f.ctx(), firstTerm, end, Commit(end, Events(1, "two")...)))
	f.conflict("Beat", f.Store.Beat(f.ctx(), firstTerm))
	f.ends(end)
	f.take(eventstore.Holder{Term: firstTerm}, eventstore.Holder{Term: firstTerm + 1, Name: "two"})
	f.conflict("Release of the old term", f.Store.Release(f.ctx(), firstTerm))
	f.holds(eventstore.Holder{Term: firstTerm + 1, Name: "two"})
}
