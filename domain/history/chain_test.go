package history_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

func TestAHistoryIsFollowedToItsEnd(t *testing.T) {
	a := story(t)
	for name, check := range map[string]func(*history.Chain, *history.Commit) error{
		"checked": (*history.Chain).Check, "followed": (*history.Chain).Follow,
	} {
		chain, err := follow(a.Raws(), check)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := history.Head{Seq: 19, Seal: a.Draft.Prev, Term: 7, Latest: a.Now - 1000}
		if diff := cmp.Diff(want, chain.Head()); diff != "" {
			t.Errorf("%s: head (-want +got):\n%s", name, diff)
		}
		if s := chain.State; s.Access.Statements != 6 || s.Term.Term != 7 || s.Term.Key != keyID(leader) {
			t.Errorf("%s: %d statements, term %+v", name, s.Access.Statements, s.Term)
		}
	}
	chain, _ := follow(a.Raws(), (*history.Chain).Check)
	for id, want := range map[string]job.Status{"j1": job.Running, "j2": job.Broken, "j3": job.Waiting} {
		parsed, err := job.ParseID(id)
		if s := chain.State.Jobs[parsed]; err != nil || s.Status != want || s.ID != parsed {
			t.Errorf("%s is %v and called %v, want %v", id, s.Status, s.ID, want)
		}
	}
	if p := chain.State.Processes["r1/a1"]; p.Number != 3 || p.Key != keyID(runnerOne) {
		t.Errorf("process %+v", p)
	}
	if r := chain.State.Runners["r1"]; r.Version != 1 || !r.Pin.IsZero() {
		t.Errorf("runner %+v", r)
	}
}

