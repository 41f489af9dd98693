package storetest

import (
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

func cutCases() []testCase {
	return []testCase{
		{"a log goes on behind a cut", cutAndGoOn},
		{"a long end is cut", cutLong},
		{"what is behind a cut may be anything", cutStrange},
		{"a cut of nothing changes nothing, and lets a log go on whose end was deleted", cutNothing},
		{"a cut that comes again, late, cuts nothing that was appended since", lateCut},
		{"nothing is cut that does not fit the lease and the log", wrongCuts},
	}
}

func (f *fixture) cut(after eventstore.Tip) {
	f.Helper()
	if err := f.Store.Cut(f.ctx(), firstTerm, after); err != nil {
		f.Fatalf("Cut(%d): %v", after.Seq, err)
	}
	f.ends(after)
}

func cutAndGoOn(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	end := f.append(eventstore.Tip{}, one.Events...)
	f.append(f.append(end, Events(3, "two")...), Events(1, "three")...)
	f.cut(end)
	f.cut(end) // its reply may have been lost
	f.contains(one)
	other := Commit(end, Events(2, "other")...)
	f.append(end, other.Events...)
	f.contains(one, other)
}

// A request that was believed lost arrived when the term had gone on, and took
// the whole of it away.
func lateCut(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(2, "one")...)
	f.append(end, Events(3, "two")...)
	f.cut(end)
	began := Commit(end, Events(1, "began")...)
	seal, err := signing.ParseSeal("", 0, began.Seal)
	if err != nil {
		f.Fatal(err)
	}
	seal.Term = firstTerm
	began.Seal = seal.Append(nil)
	if err := f.Store.Append(f.ctx(), firstTerm, end, began); err != nil {
		f.Fatal(err)
	}
	last := f.append(began.Tip(), Events(2, "more")...)
	f.conflict("a late Cut", f.Store.Cut(f.ctx(), firstTerm, end))
	f.ends(last)
}

func cutLong(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(1, "first")...)
	last := end
	for range 5 {
		last = f.append(last, Events(signing.MaxSealed, "more")...)
	}
	f.cut(end)
	f.append(end, Events(1, "next")...)
}

func cutStrange(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	end := f.append(eventstore.Tip{}, one.Events...)
	f.Intrude(eventstore.Batch{First: end.Seq + 1, Events: [][]byte{[]byte("anything")}, Seal: []byte("no seal")})
	f.cut(end)
	f.contains(one)
}

func cutNothing(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(2, "one")...)
	f.append(end, Events(2, "two")...)
	f.Truncate(end.Seq)
	f.cut(end)
	f.append(end, Events(1, "next")...)
}

func wrongCuts(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	two := Commit(one.Tip(), Events(2, "two")...)
	f.append(eventstore.Tip{}, one.Events...)
	f.append(one.Tip(), two.Events...)
	wrong := []struct {
		name  string
		term  uint64
		after eventstore.Tip
	}{
		{"with another term", firstTerm + 1, one.Tip()},
		{"with no term", 0, one.Tip()},
		{"of everything", firstTerm, eventstore.Tip{}},
		{"behind another seal", firstTerm, eventstore.Tip{Seq: 2, Seal: two.Tip().Seal}},
		{"within a commit", firstTerm, eventstore.Tip{Seq: 3}},
		{"behind the end", firstTerm, eventstore.Tip{Seq: 5, Seal: two.Tip().Seal}},
	}
	for _, w := range wrong {
		f.conflict("Cut "+w.name, f.Store.Cut(f.ctx(), w.term, w.after))
	}
	f.contains(one, two)
	if err := f.Store.Release(f.ctx(), firstTerm); err != nil {
		f.Fatal(err)
	}
	f.conflict("Cut after the lease was given back", f.Store.Cut(f.ctx(), firstTerm, one.Tip()))
}
