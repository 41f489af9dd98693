package viewtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
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
	joined    map[job.Queue]bool
	bundles   map[string]heard         // by the beginning of their causes
	entries   map[queue.EntryID]job.ID // of open attempts
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
		processes: map[string]*runners.Process{}, modes: map[string]string{},
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
		"runners": {}, "processes": {}, "queues": {}, "modes": w.modes,
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

// CheckViews compares the live generation with the twin of the first commits of
// the history, as many as the position has passed.
func (l *Leader) CheckViews() {
	l.t.Helper()
	look, err := l.Views.Look(l.ctx, views.Query{Count: true})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := look.Check(); err != nil {
		l.t.Errorf("the census is %+v, and there are %v fields, %d listed, %d statements", look.Position, look.Fields, look.Listed, look.Told)
	}
	var passed []*history.Commit
	for _, c := range l.History.Commits {
		if c.Seal.Last() <= look.Position.Seq {
			passed = append(passed, c)
		}
	}
	want, _ := Twin(passed)
	l.checkWords(want["modes"])
	if diff := cmp.Diff(want, l.Dump(l.ctx, l.t, look.Position.Live)); diff != "" {
		l.t.Fatalf("views at %d (-want +got):\n%s", look.Position.Seq, diff)
	}
}

// CheckQueues compares the queues with the open attempts of the history: each
// stands there exactly once, with a grant that holds, and nothing else does.
func (l *Leader) CheckQueues() {
	l.t.Helper()
	_, want := Twin(l.History.Commits)
	keys := queue.Keys{Namespace: l.Namespace}
	got := map[queue.EntryID]job.ID{}
	for _, q := range l.allQueues() {
		for _, e := range l.Queued(q) {
			a, err := keys.ParseAssignment(e.ID, e.Fields)
			if err != nil {
				l.t.Fatalf("entry %s of %s: %v", e.ID, q, err)
			}
			got[a.ID] = l.checkAssignment(q, a)
		}
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b job.ID) bool { return a == b })); diff != "" {
		l.t.Fatalf("queue entries (-want +got):\n%s", diff)
	}
}

func (l *Leader) allQueues() []job.Queue {
	all := []job.Queue{job.ExecutorQueue("sh"), job.RunnerQueue("k1")}
	for i := range 3 {
		all = append(all, job.RunnerQueue(domain.Name(fmt.Sprintf("r%d", i+1))))
	}
	return all
}

// checkAssignment checks an entry as a runner does, and returns its job.
func (l *Leader) checkAssignment(q job.Queue, a queue.Assignment) job.ID {
	l.t.Helper()
	if err := a.Grant.Check(); err != nil {
		l.t.Fatalf("grant of %s: %v", a.ID, err)
	}
	sealer, _ := l.History.State.Access.Find(a.Grant.Seal.Key)
	if !l.verifier.Verify(a.Grant.Seal.Check(sealer.Public)) || sealer.Class != access.Supervisor || a.Grant.Seal.Term != a.ID.Term {
		l.t.Fatalf("the grant of %s is not sealed", a.ID)
	}
	e, err := history.ParseEntry(a.ID.Seq, a.Grant.Event)
	if err != nil {
		l.t.Fatal(err)
	}
	var grant job.Grant
	submission := a.Submission
	switch data := e.Data.(type) {
	case job.Submitted:
		grant, submission = *data.Grant, &data.Submission
		if a.Submission != nil {
			l.t.Errorf("entry %s holds its job twice", a.ID)
		}
	case job.Queued:
		grant = data.Grant
	}
	if submission == nil {
		l.t.Fatalf("entry %s holds no job", a.ID)
	}
	opened, err := submission.Open()
	if err != nil || opened.Hash != grant.Job || grant.Queue != q {
		l.t.Fatalf("entry %s of %s holds another job: %v", a.ID, q, err)
	}
	if none := grant.Checkpoint.IsZero(); none != (a.Checkpoint == nil) || !none && grant.Checkpoint != signing.Hash(sha256.Sum256(a.Checkpoint)) {
		l.t.Fatalf("entry %s holds another checkpoint than was granted: %q", a.ID, a.Checkpoint)
	}
	id, err := job.ParseID(e.Aggregate.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}
