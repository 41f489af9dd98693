package eventstore_test

import (
	"context"
	"slices"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

func (h *house) beginWith(b eventstore.Beginning) error {
	b.Founding = founding()
	return h.do(func(ctx context.Context) error { return h.Begin(ctx, b) })
}

// stated has the leader record a statement.
func (h *house) stated(c func(now event.Time) access.Command) error {
	return h.execute(eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(byCI(), c(tx.Now()))
		return err
	}})
}

func revoke(n byte) func(event.Time) access.Command {
	return func(event.Time) access.Command {
		return access.Revoke{Revoked: access.Revoked{Key: key(n).Public().ID()}}
	}
}

// All supervisors' disks are gone: an operator's signature is all that a new
// one needs.
func TestANewcomerBeginsWithAnOperatorsWord(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	h.key = key(9)
	own := access.Key{Class: access.Supervisor, Name: "s9"}.Proved(namespace, key(9))
	for name, k := range map[string]access.Key{
		"nobody's word":        {},
		"its own word":         own,
		"a supervisor's word":  own.Vouched(namespace, key(1)),
		"a word for a client":  access.Key{Class: access.Client, Name: "s9"}.Proved(namespace, key(9)).Vouched(namespace, key(2)),
		"a word for another":   access.Key{Class: access.Supervisor, Name: "s9"}.Proved(namespace, key(8)).Vouched(namespace, key(2)),
		"a word for elsewhere": own.Vouched("osiris", key(2)),
	} {
		h.lead()
		if err := h.beginWith(eventstore.Beginning{Admission: k}); err == nil {
			t.Errorf("%s: the term began", name)
		}
	}
	for range 2 { // the second time it is known
		h.lead()
		h.must(h.beginWith(eventstore.Beginning{Admission: own.Vouched(namespace, key(2))}))
	}
	h.must(h.execute(submit("j2", "x")))
	want := []string{"access.founded", "term.began", "job.submitted", "access.admitted", "term.began", "term.began", "job.submitted"}
	if got := h.types(); !slices.Equal(got, want) {
		t.Errorf("the log holds %q, want %q", got, want)
	}
}

// What is decided while a term begins waits for the next commit: a runner has
// the statements before a grant's commit, and no others.
func TestATermBeginsInACommitOfItsOwn(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	begun := make(chan error, 1)
	go func() { begun <- h.Begin(ctx, eventstore.Beginning{Founding: founding()}) }()
	<-h.Wake()
	p := h.Propose(ctx, submit("j1", "x"))
	h.turn()
	h.must(<-begun)
	h.must(p.Wait(ctx))
	if commits, _ := h.commits(); len(commits) != 2 || len(commits[0].Entries) != 2 {
		t.Errorf("%d commits, the first with %d events; want 2 with 2", len(commits), len(commits[0].Entries))
	}
}

func TestALeadersLastActIsToRevokeItsKey(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	k := access.Key{Class: access.Supervisor, Name: "s2"}.Proved(namespace, key(3))
	h.must(h.stated(func(now event.Time) access.Command { return access.Admit{Key: k, At: now} }))
	h.must(h.stated(revoke(1)))
	h.want(h.execute(submit("j2", "x")), domain.TryAgain)
	h.lead()
	h.want(h.begin(), domain.Forbidden)
	h.key = key(3)
	h.lead()
	h.must(h.begin())
	// What the revoked key sealed is what happened: it is read and believed.
	h.must(h.execute(submit("j1", "x")))
	if n := len(h.entries()); n != 6 {
		t.Errorf("%d events, want 6: the same job again is none", n)
	}
}