// What was read once need not be read again: a chain goes on from a head.
func TestAChainGoesOnFromAHead(t *testing.T) {
	a := story(t)
	chain, err := follow(a.Raws(), (*history.Chain).Check)
	if err != nil {
		t.Fatal(err)
	}
	a.complete(one, "j1")
	a.Seal()
	for _, tt := range []struct {
		name string
		head history.Head
		why  string
	}{
		{"from another seal", history.Head{Seq: 19, Seal: signing.Hash{1}, Term: 7}, "does not follow the seal"},
		{"from another place", history.Head{Seq: 18, Seal: a.Draft.Prev, Term: 7}, "the seal is of"},
		{"from a later term", history.Head{Seq: 19, Seal: chain.Head().Seal, Term: 8}, "a seal of term 7 follows one of term 8"},
		{"from where it stood", chain.Head(), ""}, // last: it moves the state
	} {
		next := history.NewChain("horus", 0, signing.NewVerifier(4))
		next.State = chain.State
		next.SetHead(tt.head)
		reader := history.NewReader("horus", 0, 19)
		var commit *history.Commit
		for _, raw := range a.Raws()[19:] {
			if commit, err = reader.Next(raw); err != nil {
				t.Fatal(err)
			}
		}
		if err := next.Check(commit); tt.why != "" {
			wantFault(t, err, tt.head.Seq+1, tt.why)
		} else if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestTamperingIsFoundInItsPlace(t *testing.T) {
	replace := func(raws []history.Raw, seq int, old, replacement string) {
		before := raws[seq-1].Event
		raws[seq-1].Event = bytes.Replace(before, []byte(old), []byte(replacement), 1)
		if bytes.Equal(before, raws[seq-1].Event) {
			t.Fatalf("seq %d has no %s", seq, old)
		}
	}
	reseal := func(raws []history.Raw, seq int, name string, edit func(*signing.Seal)) {
		copy(raws, historytest.Edited(raws, seq-1, func(s *signing.Seal) {
			edit(s)
			*s = s.Sign(key(name))
		}))
	}
	for _, tt := range []struct {
		name   string
		tamper func(raws []history.Raw) []history.Raw
		seq    uint64 // of the fault
		why    string
	}{
		{"a payload is changed", func(r []history.Raw) []history.Raw { replace(r, 13, "echo two", "echo 2.0"); return r }, 12, "not those that were sealed"},
		{"a time is changed", func(r []history.Raw) []history.Raw { replace(r, 15, "12:00:00", "11:00:00"); return r }, 14, "not those that were sealed"},
		{"an outcome is changed", func(r []history.Raw) []history.Raw { replace(r, 18, `"error"`, `"timeout"`); return r }, 16, "not those that were sealed"},
		{"the founding is changed", func(r []history.Raw) []history.Raw { replace(r, 1, `"partitions":1`, `"partitions":2`); return r }, 1, "not those that were sealed"},
		{"an event is no event any more", func(r []history.Raw) []history.Raw { replace(r, 15, `"attempt":1`, `"attempt":0`); return r }, 15, "attempts are numbered"},
		{"an event is nothing any more", func(r []history.Raw) []history.Raw { r[14].Event = nil; return r }, 15, "parse event"},
		{"a byte is gone", func(r []history.Raw) []history.Raw { r[14].Event = r[14].Event[:len(r[14].Event)-1]; return r }, 15, "want }"},
		{"an event is of another namespace", func(r []history.Raw) []history.Raw { replace(r, 12, `"ns":"horus"`, `"ns":"hero0"`); return r }, 12, "of another place"},
		{"an event is of another partition", func(r []history.Raw) []history.Raw { replace(r, 13, `"p":0`, `"p":1`); return r }, 13, "of another place"},

		{"the founding is dropped", func(r []history.Raw) []history.Raw { return r[1:] }, 1, "bears the number 2"},
		{"an event is dropped", func(r []history.Raw) []history.Raw { return slices.Delete(r, 12, 13) }, 13, "bears the number 14"},
		{"a commit is dropped", func(r []history.Raw) []history.Raw { return slices.Delete(r, 13, 15) }, 14, "bears the number 16"},
		{"a commit is dropped and the rest renumbered", func(r []history.Raw) []history.Raw { return historytest.Renumbered(slices.Delete(r, 13, 15)) }, 14, "the seal is of 3 events from 16"},
		{"an event is dropped and the rest renumbered", func(r []history.Raw) []history.Raw { return historytest.Renumbered(slices.Delete(r, 11, 12)) }, 12, "the seal is of 2 events from 12; here are 1"},
		{"two events are swapped", func(r []history.Raw) []history.Raw { r[11], r[12] = r[12], r[11]; return r }, 12, "bears the number 13"},
		{"two events are swapped and renumbered", func(r []history.Raw) []history.Raw {
			r[11].Event, r[12].Event = r[12].Event, r[11].Event
			return r
		}, 12, "not those that were sealed"},
		{"two commits are swapped and renumbered", func(r []history.Raw) []history.Raw {
			return historytest.Renumbered(slices.Concat(r[:7], r[9:11], r[7:9], r[11:]))
		}, 8, "the seal is of 2 events from 10"},
		{"an event stands twice", func(r []history.Raw) []history.Raw { return slices.Insert(r, 12, r[11]) }, 13, "bears the number 12"},
		{"an event stands twice and is renumbered", func(r []history.Raw) []history.Raw { return historytest.Renumbered(slices.Insert(r, 12, r[11])) }, 12, "here are 3"},
		{"a commit stands twice and is renumbered", func(r []history.Raw) []history.Raw { return historytest.Renumbered(append(r, r[18])) }, 20, "the seal is of 1 events from 19"},
		{"an entry is renumbered", func(r []history.Raw) []history.Raw { r[12].Seq = 99; return r }, 13, "bears the number 99"},
		{"the last entry is cut off a commit", func(r []history.Raw) []history.Raw { return r[:17] }, 16, "2 events at the end are not sealed"},

		{"a seal is gone", func(r []history.Raw) []history.Raw { r[12].Seal = nil; return r }, 12, "the seal is of 2 events from 14; here are 4"},
		{"the last seal is gone", func(r []history.Raw) []history.Raw { r[18].Seal = nil; return r }, 19, "not sealed"},
		{"a seal is no seal", func(r []history.Raw) []history.Raw { r[12].Seal = []byte("sealed"); return r }, 13, "not a seal"},
		{"a seal stands on an entry too early", func(r []history.Raw) []history.Raw {
			r[11].Seal, r[12].Seal = r[12].Seal, nil
			return r
		}, 12, "here are 1"},
		{"a seal's signature is changed", func(r []history.Raw) []history.Raw {
			return historytest.Edited(r, 12, func(s *signing.Seal) { s.Signature[0] ^= 1 })
		}, 12, "a signature is not of the key"},
		{"a seal is of another commit", func(r []history.Raw) []history.Raw { r[14].Seal = r[10].Seal; return r }, 14, "from 10"},
		{"a seal names another seal before it", func(r []history.Raw) []history.Raw {
			reseal(r, 13, leader, func(s *signing.Seal) { s.Prev[0] ^= 1 })
			return r
		}, 12, "does not follow the seal before it"},
		{"a seal is made again in other words", func(r []history.Raw) []history.Raw {
			reseal(r, 13, leader, func(s *signing.Seal) { s.Statements-- })
			return r
		}, 12, "names 5 statements before it; there are 6"},
		{"a seal is of an earlier term", func(r []history.Raw) []history.Raw {
			reseal(r, 13, leader, func(s *signing.Seal) { s.Term-- })
			return r
		}, 12, "a seal of term 6 follows one of term 7"},
		{"a seal is of a term that never began", func(r []history.Raw) []history.Raw {
			reseal(r, 13, leader, func(s *signing.Seal) { s.Term++ })
			return r
		}, 12, "in term 8 before it began"},
		{"a seal is of no term", func(r []history.Raw) []history.Raw {
			reseal(r, 7, leader, func(s *signing.Seal) { s.Term = 0 })
			return r
		}, 1, "a seal of term 0"},
		{"a seal counts another number", func(r []history.Raw) []history.Raw {
			reseal(r, 13, leader, func(s *signing.Seal) { s.Count++ })
			return r
		}, 12, "the seal is of 3 events"},
		{"the founding is sealed by another", func(r []history.Raw) []history.Raw {
			reseal(r, 7, operator, func(*signing.Seal) {})
			return r
		}, 1, "does not begin with the founding"},
		{"a commit is sealed by a stranger", func(r []history.Raw) []history.Raw {
			reseal(r, 13, stranger, func(*signing.Seal) {})
			return r
		}, 12, "not led by key"},
		{"a commit is sealed by the stand-by in the leader's term", func(r []history.Raw) []history.Raw {
			reseal(r, 13, standby, func(*signing.Seal) {})
			return r
		}, 12, "not led by key"},
		{"a seal names the leader and is a stranger's", func(r []history.Raw) []history.Raw {
			return historytest.Edited(r, 12, func(s *signing.Seal) { s.Signature = key(stranger).Sign(s.Text()) })
		}, 12, "a signature is not of the key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantFault(t, verify(tt.tamper(copied(story(t).Raws()))), tt.seq, tt.why)
		})
	}
}

// copied shares no byte with raws.
func copied(raws []history.Raw) []history.Raw {
	all := make([]history.Raw, len(raws))
	for i, r := range raws {
		all[i] = history.Raw{Seq: r.Seq, Event: bytes.Clone(r.Event), Seal: bytes.Clone(r.Seal)}
	}
	return all
}

func TestAForgedSuffixIsFound(t *testing.T) {
	for _, tt := range []struct {
		name  string
		key   string
		write func(a *author)
		seq   uint64
		why   string
	}{
		{"by a stranger", stranger, func(a *author) { a.begin(8, stranger) }, 20, "may not seal"},
		{"by a client", webClient, func(a *author) { a.begin(8, webClient) }, 20, "may not seal"},
		{"by a runner", runnerOne, func(a *author) { a.begin(8, runnerOne) }, 20, "may not seal"},
		{"by the operator", operator, func(a *author) { a.begin(8, operator) }, 20, "may not seal"},
		{"by a supervisor whose end has passed", retired, func(a *author) { a.begin(8, retired) }, 20, "may not seal"},
		{"by one who says that it is earlier", retired, func(a *author) { a.Now = noon; a.begin(8, retired) }, 20, "may not seal"},
		{"by the stand-by, who does not lead", standby, func(a *author) { a.complete(one, "j1") }, 20, "in term 8 before it began"},
		{"by the stand-by, who begins too late", standby, func(a *author) { a.complete(one, "j1"); a.begin(8, standby) }, 20, "in term 8 before it began"},
		{"by the stand-by, who says that the leader leads", standby, func(a *author) { a.begin(8, leader) }, 20, "term 8 began"},
		{"by the stand-by, who begins another term", standby, func(a *author) { a.begin(9, standby) }, 20, "term 9 began"},
		{"by one who admits himself", stranger, func(a *author) {
			a.admit(stranger, access.Key{Class: access.Supervisor, Name: "s9"})
			a.begin(8, stranger)
		}, 20, "may not seal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := story(t)
			a.Supervisor, a.Draft.Term = key(tt.key), 8
			tt.write(a)
			a.Seal()
			wantFault(t, verify(a.Raws()), tt.seq, tt.why)
		})
	}
}

