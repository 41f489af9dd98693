package storetest

import (
	"context"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

func appendCases() []testCase {
	return []testCase{
		{"a commit holds 1 to 256 events", commitSizes},
		{"nothing is appended while nobody leads", nobodyLeads},
		{"nothing is appended that does not fit the lease and the end of the log", wrongAppends},
		{"a wrong append leaves an empty log empty", wrongFirstAppends},
	}
}

func commitSizes(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(1, "least")...)
	full := Commit(end, Events(signing.MaxSealed, "most")...)
	end = f.append(end, full.Events...)
	f.ends(end)
	for _, n := range []int{0, signing.MaxSealed + 1} {
		c := Commit(end, Events(n, "wrong")...)
		f.conflict("Append of too few or too many", f.Store.Append(f.ctx(), firstTerm, end, c))
	}
	f.ends(end)
}

func nobodyLeads(f *fixture) {
	c := Commit(eventstore.Tip{}, Events(1, "one")...)
	for _, term := range []uint64{0, 1, firstTerm} {
		f.conflict("Append", f.Store.Append(f.ctx(), term, eventstore.Tip{}, c))
	}
	f.ends(eventstore.Tip{})
}

func wrongAppends(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	two := Commit(one.Tip(), Events(2, "two")...)
	f.append(eventstore.Tip{}, one.Events...)
	end := f.append(one.Tip(), two.Events...)

	forged := eventstore.Tip{Seq: end.Seq, Seal: one.Tip().Seal}
	ahead := eventstore.Tip{Seq: end.Seq + 1, Seal: end.Seal}
	unsealed := eventstore.Tip{Seq: end.Seq, Seal: ""}
	within := eventstore.Tip{Seq: end.Seq - 1, Seal: ""}
	good := Commit(end, Events(3, "next")...)
	wrong := []struct {
		name  string
		term  uint64
		after eventstore.Tip
		c     eventstore.Batch
	}{
		{"an older term", firstTerm - 1, end, good},
		{"a newer term that nobody took", firstTerm + 1, end, good},
		{"no term", 0, end, good},
		{"behind an empty log", firstTerm, eventstore.Tip{}, Commit(eventstore.Tip{}, Events(3, "next")...)},
		{"behind an older end", firstTerm, one.Tip(), Commit(one.Tip(), Events(3, "next")...)},
		{"behind an older end, up to the same number", firstTerm, one.Tip(), Commit(one.Tip(), Events(2, "next")...)},
		{"within a commit", firstTerm, within, Commit(within, Events(3, "next")...)},
		{"behind an end that is not there yet", firstTerm, ahead, Commit(ahead, Events(3, "next")...)},
		{"behind another seal", firstTerm, forged, Commit(forged, Events(3, "next")...)},
		{"behind no seal", firstTerm, unsealed, Commit(unsealed, Events(3, "next")...)},
		{"with a gap", firstTerm, end, eventstore.Batch{First: end.Seq + 2, Events: good.Events, Seal: good.Seal}},
		{"over the end", firstTerm, end, eventstore.Batch{First: end.Seq, Events: good.Events, Seal: good.Seal}},
		{"without a seal", firstTerm, end, eventstore.Batch{First: good.First, Events: good.Events}},
		{"with an empty event", firstTerm, end, Commit(end, []byte("full"), nil)},
	}
	for _, w := range wrong {
		f.conflict("Append "+w.name, f.Store.Append(f.ctx(), w.term, w.after, w.c))
	}
	f.contains(one, two)
	f.append(end, good.Events...)
	f.contains(one, two, good)
}

func wrongFirstAppends(f *fixture) {
	f.lead()
	ahead := eventstore.Tip{Seq: 1, Seal: "seal"}
	sealed := eventstore.Tip{Seq: 0, Seal: "seal"}
	f.conflict("Append behind an end that is not there", f.Store.Append(f.ctx(), firstTerm, ahead, Commit(ahead, Events(2, "one")...)))
	f.conflict("Append behind a seal that is not there", f.Store.Append(f.ctx(), firstTerm, sealed, Commit(sealed, Events(2, "one")...)))
	f.ends(eventstore.Tip{})
	f.contains()
}

func doneContext(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(1, "one")...)
	holder := eventstore.Holder{Term: firstTerm, Name: "one"}
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()

	_, tipErr := f.Store.Tip(ctx)
	_, readErr := f.Store.Read(ctx, 0, 1)
	_, getErr := f.Store.Get(ctx, []uint64{1})
	_, holderErr := f.Store.Holder(ctx)
	for name, err := range map[string]error{
		"Append":  f.Store.Append(ctx, firstTerm, end, Commit(end, Events(1, "two")...)),
		"Tip":     tipErr,
		"Read":    readErr,
		"Get":     getErr,
		"Holder":  holderErr,
		"Take":    f.Store.Take(ctx, holder, eventstore.Holder{Term: firstTerm + 1, Name: "two"}),
		"Beat":    f.Store.Beat(ctx, firstTerm),
		"Release": f.Store.Release(ctx, firstTerm),
	} {
		f.unsure(name, err)
	}
	f.ends(end)
	f.holds(holder)
}