// Whoever stole a key that was revoked since, and can write to Redis, puts a commit
// with it in the place of one behind the revocation, and counts fewer statements:
// nothing is decided upon it.
func TestARevokedKeySealsNothingBehindItsRevocation(t *testing.T) {
	for name, c := range map[string]struct {
		submitted bool // before the key is revoked
		reason    string
	}{
		"behind":          {false, "log_damaged"},
		"before, as ever": {true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			k := access.Key{Class: access.Supervisor, Name: "s2"}.Proved(namespace, key(3))
			h.must(h.stated(func(now event.Time) access.Command { return access.Admit{Key: k, At: now} }))
			if c.submitted {
				h.must(h.execute(submit("j1", "x")))
			}
			h.must(h.stated(revoke(1)))
			h.key = key(3)
			h.lead()
			h.must(h.begin())
			if !c.submitted {
				h.must(h.execute(submit("j1", "x")))
			}
			chain, tip := h.follow((*history.Chain).Follow)
			commits, _ := h.commits()
			for _, commit := range commits {
				if commit.Entries[0].Aggregate.Kind == event.Job {
					forged := commit.Seal
					forged.Statements = 2
					h.mem.Tamper(forged.Last(), func(raw *history.Raw) { raw.Seal = forged.Sign(key(1)).Append(nil) })
				}
			}
			h.crownWith(h.terms, tip, chain) // whose memory is cold
			if err := h.execute(submit("j1", "x")); domain.ReasonOf(err) != c.reason {
				t.Errorf("%v; want the reason %q", err, c.reason)
			}
		})
	}
}

func TestALeadersKeyIsRotated(t *testing.T) {
	h := open(t)
	h.must(h.stated(func(now event.Time) access.Command {
		return access.Rotate{Rotated: access.Rotation(namespace, key(1), key(3), now), At: now}
	}))
	h.clock.Advance(1000)
	h.want(h.execute(submit("j1", "x")), domain.TryAgain)
	h.key = key(3)
	h.lead()
	h.must(h.begin())
	h.must(h.execute(submit("j1", "x")))
	h.entries()
}

// lose takes the last commit away and returns what is then known.
func (h *house) lose() eventstore.Loss {
	h.Helper()
	commits, _ := h.commits()
	last := commits[len(commits)-1].Seal
	before := commits[len(commits)-2].Seal
	h.mem.Truncate(before.Last())
	from, err := eventstore.LostFrom(context.Background(), h.mem, last)
	h.must(err)
	return eventstore.Loss{By: eventstore.By{Actor: event.BySystem("leader")}, From: from, Seal: last}
}

func TestALossIsDeclared(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	h.must(h.execute(submit("j2", "x")))
	first := h.lose()
	for range 2 { // the second time it is no news
		h.lead()
		h.must(h.beginWith(eventstore.Beginning{Losses: []eventstore.Loss{first}}))
	}
	h.must(h.execute(submit("j2", "x")))
	second := h.lose()
	h.lead()
	h.must(h.begin())
	declare := func(lost eventstore.Loss) (declared bool, err error) {
		err = h.execute(eventstore.Work{Aggregates: eventstore.Gaps(), Decide: func(tx *eventstore.Tx) (err error) {
			declared, err = tx.DeclareLoss(lost.By, lost.From, lost.Seal)
			return err
		}})
		return declared, err
	}
	second.By.Actor = event.ByRunner("r1")
	for _, want := range []bool{true, false} {
		if got, err := declare(second); got != want || err != nil {
			t.Errorf("declared %v, %v; want %v", got, err, want)
		}
	}
	want := []string{
		"access.founded", "term.began", "job.submitted", "term.began", "log.lost", "term.began", "term.began", "log.lost",
	}
	if got := h.types(); !slices.Equal(got, want) {
		t.Errorf("the log holds %q, want %q", got, want)
	}
}

func TestALossThatIsNoneEndsTheBeginning(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x")))
	commits, _ := h.commits()
	there := eventstore.Loss{From: 4, Seal: commits[1].Seal}
	forged := there
	forged.Seal.Count, forged.Seal.Signature = 9, signing.Signature{1}
	for _, tt := range []struct {
		lost eventstore.Loss
		code domain.Code
	}{{there, domain.Halted}, {forged, domain.Invalid}} {
		h.lead()
		h.want(h.beginWith(eventstore.Beginning{Losses: []eventstore.Loss{tt.lost}}), tt.code)
	}
	h.lead()
	h.must(h.begin())
	h.want(h.execute(eventstore.Work{Decide: func(tx *eventstore.Tx) error {
		_, err := tx.DeclareLoss(eventstore.By{}, 4, forged.Seal)
		return err
	}}), domain.Internal) // the work does not name the aggregate
	if got := h.types(); slices.Contains(got, "log.lost") {
		t.Errorf("the log holds %q", got)
	}
}