func TestLeadershipPassesOn(t *testing.T) {
	a := story(t)
	a.Supervisor, a.Draft.Term = key(standby), 8
	a.begin(8, standby)
	a.complete(one, "j1")
	a.Seal()
	a.submit("j4", `{"id":"j4","payload":"x","runner":"r2"}`, webClient)
	a.Seal()
	if err := verify(a.Raws()); err != nil {
		t.Fatal(err)
	}
	b := a.clone()
	b.Supervisor = key(leader)
	b.complete(two, "j4")
	b.Seal()
	wantFault(t, verify(b.Raws()), 24, "term 8 is not led by key")

	c := a.clone()
	c.begin(7, standby)
	c.Seal()
	wantFault(t, verify(c.Raws()), 24, "term 7 began after term 8")
}

// A runner's key that ends between two events of one commit was judged as of
// the last of them, so a commit that was good when it was made made the whole
// history look tampered with.
func TestAKeyIsJudgedAsOfItsOwnEvent(t *testing.T) {
	a := story(t)
	third := process("r3", "c3", stranger)
	a.admit(stranger, access.Key{Class: access.Runner, Name: "r3", Until: a.Now + minute})
	a.Seal()
	a.join(third, signing.PublicKey{})
	a.submit("j4", `{"payload":"x","runner":"r3"}`, "")
	a.Seal()
	a.Now += minute - 4000
	late := a.clone()

	a.complete0(third, "j4")
	a.Now += minute
	a.submit("j5", `{"payload":"x","runner":"r3"}`, "")
	a.Seal()
	if err := verify(a.Raws()); err != nil {
		t.Errorf("an event before the key's end: %v", err)
	}

	late.submit("j5", `{"payload":"x","runner":"r3"}`, "")
	late.Now += minute
	late.submit("j6", `{"payload":"x","runner":"r3"}`, "")
	late.Now -= minute // a clock that went back brings no key back
	late.complete0(third, "j4")
	late.Seal()
	wantFault(t, verify(late.Raws()), late.Next()-3, "a key that is not its runner's")
}

