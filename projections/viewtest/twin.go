package viewtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// Dump is everything that a generation holds, by table or list, then by name.
type Dump map[string]map[string]string

// Dump reads a generation.
func (f *Fixture) Dump(ctx context.Context, t TB, generation uint64) Dump {
	t.Helper()
	found := Dump{}
	for _, table := range views.Tables() {
		of := map[string]string{}
		err := views.Walk(ctx, f.Views, generation, table, func(page []views.Value) error {
			for _, v := range page {
				data, err := v.Value(v.Data)
				if err != nil {
					return err
				}
				of[v.Name] = string(data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		found[table.String()] = of
	}
	for _, status := range job.Statuses() {
		of := map[string]string{}
		err := views.WalkList(ctx, f.Views, generation, status, func(page []uint64) error {
			for _, seq := range page {
				of[fmt.Sprint(seq)] = ""
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		found["list:"+status.String()] = of
	}
	due := map[string]string{}
	err := views.WalkDue(ctx, f.Views, generation, func(page []views.DueEntry) error {
		for _, d := range page {
			due[d.Job.String()] = d.At.String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found["due"] = due
	return found
}

// twin folds a history naively: one event after the other, from the domain's
// own states, with everything in memory.
type twin struct {
	state     *history.State
	records   map[job.ID]*jobs.Record
	open      map[job.ID]jobs.Attempt
	logs      map[string]string
	tips      map[string]string
	runners   map[domain.Name]*runners.Record
	processes map[string]*runners.Process
	modes     map[string]string
	nonces    map[string]spending
	line      []string // of the nonces
	passed    int      // that once stood before those
	joined    map[job.Queue]bool
	bundles   map[string]heard         // by the beginning of their causes
	entries   map[queue.EntryID]job.ID // of open attempts
}

// spending says which submission spent a nonce, and until when.
type spending struct {
	seq   uint64
	until event.Time
}

// heard is a bundle and its place.
type heard struct {
	seq uint64
	*runner.Bundle
}

// Twin returns what the views of a history must hold.
func Twin(commits []*history.Commit) (Dump, map[queue.EntryID]job.ID) {
	w := &twin{
		state: history.NewState(), records: map[job.ID]*jobs.Record{}, open: map[job.ID]jobs.Attempt{},
		logs: map[string]string{}, tips: map[string]string{}, runners: map[domain.Name]*runners.Record{},
		processes: map[string]*runners.Process{}, modes: map[string]string{}, nonces: map[string]spending{},
		joined: map[job.Queue]bool{}, bundles: map[string]heard{}, entries: map[queue.EntryID]job.ID{},
	}
	for _, c := range commits {
		for i := range c.Entries {
			e := &c.Entries[i]
			if reported, ok := e.Data.(runner.Reported); ok {
				w.bundle(e, reported, c)
			}
			w.state.Apply(e)
			w.see(e, c.Seal.Term)
		}
	}
	return w.dump(), w.entries
}

// bundle notes the output in a bundle, before the events that it decides.
func (w *twin) bundle(e *history.Entry, reported runner.Reported, c *history.Commit) {
	b, err := reported.Bundle()
	if err != nil {
		panic(err)
	}
	w.bundles[fmt.Sprintf("report/%s/%s/%d/", b.Runner, b.Process, b.Number)] = heard{e.Seq, b}
	if p := w.processes[e.Aggregate.ID]; p != nil {
		p.Seen = e.At
	}
	keys := w.state.Access
	for i := range c.Entries { // statements of the commit count
		if s, ok := c.Entries[i].Data.(interface{ EventName() string }); ok && strings.HasPrefix(s.EventName(), "access.") {
			full := history.NewState()
			full.Access = keys
			full.Apply(&c.Entries[i])
			if full.Access.Statements > keys.Statements {
				keys = full.Access
			}
		}
	}
	for i, report := range b.Reports {
		piece, isLog := report.(runner.Log)
		progress, isProgress := report.(runner.Progress)
		about := piece.About
		if isProgress {
			about = progress.About
		}
		state := w.state.Jobs[about.Job]
		if !isLog && !isProgress || !state.Open() || state.Token != about.Token {
			continue
		}
		r := w.records[about.Job]
		if state.Process != "" && (state.Process != b.Process || r.Runner != b.Runner) ||
			!history.Serves(keys, b.Runner, reported.Signed.Key, state.Queue, e.At) {
			continue
		}
		if isProgress {
			r.Progress = jobs.Progress{Place: jobs.Place{Seq: e.Seq, Index: i}, At: e.At, Percent: progress.Percent}
			continue
		}
		ref := logs.Ref{Seq: e.Seq, Index: i, First: r.Lines + 1, Count: uint64(len(piece.Lines)), Attempt: state.Attempt}
		w.logs[fmt.Sprintf("%d/%d", r.Events[0], r.Pieces)] = string(ref.Append(nil))
		r.Pieces++
		r.Lines += ref.Count
	}
}

// see notes an event that was folded.
func (w *twin) see(e *history.Entry, term uint64) {
	switch data := e.Data.(type) {
	case job.Event:
		w.seeJob(e, data, term)
		w.seeNonces(e)
		return
	case runner.Event:
		w.seeRunner(e, data)
	case line.Event:
		w.mode("queue:"+e.Aggregate.ID, w.state.Queues[queueOf(e)].Mode, e)
	}
	if e.Aggregate.Kind != event.Access {
		w.tips[e.Aggregate.String()] = fmt.Sprint(e.Seq)
	}
}

func (w *twin) seeJob(e *history.Entry, data job.Event, term uint64) {
	id, _ := job.ParseID(e.Aggregate.ID)
	r := w.records[id]
	if r == nil {
		r = &jobs.Record{Created: e.At, Submitter: e.Actor}
		w.records[id] = r
	}
	s := w.state.Jobs[id]
	if _, refused := data.(job.ReportRefused); !refused {
		r.Updated = e.At
	}
	r.Events, r.Status, r.Queue = append(r.Events, e.Seq), s.Status, s.Queue
	r.Attempt, r.Counted, r.Refused, r.Timer = s.Attempt, s.Counted, s.Refused, s.Timer
	r.Expires = min(r.Expires, 1<<53-1)
	switch s.Status {
	case job.Broken:
		r.Due = 0
	case job.Done, job.Halted, job.Shelved, job.Erased:
		r.Timer = job.Timer{}
	}
	w.seeReport(e, r, data)
	if s.Status == job.Erased {
		for n := range r.Pieces {
			delete(w.logs, fmt.Sprintf("%d/%d", r.Events[0], n))
		}
		*r = jobs.Record{
			Status: s.Status, Created: r.Created, Ended: r.Ended, Updated: e.At,
			Queue: r.Queue, Submitter: r.Submitter, Events: r.Events,
		}
	}
	if !s.Open() || s.Token.IsZero() {
		delete(w.open, id)
	} else if s.GrantSeq == e.Seq {
		w.open[id] = jobs.Attempt{Queue: s.Queue, Entry: queue.EntryID{Term: term, Seq: e.Seq}, Token: s.Token}
	}
}

// seeNonces notes the nonces that a submission spends. With each, the first two
// in the line leave it, and come back at its end unless they are good again.
func (w *twin) seeNonces(e *history.Entry) {
	spent, until := e.Spends()
	for _, nonce := range spent {
		first := w.line[:min(2, len(w.line))]
		w.line, w.passed = slices.Clone(w.line[len(first):]), w.passed+len(first)
		for _, before := range first {
			if w.nonces[before].until < e.At {
				delete(w.nonces, before)
			} else {
				w.line = append(w.line, before)
			}
		}
		if !slices.Contains(w.line, nonce) {
			w.line = append(w.line, nonce)
		}
		w.nonces[nonce] = spending{e.Seq, until}
	}
}

// seeReport notes who said an event, and where.
func (w *twin) seeReport(e *history.Entry, r *jobs.Record, data job.Event) {
	said, report := w.said(e)
	switch data := data.(type) {
	case job.Queued:
		r.Started, r.Runner, r.Process, r.Progress = 0, "", "", jobs.Progress{}
	case job.Started:
		r.Started, r.Process = e.At, data.Process
		r.Runner = domain.Name(strings.TrimPrefix(string(e.Actor), "runner:"))
	case job.Checkpointed:
		r.Checkpoint = jobs.Checkpoint{Place: said, At: e.At, Bytes: uint32(len(report.(runner.Checkpoint).Data))} //nolint:gosec // few
	case job.AttemptFailed:
		r.Outcome, r.Failure = said, data.Kind
	case job.AttemptLost:
		r.Outcome, r.Failure = said, job.FailedLost
		if data.Reason == job.LostTimeout {
			r.Failure = job.FailedTimeout
		}
	case job.Completed:
		r.Ended, r.Outcome, r.Failure = e.At, said, ""
	case job.Stopped:
		r.Ended, r.Outcome, r.Failure = e.At, said, ""
		if r.Stop.Seq == 0 {
			r.Stop = jobs.Stop{Seq: e.Seq, At: e.At, By: e.Actor}
		}
	case job.Failed:
		r.Ended, r.Outcome, r.Failure = e.At, said, data.Kind
	case job.Stopping:
		r.Stop = jobs.Stop{Seq: e.Seq, At: e.At, By: e.Actor}
	case job.Replayed:
		r.Ended, r.MaxAttempts, r.Stop = 0, data.Attempts, jobs.Stop{}
	case job.Submitted, job.Scheduled, job.ReportRefused, job.Dropped, job.Deleted:
	}
}

// said returns the report that an event names as its cause.
func (w *twin) said(e *history.Entry) (p jobs.Place, r runner.Report) {
	at := strings.LastIndexByte(e.Cause, '/')
	b, ok := w.bundles[e.Cause[:at+1]]
	if !ok {
		return p, nil
	}
	if _, err := fmt.Sscan(e.Cause[at+1:], &p.Index); err != nil {
		panic(err)
	}
	p.Seq = b.seq
	return p, b.Reports[p.Index]
}

func (w *twin) dump() Dump {
	d := Dump{
		"jobs": {}, "due": {}, "open": {}, "logs": w.logs, "tips": w.tips,
		"runners": {}, "processes": {}, "queues": {}, "modes": w.modes, "nonces": {},
	}
	for nonce, s := range w.nonces {
		d["nonces"][nonce] = fmt.Sprintf("%d %d", s.seq, s.until)
	}
	for i, nonce := range w.line {
		d["nonces"][fmt.Sprintf("#%d", w.passed+i)] = nonce
		d["nonces"]["#"] = fmt.Sprintf("%d %d", w.passed, w.passed+len(w.line))
	}
	for _, s := range job.Statuses() {
		d["list:"+s.String()] = map[string]string{}
	}
	counts := map[job.Queue]queues.Count{}
	for q := range w.joined {
		counts[q] = queues.Count{}
	}
	for id, r := range w.records {
		d["jobs"][id.String()] = string(r.Append(nil))
		d["list:"+r.Status.String()][fmt.Sprint(r.Events[0])] = ""
		if state := w.state.Jobs[id]; !state.Next(state.Status).IsZero() {
			d["due"][id.String()] = min(state.Next(state.Status), 1<<53-1).String()
		}
		c := counts[r.Queue]
		c.Add(r.Status, 1)
		counts[r.Queue] = c
	}
	for id, a := range w.open {
		d["open"][id.String()] = string(a.Append(nil))
		w.entries[a.Entry] = id
	}
	for id, r := range w.runners {
		d["runners"][string(id)] = string(r.Append(nil))
	}
	for key, p := range w.processes {
		d["processes"][key] = string(p.Append(nil))
	}
	for q, c := range counts {
		d["queues"][q.String()] = string(c.Append(nil))
	}
	return d
}
