package audittest

import (
	"fmt"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
)

// Live writes a valid history of at least so many events, sealed, in which
// everything happens now and then. The first time it also founds it.
func (a *Author) Live(events int) {
	if len(a.log) == 0 {
		a.begin()
	}
	for len(a.log) < events {
		for range 1 + a.rng.IntN(4) {
			a.act()
		}
		a.Seal()
	}
}

// begin writes the founding and all keys.
func (a *Author) begin() {
	a.Found()
	a.Begin("first", Key(First))
	a.Seal()
	a.Admit(access.Supervisor, "second", Key(Second), 0)
	a.Admit(access.Supervisor, "old", Key(Old), a.Now.Add(expiry))
	a.Admit(access.Client, "c1", Key(Client), 0)
	a.Seal()
	a.Admit(access.Runner, "r2", Key(Admitted), 0, "sh")
	a.Seal()
	r1, r2 := Processes()
	a.Join(r1)
	a.Join(r2, "sh")
	a.Seal()
	a.Now = a.Now.Add(2 * expiry)
}

// act writes one thing that can happen now.
func (a *Author) act() {
	switch id, open := a.someOpen(); {
	case !open || a.rng.IntN(3) == 0:
		a.submitSome()
	case a.rng.IntN(60) == 0:
		a.Seal()
		a.Begin("first", Key(First))
	case a.rng.IntN(60) == 0:
		a.Seal()
		a.Begin("second", Key(Second))
	case a.rng.IntN(60) == 0:
		n := a.State.Access.Statements
		a.Admit(access.Client, "late", Key(fmt.Sprintf("client %d", n)), 0)
		a.Seal()
	default:
		a.advance(id)
	}
}

// submitSome submits a job in one of the ways that there are.
func (a *Author) submitSome() {
	forms := []job.Form{job.FormDSSE, job.FormDSSE, job.FormJCS, job.FormUnsigned}
	targets := []string{`"runner":"r1"`, `"executor":"sh"`, "\n \"runner\": \"r2\""}
	doc := Document(fmt.Sprintf("j%d", len(a.jobs)+1), targets[a.rng.IntN(len(targets))])
	a.Submit(Sign(forms[a.rng.IntN(len(forms))], doc, Key(Client)), a.rng.IntN(8) == 0)
}

// advance writes what happens next to a job that has no outcome.
func (a *Author) advance(id job.ID) {
	state := a.State.Jobs[id]
	switch {
	case state.Status == job.Created:
		a.Release(id)
	case a.rng.IntN(8) == 0:
		reasons := []job.LossReason{job.LostLease, job.LostQueue}
		a.Lose(id, reasons[a.rng.IntN(len(reasons))])
	case state.Status == job.Waiting && a.rng.IntN(2) == 0:
		a.Start(id)
	default:
		failures := []job.FailureKind{"", "", "", job.FailedError, job.FailedTimeout}
		a.Finish(id, failures[a.rng.IntN(len(failures))])
	}
}

// someOpen picks one of the youngest jobs that has no outcome yet.
func (a *Author) someOpen() (job.ID, bool) {
	const young = 40
	var open []job.ID
	for _, id := range a.jobs[max(len(a.jobs)-young, 0):] {
		if state := a.State.Jobs[id]; !state.Status.Terminal() {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return job.ID{}, false
	}
	return open[a.rng.IntN(len(open))], true
}
