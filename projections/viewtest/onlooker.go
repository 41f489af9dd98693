package viewtest

import (
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/projections/engine"
)

// anOnlookerKnowsWhoLeads reads keys and leaders from the views, as one who does
// not lead.
func anOnlookerKnowsWhoLeads(t *testing.T, l *Leader) {
	ctx := t.Context()
	l.AppendNew()
	early := engine.NewOnlooker(l.Config(), l.Views)
	if _, known, err := early.Leader(ctx, l.History.Term()); known || err != nil {
		t.Errorf("before there are views: %v, %v", known, err)
	}
	if keys, _, err := early.Known(ctx); keys.Statements != 0 || err != nil {
		t.Errorf("before there are views there are %d statements, %v", keys.Statements, err)
	}
	l.Begin()
	o := engine.NewOnlooker(l.Config(), l.Views)
	began := l.History.State.Term
	if leader, known, err := o.Leader(ctx, began.Term); !known || err != nil || leader != began {
		t.Errorf("%+v, %v, %v; want %+v", leader, known, err, began)
	}
	if leader, known, err := o.Leader(ctx, began.Term+1); known || err != nil {
		t.Errorf("a term that has not begun is led by %+v, %v", leader, err)
	}

	// A key that is admitted is known at once, and one more term.
	key := historytest.Key("another")
	l.History.Commit(func(tx *historytest.Tx) { tx.Admit(key, access.Key{Class: access.Client, Name: "another"}) })
	l.Feed()
	keys, founding, err := o.Access(ctx)
	if _, ok := keys.Key(access.Client, key.Public().ID(), l.History.Now); err != nil || !ok || founding != l.Config().Founding {
		t.Errorf("the key is known: %v, founded by %s, %v", ok, founding, err)
	}
	l.History.BeginTerm()
	l.Feed()
	if leader, known, err := o.Leader(ctx, l.History.Term()); !known || err != nil || leader != l.History.State.Term {
		t.Errorf("%+v, %v, %v; want %+v", leader, known, err, l.History.State.Term)
	}

	// An address that was given with a key which was revoked since is told to nobody.
	spare := historytest.Key("spare")
	l.History.Commit(func(tx *historytest.Tx) { tx.Admit(spare, access.Key{Class: access.Supervisor, Name: "spare"}) })
	l.History.Commit(func(tx *historytest.Tx) { tx.Revoke(l.History.Supervisor.Public().ID(), "stolen") })
	l.Feed()
	if leader, known, err := o.Leader(ctx, l.History.Term()); known || err != nil {
		t.Errorf("a leader whose key was revoked: %+v, %v", leader, err)
	}

	trusts := l.Config()
	trusts.Founding[0] ^= 1
	if _, _, err := engine.NewOnlooker(trusts, l.Views).Access(ctx); domain.ReasonOf(err) != "founding" {
		t.Errorf("somebody else's founding: %v", err)
	}
	l.Lose("statements")
	if _, _, err := engine.NewOnlooker(l.Config(), l.Views).Access(ctx); domain.ReasonOf(err) != "views_damaged" {
		t.Errorf("without the proofs of the statements: %v", err)
	}
}
