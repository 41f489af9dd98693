package historytest

import (
	"fmt"
	"strings"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Draw chooses a number from 0 to n-1. A property test draws it from its
// source; the same choices make the same history.
type Draw func(n int) int

// Step appends a random legal commit and returns it. It submits jobs, alone and
// in bulks, some with nonces that come again when they are good again, releases,
// loses, stops, replays, drops and deletes them, lets time go by and happen what
// is due, lets processes of three runners and one kind join, report and leave,
// and be silent or heard again, pauses, drains and resumes queues and runners,
// admits, rotates and revokes keys, adds and removes API keys, declares losses,
// and now and then lets another supervisor begin a term; a leader whose key ends
// does not go without a successor, whose commit is one more.
func (p *Partition) Step(draw Draw) *history.Commit {
	if _, ok := p.State.Access.Key(access.Supervisor, p.Supervisor.Public().ID(), p.Now); !ok || draw(20) == 0 {
		return p.hand(draw)
	}
	for {
		if c := p.Commit(func(tx *Tx) {
			for range 1 + draw(6) {
				tx.act(draw)
			}
		}); c != nil {
			return c
		}
	}
}

// act does one thing, or nothing when there is nothing of that sort to do.
func (tx *Tx) act(draw Draw) {
	p := tx.Partition
	switch what := draw(22); {
	case what < 3:
		tx.submitAny(draw)
	case what == 3:
		if id, ok := p.pick(draw, func(s job.State) bool { return s.Status == job.Created }); ok {
			tx.Release(id.String())
		}
	case what == 4:
		if id, ok := p.pick(draw, func(s job.State) bool { return s.Open() }); ok {
			tx.Lose(id.String(), []job.LossReason{job.LostLease, job.LostQueue}[draw(2)])
		}
	case what == 5:
		name := fmt.Sprintf("c%d", p.State.Access.Statements)
		made := []func(string) signing.PrivateKey{Key, Secp256k1Key}[draw(2)]
		tx.Admit(made(name), access.Key{Class: access.Client, Name: domain.Name(name)})
	case what == 6:
		tx.joinAny(draw)
	case what == 7:
		tx.endAny(draw)
	case what == 8:
		tx.declareAny(draw)
	case what == 9:
		tx.orderAny(draw)
	case what == 10:
		tx.watchAny(draw)
	case what == 11:
		tx.dueAny(draw)
	case what == 12:
		tx.stopAny(draw)
	case what == 13:
		tx.afterAny(draw)
	case what == 14:
		tx.callerAny(draw)
	default:
		tx.reportAny(draw)
	}
}

// submitAny lets any client submit a job, or several that it signs together.
func (tx *Tx) submitAny(draw Draw) {
	if draw(4) == 0 {
		clients := tx.holding(access.Client)
		defer func(usual signing.PrivateKey) { tx.Client = usual }(tx.Client)
		tx.Client = clients[draw(len(clients))]
	}
	id := func(n int) string { return fmt.Sprintf("j%d", len(tx.jobs)+n) }
	if draw(6) == 0 {
		tx.SubmitMany([]string{id(1), id(2), id(3), id(4)}[:1+draw(4)]...)
		return
	}
	tx.Submit(id(1), tx.anyJob(draw, id(1)))
}

func (tx *Tx) anyJob(draw Draw, id string) Job {
	forms := []job.Form{job.FormDSSE, job.FormJCS, job.FormUnsigned, job.FormUnsigned}
	j := Job{Payload: "echo " + id, Attempts: 1 + draw(3), Held: draw(4) == 0, Form: forms[draw(len(forms))]}
	if n := draw(4); n < 3 {
		j.Runner = domain.Name(fmt.Sprintf("r%d", n+1))
	} else {
		j.Executor = "sh"
	}
	if j.More = manners()[draw(len(manners()))]; j.More == "" && draw(6) == 0 {
		j.More = tx.hurried(draw)
	}
	if j.Form != job.FormUnsigned {
		j.More = tx.once(draw, j.More)
	}
	return j
}

// once gives a signed job a nonce, of the few that there are, unless its client
// has used that one for another job.
func (p *Partition) once(draw Draw, more string) string {
	word := fmt.Sprint("n", draw(6))
	if p.nonces[string(p.Client.Public().ID())+"/"+word] >= p.Now || draw(2) == 0 {
		return more
	}
	nonce := fmt.Sprintf(`"nonce":%q,"not_after":%q`, word, p.Now.Add(time.Duration(2+draw(60))*time.Second))
	return strings.TrimPrefix(more+","+nonce, ",")
}

// pick returns a job that is in a state.
func (p *Partition) pick(draw Draw, is func(job.State) bool) (job.ID, bool) {
	var found []job.ID
	for _, id := range p.jobs {
		if is(p.State.Jobs[id]) {
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		return job.ID{}, false
	}
	return found[draw(len(found))], true
}

// joinAny lets a process join: of r1 or r2, whose first key is pinned, or of
// k1, whose key is admitted for a kind.
func (tx *Tx) joinAny(draw Draw) {
	var w *Process
	switch n := draw(3); n {
	case 2:
		key := Key("runner k1")
		if !tx.State.Access.MayServe("k1", key.Public().ID(), []domain.Name{"sh"}, tx.Now) {
			tx.Admit(key, access.Key{Class: access.Runner, Name: "k1", Kinds: []domain.Name{"sh"}})
		}
		w = tx.NewProcess("k1", "sh")
	default:
		id := domain.Name(fmt.Sprintf("r%d", n+1))
		if tx.State.Access.Revoked(runnerKey(id).Public().ID()) {
			return
		}
		w = tx.NewProcess(id)
	}
	join := runner.Join{Key: w.Key.Public(), Kinds: w.Kinds, Slots: 4}
	if draw(2) == 0 {
		join.Seen = &tx.Commits[len(tx.Commits)-1].Seal
	}
	tx.Report(w, join)
}

// reportAny lets a process that joined report a few things: about attempts that
// it may run, and now and then about one that it may not, or that is over.
func (tx *Tx) reportAny(draw Draw) {
	var there []*Process
	for _, w := range tx.processes {
		revoked := tx.State.Access.Revoked(w.Key.Public().ID())
		if state := tx.process(w); state.Version > 0 && !state.Left && !revoked {
			there = append(there, w)
		}
	}
	if len(there) == 0 {
		return
	}
	w := there[draw(len(there))]
	if draw(10) == 0 {
		tx.Report(w, runner.Leave{})
		return
	}
	var reports []runner.Report
	for range 1 + draw(4) {
		if id, ok := tx.spoken(draw, w); ok {
			reports = append(reports, tx.reportOn(draw, id))
		}
	}
	if len(reports) > 0 {
		tx.Report(w, reports...)
	}
}
