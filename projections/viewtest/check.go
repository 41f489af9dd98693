package viewtest

import (
	"crypto/sha256"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

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