// complete0 records that p ran and completed the first attempt of a job at once.
func (a *author) complete0(p *historytest.Process, id string) {
	cause := a.report(p, runner.Completed{About: a.About(id)})
	a.say(jobOf(id), p.Actor(), cause(0), job.Started{Attempt: 1, Process: p.Name})
	a.say(jobOf(id), p.Actor(), cause(0), job.Completed{Attempt: 1})
}

func TestAReaderWantsSeals(t *testing.T) {
	var raws []history.Raw
	for seq := uint64(1); seq <= signing.MaxSealed; seq++ {
		data := event.Append(nil, event.Header{
			Namespace: "horus", Aggregate: jobOf("j1"), Version: seq, At: noon, Actor: "runner:r1",
		}, job.Completed{Attempt: 1})
		raws = append(raws, history.Raw{Seq: seq, Event: data})
	}
	wantFault(t, verify(raws), 1, "no seal within 256 events")
	wantFault(t, verify(raws[:255]), 1, "255 events at the end are not sealed")
}

// A commit that somebody put together himself: what a reader refuses by itself
// is refused here too.
func TestACommitOfAnotherPlaceIsNone(t *testing.T) {
	a := story(t)
	reader := history.NewReader("horus", 0, 0)
	var first *history.Commit
	for _, raw := range a.Raws()[:7] {
		var err error
		if first, err = reader.Next(raw); err != nil {
			t.Fatal(err)
		}
	}
	for name, commit := range map[string]history.Commit{
		"of no events":         {Seal: signing.Seal{Namespace: "horus", First: 1, Term: 7}},
		"of another namespace": {Entries: first.Entries, Seal: signing.Seal{Namespace: "hero", First: 1, Count: 7, Term: 7}},
		"of another partition": {Entries: first.Entries, Seal: signing.Seal{Namespace: "horus", Partition: 1, First: 1, Count: 7, Term: 7}},
	} {
		chain := history.NewChain("horus", 0, signing.NewVerifier(1))
		if _, ok := history.IsFault(chain.Check(&commit)); !ok {
			t.Errorf("a commit %s was taken", name)
		}
	}
	for name, chain := range map[string]*history.Chain{
		"namespace": history.NewChain("hero", 0, signing.NewVerifier(1)),
		"partition": history.NewChain("horus", 1, signing.NewVerifier(1)),
	} {
		if _, ok := history.IsFault(chain.Check(first)); !ok {
			t.Errorf("a chain of another %s took a commit", name)
		}
	}
}

