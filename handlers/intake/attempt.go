package intake

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
)

// about asks a command of the job that a report is about. A report on another
// attempt than the open one, or from somebody who may not serve the job's
// queue, changes nothing and is counted; the bundle keeps it as evidence, and
// the job's history names it when it spoke of an attempt's end.
func (b *bundle) about(tx *eventstore.Tx, r runner.Report, by eventstore.By) error {
	about, decides := attempt(r)
	if !decides {
		return nil // kept in the bundle
	}
	if !history.Serves(tx.Access(), b.Runner, b.Key, tx.Job(about.Job).Queue, tx.Now()) {
		b.late++
		return nil
	}
	_, err := tx.DecideJob(about.Job, by, command(tx, r, job.Start{Token: about.Token, Process: b.Process, By: by.Actor}))
	switch domain.CodeOf(err) {
	case domain.Stale:
		b.late++
		return b.refused(tx, r, by)
	case domain.NotFound, domain.Invalid:
		b.late++
		return nil
	default:
		return err
	}
}

// command is what a report asks of its job.
func command(tx *eventstore.Tx, r runner.Report, start job.Start) job.Command {
	switch r := r.(type) {
	case runner.Started:
		return start
	case runner.Checkpoint:
		return job.Keep{Start: start, Hash: r.Hash(), At: tx.Now()}
	case runner.Completed:
		return job.Finish{Start: start, At: tx.Now()}
	case runner.Stopped:
		return job.Finish{Start: start, Stopped: true, At: tx.Now()}
	case runner.Failed:
		return job.Finish{Start: start, Failure: r.Kind, Again: r.Again, After: r.After, At: tx.Now()}
	case runner.Join, runner.Leave, runner.Log, runner.Progress, runner.Refused:
	}
	panic("intake: a report that decides nothing")
}

// refused has the job's history name a report that came too late.
func (b *bundle) refused(tx *eventstore.Tx, r runner.Report, by eventstore.By) error {
	about, said, ends := history.Ends(r)
	if !ends {
		return nil
	}
	_, err := tx.DecideJob(about.Job, by, job.Refuse{Token: about.Token, Process: b.Process, Said: said})
	if domain.CodeOf(err) == domain.NotFound {
		return nil
	}
	return err
}
