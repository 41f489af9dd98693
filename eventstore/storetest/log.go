package storetest

import (
	"bytes"
	"math"
	"slices"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

func logCases() []testCase {
	return []testCase{
		{"an empty log has an empty end and no entries", emptyLog},
		{"what was appended is read, in pages of any size", readPages},
		{"a read behind the end finds nothing", readBehindTheEnd},
		{"get returns entries in the order of asking", getInOrder},
		{"get of what is not there has no event", getMissing},
		{"get takes more numbers than a commit has events", getMany},
		{"any bytes are kept", anyBytes},
		{"an event of 1 MiB is kept", largeEvent},
		{"bytes read are the reader's own", ownBytes},
		{"a done context ends every call", doneContext},
	}
}

func emptyLog(f *fixture) {
	f.ends(eventstore.Tip{})
	f.contains()
	got, err := f.Store.Get(f.ctx(), nil)
	if err != nil || len(got) != 0 {
		f.Errorf("Get(nothing): got %v, %v", got, err)
	}
}

func readPages(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(1, "one")...)
	two := Commit(one.Tip(), Events(5, "two")...)
	three := Commit(two.Tip(), Events(2, "three")...)
	end := eventstore.Tip{}
	for _, c := range []eventstore.Batch{one, two, three} {
		end = f.append(end, c.Events...)
		f.ends(end)
	}
	want := Raws(one, two, three)
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []history.Raw
		for {
			page, err := f.Other.Read(f.ctx(), uint64(len(got)), limit)
			if err != nil {
				f.Fatalf("Read: %v", err)
			}
			if wanted := min(limit, len(want)-len(got)); len(page) != wanted {
				f.Fatalf("Read(%d, %d): got %d entries, want %d", len(got), limit, len(page), wanted)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		f.same("the pages", want, got)
	}
}

func readBehindTheEnd(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(3, "one")...)
	for _, after := range []uint64{end.Seq, end.Seq + 1, math.MaxUint64 - 1} {
		got, err := f.Store.Read(f.ctx(), after, 10)
		if err != nil || len(got) != 0 {
			f.Errorf("Read(%d): got %v, %v", after, got, err)
		}
	}
	if got, err := f.Store.Read(f.ctx(), 0, 0); err != nil || len(got) != 0 {
		f.Errorf("Read(0, no entries): got %v, %v", got, err)
	}
}

func getInOrder(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(3, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	raws := Raws(one)
	got, err := f.Other.Get(f.ctx(), []uint64{3, 1, 3, 2})
	if err != nil {
		f.Fatal(err)
	}
	f.same("the entries", []history.Raw{raws[2], raws[0], raws[2], raws[1]}, got)
}

func getMissing(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	got, err := f.Other.Get(f.ctx(), []uint64{0, 2, 3, math.MaxUint64})
	if err != nil {
		f.Fatal(err)
	}
	f.same("the entries", []history.Raw{{Seq: 0}, Raws(one)[1], {Seq: 3}, {Seq: math.MaxUint64}}, got)
}

func getMany(f *fixture) {
	f.lead()
	var seqs []uint64
	var commits []eventstore.Batch
	end := eventstore.Tip{}
	for range 3 {
		commits = append(commits, Commit(end, Events(signing.MaxSealed, "many")...))
		end = f.append(end, commits[len(commits)-1].Events...)
	}
	for seq := end.Seq; seq > 0; seq-- {
		seqs = append(seqs, seq)
	}
	got, err := f.Other.Get(f.ctx(), seqs)
	if err != nil {
		f.Fatal(err)
	}
	slices.Reverse(got)
	f.same("the entries", Raws(commits...), got)
}

func anyBytes(f *fixture) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	f.lead()
	c := Commit(eventstore.Tip{}, every, []byte{0}, []byte("\r\n$-1\r\n"), []byte("*"), []byte("é\xff"))
	c.Seal = append(c.Seal, every...)
	if err := f.Store.Append(f.ctx(), firstTerm, eventstore.Tip{}, c); err != nil {
		f.Fatal(err)
	}
	f.contains(c)
	next := Commit(c.Tip(), every)
	if err := f.Store.Append(f.ctx(), firstTerm, c.Tip(), next); err != nil {
		f.Fatalf("Append behind a seal of any bytes: %v", err)
	}
	f.contains(c, next)
}

func largeEvent(f *fixture) {
	f.lead()
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20/16)
	c := Commit(eventstore.Tip{}, Events(1, "small")[0], large)
	end := f.append(eventstore.Tip{}, c.Events...)
	f.contains(c)
	next := Commit(end, large)
	f.append(end, large)
	f.contains(c, next)
}

func ownBytes(f *fixture) {
	f.lead()
	c := Commit(eventstore.Tip{}, Events(2, "one")...)
	given := Commit(eventstore.Tip{}, Events(2, "one")...)
	if err := f.Store.Append(f.ctx(), firstTerm, eventstore.Tip{}, given); err != nil {
		f.Fatal(err)
	}
	spoil := func(all ...[]byte) {
		for _, b := range all {
			clear(b)
		}
	}
	spoil(given.Events[0], given.Events[1], given.Seal)
	read, err := f.Store.Read(f.ctx(), 0, 2)
	if err != nil {
		f.Fatal(err)
	}
	got, err := f.Store.Get(f.ctx(), []uint64{1, 2})
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range append(read, got...) {
		spoil(raw.Event, raw.Seal)
	}
	f.contains(c)
}
