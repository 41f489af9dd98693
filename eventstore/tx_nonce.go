package eventstore

import (
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
)

// spending is a job that has a nonce to itself.
type spending struct {
	until event.Time
	seq   uint64 // of its submission
}

// Nonces names the nonces of a job, which submitting it looks at, as aggregates
// of a [Work].
func Nonces(o *job.Opened) (aggregates []event.Aggregate) {
	for _, nonce := range o.Nonces() {
		aggregates = append(aggregates, nonceAggregate(nonce))
	}
	return aggregates
}

// nonceAggregate names a nonce as [job.Opened.Nonces] gives it.
func nonceAggregate(nonce string) event.Aggregate {
	return event.Aggregate{Kind: event.Nonce, ID: nonce}
}

// guard tells a submission until when its nonces are spent.
func (tx *Tx) guard(c job.Command) (job.Command, error) {
	submit, ok := c.(job.Submit)
	if !ok || submit.Job.Spec.Nonce == "" {
		return c, nil
	}
	for _, nonce := range submit.Job.Nonces() {
		if err := tx.named(nonceAggregate(nonce)); err != nil {
			return nil, err
		}
		submit.Spent = max(submit.Spent, tx.spent(nonce))
	}
	return submit, nil
}

// spent returns until when a nonce is spent, zero for one that never was.
func (tx *Tx) spent(nonce string) event.Time {
	for i := range tx.nonces {
		if tx.nonces[i].key == nonce {
			return tx.nonces[i].state.until
		}
	}
	return tx.leader.memory.state.Nonces[nonce]
}

// spend notes that a job has its nonces to itself.
func (tx *Tx) spend(submitted job.Submitted, seq uint64) {
	nonces, until := submitted.Spends()
	for _, nonce := range nonces {
		set(&tx.nonces, nonce, spending{until, seq})
	}
}

// recallNonce takes up which job spent a nonce that is cold. The index names the
// place, and what stands there says whose nonce it was, and until when.
func (m *memory) recallNonce(a event.Aggregate, entries []history.Entry) error {
	var last uint64
	for i := range entries {
		nonces, until := entries[i].Spends()
		if !slices.Contains(nonces, a.ID) {
			return domain.Errorf(domain.Halted, "views_damaged", "the index names %s as what spent a nonce", &entries[i])
		}
		m.state.Nonces[a.ID], last = until, entries[i].Seq
	}
	m.keep(a, last)
	return nil
}
