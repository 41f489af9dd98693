package runnersdk

import (
	"slices"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// grant returns an attempt of a job, sealed by whoever seals now.
func (d *turns) grant(id string) queue.Assignment {
	return d.Assign(queuetest.Sign(queuetest.Document(id, "p"), d.client))
}

// ran fails the test unless these reports were sent, in any order.
func (d *turns) ran(want ...string) {
	d.t.Helper()
	d.turn()
	got := story(d.reports())
	slices.Sort(got)
	if !slices.Equal(got, want) {
		d.t.Errorf("reports %q, want %q", got, want)
	}
}

// Who stole a key could have sealed whatever it has sealed, and dated it back.
func TestARevokedKeysGrantsAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		next, stolen := queuetest.Key(t, "next"), d.Supervisor
		d.Admit(access.Supervisor, "s2", next)
		before := d.grant("j1")
		d.Supervisor = next
		d.State(access.Revoked{Key: stolen.Public().ID()})
		d.put(before)
		d.put(d.grant("j2"))
		d.ran("j1 refused: key", "j2 completed: p")
	})
}

func TestARotatedKeysGrantsAreGoodUpToItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		next, old := queuetest.Key(t, "next"), d.Supervisor
		before := d.grant("j1")
		d.State(access.Rotation(space, old, next, event.At(time.Now())))
		time.Sleep(time.Second)
		late := d.grant("j2")
		d.Supervisor = next
		d.put(before)
		d.put(late)
		d.put(d.grant("j3"))
		d.ran("j1 completed: p", "j2 refused: key", "j3 completed: p")
	})
}

func TestANewcomersGrantsAreGoodWhenAnOperatorAdmitsIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		d.Supervisor = queuetest.Key(t, "newcomer")
		d.State(access.Admitted{Key: access.Key{Class: access.Supervisor, Name: "s2"}.Proved(space, d.Supervisor).Vouched(space, d.Operator)})
		d.put(d.grant("j1"))
		d.ran("j1 completed: p")
	})
}

// Who stole a key that was revoked since made statements with it that counted
// fewer statements, as if it had been before: with them he admitted himself.
func TestARevokedKeyStatesNothing(t *testing.T) {
	for name, first := range map[string]uint64{"at the end": 0, "in the place of the revocation": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := begin(t, echo)
				next, stolen, thief := queuetest.Key(t, "next"), d.Supervisor, queuetest.Key(t, "thief")
				d.Admit(access.Supervisor, "s2", next)
				before := d.Statements
				d.Supervisor = next
				d.State(access.Revoked{Key: stolen.Public().ID()})
				d.Supervisor, d.Statements, d.Seq = stolen, before, d.Seq-first
				d.Admit(access.Supervisor, "s3", thief)
				d.Supervisor, d.Statements = thief, before+2
				d.put(d.grant("j1"))
				if _, err := d.Turn(t.Context()); domain.CodeOf(err) != domain.Forbidden || d.trust.known() != before+1 {
					t.Errorf("%d statements are believed, %v; want the first %d", d.trust.known(), err, before+1)
				}
				if got := story(d.reports()); len(got) > 0 {
					t.Errorf("reports %q", got)
				}
			})
		})
	}
}
