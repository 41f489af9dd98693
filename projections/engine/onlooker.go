package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Onlooker reads from a partition's views whose keys hold and who leads, for
// those who do not lead themselves. It believes what an engine believes that
// goes on where the views are: what supervisors sealed, from the founding on. It
// is safe for concurrent use.
type Onlooker struct {
	judge *Engine // without a writer: it judges and folds nothing
	views views.Reader

	mu sync.Mutex

	known  access.State // as of the newest statement, newest
	newest []byte
	origin signing.Hash
}

// NewOnlooker makes an onlooker. Of the configuration it takes Namespace,
// Partition, Log, Verifier and Founding; it reads views through reader.
func NewOnlooker(cfg Config, reader views.Reader) *Onlooker {
	return &Onlooker{
		judge: &Engine{cfg: cfg, source: proofs.Source{Log: cfg.Log, Namespace: cfg.Namespace, Partition: cfg.Partition}},
		views: reader,
	}
}

// Access returns the statements, with all that was stated before it was asked,
// and the fingerprint of the founding. There are none while the log is empty.
// Its errors are those of [views.Current], [views.ErrDamaged] when a statement
// does not hold, and [domain.Halted] with the reason "founding" when another one
// is trusted.
func (o *Onlooker) Access(ctx context.Context) (access.State, signing.Hash, error) {
	look, err := views.Current(ctx, o.views, views.Query{Statements: true})
	if err != nil {
		return access.State{}, signing.Hash{}, fmt.Errorf("read the statements: %w", err)
	}
	return o.believe(look)
}

// Known is Access but for what the views have not reached yet: it never waits.
// whole says that they have reached the end of the log, so that nothing is
// stated that is not among these.
func (o *Onlooker) Known(ctx context.Context) (keys access.State, whole bool, err error) {
	look, err := o.views.Look(ctx, views.Query{Statements: true, End: true})
	if err != nil {
		return access.State{}, false, fmt.Errorf("read the statements: %w", err)
	}
	keys, _, err = o.believe(look)
	return keys, look.Position.Seq >= look.End, err
}

// Leader returns who leads in a term of the lease. ok is false as long as the
// views do not show that this term began, or do not prove it, and when the
// leader's key was revoked.
func (o *Onlooker) Leader(ctx context.Context, of uint64) (leader term.State, ok bool, err error) {
	tip := views.Field{Table: views.Tips, Name: event.Aggregate{Kind: event.Leader}.String()}
	look, err := o.views.Look(ctx, views.Query{Statements: true, Fields: []views.Field{tip}})
	if err != nil {
		return leader, false, fmt.Errorf("look who leads: %w", err)
	}
	if look.Position.Seq == 0 {
		return leader, false, nil
	}
	keys, _, err := o.believe(look)
	if err != nil {
		return leader, false, err
	}
	leader, err = o.judge.leaderAt(ctx, look.Values[0], keys, of)
	if _, unproved := errors.AsType[unfit](err); unproved {
		return leader, false, nil
	}
	// Whoever stole a key could have begun the term with it, and with an address of
	// his own, to which callers' secrets would go; and its owner appends no more.
	return leader, err == nil && !keys.Revoked(leader.Key), err
}

// believe checks the statements of a look, unless they were checked before.
func (o *Onlooker) believe(look *views.Look) (access.State, signing.Hash, error) {
	n := look.Position.Statements
	if n == 0 {
		return access.State{}, signing.Hash{}, nil
	}
	newest := look.Statements[queue.StatementField(n)]
	o.mu.Lock()
	known, origin, same := o.known, o.origin, o.known.Statements == n && bytes.Equal(o.newest, newest)
	o.mu.Unlock()
	if same {
		return known, origin, nil
	}
	known, origin, err := o.judge.statements(look.Statements, n)
	if err != nil {
		return access.State{}, signing.Hash{}, fmt.Errorf("%w: a statement does not hold: %w", views.ErrDamaged, err)
	}
	if want := o.judge.cfg.Founding; !want.IsZero() && want != origin {
		return access.State{}, signing.Hash{}, domain.Errorf(domain.Halted, "founding",
			"the log begins with another founding (%s) than the one that is trusted (%s)", origin, want)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known, o.newest, o.origin = known, newest, origin
	return known, origin, nil
}