// TestNoMutationPasses mutates the raw entries at random. What passes is a
// beginning of the log, whole commits of it: a cut tail is found by whoever
// remembers the last seal.
func TestNoMutationPasses(t *testing.T) {
	good := story(t).Raws()
	rapid.Check(t, func(t *rapid.T) {
		raws := copied(good)
		for range rapid.IntRange(1, 3).Draw(t, "mutations") {
			raws = mutate(t, raws)
		}
		err := verify(raws)
		if err == nil && !begins(good, raws) {
			t.Fatal("a log that was changed passed")
		}
		if _, ok := history.IsFault(err); err != nil && !ok {
			t.Fatalf("%v is no fault", err)
		}
	})
}

// begins reports whether a log begins with these entries.
func begins(log, raws []history.Raw) bool {
	return len(raws) <= len(log) && slices.EqualFunc(log[:len(raws)], raws, func(a, b history.Raw) bool {
		return a.Seq == b.Seq && bytes.Equal(a.Event, b.Event) && bytes.Equal(a.Seal, b.Seal)
	})
}

// mutate changes a log in one place.
func mutate(t *rapid.T, raws []history.Raw) []history.Raw {
	if len(raws) == 0 {
		return raws
	}
	i := rapid.IntRange(0, len(raws)-1).Draw(t, "entry")
	j := rapid.IntRange(0, len(raws)-1).Draw(t, "other")
	flip := func(data []byte) []byte {
		if data = bytes.Clone(data); len(data) > 0 {
			data[rapid.IntRange(0, len(data)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		return data
	}
	switch rapid.IntRange(0, 10).Draw(t, "mutation") {
	case 0, 1:
		raws[i].Event = flip(raws[i].Event)
	case 2:
		raws[i].Seal = flip(raws[i].Seal)
	case 3:
		raws = slices.Delete(raws, i, i+1)
	case 4:
		raws = historytest.Renumbered(slices.Delete(raws, i, i+1))
	case 5:
		raws = historytest.Renumbered(slices.Insert(raws, j, raws[i]))
	case 6:
		raws[i], raws[j] = raws[j], raws[i]
		raws = historytest.Renumbered(raws)
	case 7:
		raws[i].Event = raws[j].Event
	case 8:
		raws[i].Seal = raws[j].Seal
	case 9:
		raws[i].Seq = raws[j].Seq
	case 10:
		raws[i].Event = raws[i].Event[:rapid.IntRange(0, len(raws[i].Event)).Draw(t, "bytes")]
	}
	return raws
}
