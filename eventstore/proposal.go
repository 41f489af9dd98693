package eventstore

import (
	"context"
	"errors"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// maxLooks bounds how often cold aggregates are looked up for one decision: a
// look is in vain when the index is behind what was forgotten meanwhile.
const maxLooks = 4

// Execute decides and appends. Nil means that what w decided, and all that it
// was decided upon, is in the log, and durable if w asks for that. An error of
// Decide comes back as it is, once the same holds for what it was decided upon.
// [domain.TryAgain] and [domain.Overloaded] mean that nothing was kept;
// [domain.NotDurable] that it is in the log and may yet be lost;
// [domain.Indeterminate] that nobody knows yet. After the last two the same
// again is safe, and tells the truth.
func (l *Leader) Execute(ctx context.Context, w Work) error {
	return l.Propose(ctx, w).Wait(ctx)
}

// Proposal is a decision on its way into the log.
type Proposal struct {
	commit  *commit // nil when nothing is on its way
	decided error
	leader  *Leader
	through uint64 // place that must be durable before anybody is told; 0 if none
	recited bool   // it says what the leader remembers, to somebody outside
}

// Propose decides like Execute but does not wait: decisions of one caller that
// must keep their order travel in one commit. Nothing may be told to anybody
// before Wait has answered.
func (l *Leader) Propose(ctx context.Context, w Work) Proposal {
	for range maxLooks {
		p, cold, err := l.try(w)
		switch {
		case err != nil:
			return Proposal{decided: err}
		case len(cold) == 0:
			return p
		}
		if err := l.warm(ctx, cold); err != nil {
			return Proposal{decided: err}
		}
	}
	return Proposal{decided: domain.Errorf(domain.Overloaded, "views_behind", "the read models are behind the log: come back later")}
}

// Decided returns why nothing was decided, or what Decide said against it. It is
// for whoever must not go on after that, and may be told to nobody else before
// Wait has answered.
func (p Proposal) Decided() error { return p.decided }

// Wait answers as Execute does.
func (p Proposal) Wait(ctx context.Context) error {
	if p.commit != nil {
		if !isClosed(p.commit.done) {
			p.leader.cfg.Await(ctx, p.commit.done)
		}
		if !isClosed(p.commit.done) {
			return unanswered()
		}
		if p.commit.err != nil {
			return p.commit.err
		}
	}
	if p.through > 0 {
		if err := p.leader.reach(ctx, p.through); err != nil {
			return err
		}
	}
	if p.recited {
		if err := p.leader.leads(ctx); err != nil {
			return err
		}
	}
	return p.decided
}

// leads returns an error unless the lease is still the leader's. Whoever was cut
// off from the store does not know what others have decided since, and says from
// memory what is true no more.
func (l *Leader) leads(ctx context.Context) error {
	holder, err := l.cfg.Store.Holder(ctx)
	switch {
	case err != nil:
		later := domain.Errorf(domain.TryAgain, "unread", "the store does not answer, so whether this supervisor still leads is not known: ask again in a moment")
		return errors.Join(later, err)
	case holder.Term != l.term:
		return domain.Errorf(domain.TryAgain, "not_leader", "this supervisor leads no more: ask again")
	}
	return nil
}

// try decides if everything that w looks at is in memory, and returns what must
// be settled before the caller may be answered. Otherwise it returns what is
// missing.
func (l *Leader) try(w Work) (p Proposal, cold []event.Aggregate, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return p, nil, l.failed
	}
	for _, a := range w.Aggregates {
		if !l.memory.has(a) && !l.memory.meet(a) {
			cold = append(cold, a)
		}
	}
	if len(cold) > 0 {
		return p, cold, nil
	}
	// Keys are judged as of their place in the log, so no event is older than
	// one before it, whatever a clock says.
	tx := Tx{leader: l, now: l.time.now(), first: l.next, trace: w.Trace}
	p.decided, p.leader = w.Decide(&tx), l
	happened := p.decided == nil && len(tx.entries) > 0
	if happened {
		if err := l.gather(&tx); err != nil {
			return Proposal{}, nil, err
		}
	}
	p.commit = l.pending()
	if w.Durable {
		p.through, p.recited = l.restsOn(w.Aggregates, happened), !happened
	}
	return p, nil, nil
}

// restsOn returns the last place of what a decision rests on: what it decided,
// else the aggregates that it looked at, or everything if it named none.
func (l *Leader) restsOn(aggregates []event.Aggregate, happened bool) (through uint64) {
	if happened || len(aggregates) == 0 {
		return l.next - 1
	}
	for _, a := range aggregates {
		through = max(through, l.memory.last(a))
	}
	return through
}
