package storetest

import "github.com/herocode/horus/eventstore"

func faultCases() []testCase {
	return []testCase{
		{"an append that was not kept is kept when it is asked again", lostAppend},
		{"an append whose reply was lost is kept once", lostReply},
		{"a repeat is kept once, however often", repeats},
		{"a repeat by a leader whose term is over still says that the commit was kept", repeatAfterTake},
		{"a repeat behind somebody else's commit is a conflict", repeatAfterIntruder},
		{"somebody else's commit is a conflict", intruder},
		{"another commit at the same place is no repeat", otherCommit},
		{"a tail that is gone is a conflict, and the next term goes on before it", lostTail},
		{"a log that is gone is a conflict, and the next term begins anew", lostLog},
		{"a repeat of a commit that is gone with others is a conflict", repeatAfterLoss},
		{"what a server forgets is no matter", forgotten},
	}
}

func lostAppend(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	two := Commit(one.Tip(), Events(3, "two")...)
	f.LoseAppend(false)
	f.unsure("Append", f.Store.Append(f.ctx(), firstTerm, one.Tip(), two))
	f.contains(one)
	f.append(one.Tip(), two.Events...)
	f.contains(one, two)
}

func lostReply(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	two := Commit(one.Tip(), Events(3, "two")...)
	f.LoseAppend(true)
	f.unsure("Append", f.Store.Append(f.ctx(), firstTerm, one.Tip(), two))
	f.contains(one, two)
	f.append(one.Tip(), two.Events...)
	f.contains(one, two)
	f.append(two.Tip(), Events(1, "three")...)
}

func repeats(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	for range 3 {
		f.append(eventstore.Tip{}, one.Events...)
	}
	two := Commit(one.Tip(), Events(2, "two")...)
	for range 3 {
		f.append(one.Tip(), two.Events...)
	}
	f.contains(one, two)
	f.conflict("Append of the commit before", f.Store.Append(f.ctx(), firstTerm, eventstore.Tip{}, one))
	f.contains(one, two)
}

func repeatAfterTake(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	f.take(eventstore.Holder{Term: firstTerm, Name: "one"}, eventstore.Holder{Term: firstTerm + 1, Name: "two"})
	f.append(eventstore.Tip{}, one.Events...)
	f.contains(one)
}

func repeatAfterIntruder(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	other := Commit(one.Tip(), Events(1, "other")...)
	f.Intrude(other)
	f.conflict("Append again", f.Store.Append(f.ctx(), firstTerm, eventstore.Tip{}, one))
	f.contains(one, other)
}

func intruder(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	other := Commit(one.Tip(), Events(3, "other")...)
	f.Intrude(other)
	two := Commit(one.Tip(), Events(3, "two")...)
	f.conflict("Append", f.Store.Append(f.ctx(), firstTerm, one.Tip(), two))
	f.contains(one, other)
	f.append(other.Tip(), Events(1, "three")...)
}

func otherCommit(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	other := Commit(eventstore.Tip{}, Events(2, "other")...)
	f.conflict("Append", f.Store.Append(f.ctx(), firstTerm, eventstore.Tip{}, other))
	f.contains(one)
}

func lostTail(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	end := f.append(one.Tip(), Events(3, "two")...)
	f.Truncate(one.Tip().Seq)
	f.ends(one.Tip())
	f.conflict("Append", f.Store.Append(f.ctx(), firstTerm, end, Commit(end, Events(1, "three")...)))
	f.contains(one)

	f.take(eventstore.Holder{Term: firstTerm, Name: "one"}, eventstore.Holder{Term: firstTerm + 1, Name: "one"})
	next := Commit(one.Tip(), Events(1, "four")...)
	if err := f.Store.Append(f.ctx(), firstTerm+1, one.Tip(), next); err != nil {
		f.Fatalf("Append of the next term: %v", err)
	}
	f.contains(one, next)
}

func lostLog(f *fixture) {
	f.lead()
	end := f.append(eventstore.Tip{}, Events(3, "one")...)
	f.Truncate(0)
	f.ends(eventstore.Tip{})
	f.conflict("Append", f.Store.Append(f.ctx(), firstTerm, end, Commit(end, Events(1, "two")...)))
	f.contains()

	f.take(eventstore.Holder{Term: firstTerm, Name: "one"}, eventstore.Holder{Term: firstTerm + 1, Name: "one"})
	next := Commit(eventstore.Tip{}, Events(1, "three")...)
	if err := f.Store.Append(f.ctx(), firstTerm+1, eventstore.Tip{}, next); err != nil {
		f.Fatalf("Append of the next term: %v", err)
	}
	f.contains(next)
}

func repeatAfterLoss(f *fixture) {
	f.lead()
	one := Commit(eventstore.Tip{}, Events(2, "one")...)
	f.append(eventstore.Tip{}, one.Events...)
	two := Commit(one.Tip(), Events(2, "two")...)
	f.LoseAppend(true)
	f.unsure("Append", f.Store.Append(f.ctx(), firstTerm, one.Tip(), two))
	f.Truncate(1)
	f.conflict("Append again", f.Store.Append(f.ctx(), firstTerm, one.Tip(), two))
}

func forgotten(f *fixture) {
	f.Forget()
	f.lead()
	var commits []eventstore.Batch
	end := eventstore.Tip{}
	for _, word := range []string{"one", "two", "three"} {
		f.Forget()
		commits = append(commits, Commit(end, Events(2, word)...))
		end = f.append(end, commits[len(commits)-1].Events...)
		f.Forget()
		if err := f.Store.Beat(f.ctx(), firstTerm); err != nil {
			f.Errorf("Beat: %v", err)
		}
	}
	f.contains(commits...)
	f.holds(eventstore.Holder{Term: firstTerm, Name: "one", Beat: 3})
	f.Forget()
	if err := f.Store.Release(f.ctx(), firstTerm); err != nil {
		f.Errorf("Release: %v", err)
	}
}
