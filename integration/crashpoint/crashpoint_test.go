package crashpoint

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
)

func TestPlanIsRead(t *testing.T) {
	tests := []struct {
		text string
		want Plan
		bad  bool
	}{
		{text: ""},
		{text: "commit.appended", want: Plan{CommitAppended, 1}},
		{text: "report.sent:12", want: Plan{ReportSent, 12}},
		{text: "commit", bad: true},
		{text: "report.sent:", bad: true},
		{text: "report.sent:0", bad: true},
		{text: "report.sent:-1", bad: true},
		{text: "report.sent:1x", bad: true},
	}
	for _, test := range tests {
		got, err := ParsePlan(test.text)
		if got != test.want || (err != nil) != test.bad {
			t.Errorf("%q: %v, %v; want %v, an error: %v", test.text, got, err, test.want, test.bad)
		}
	}
	for _, p := range append(Supervisor(), Runner()...) {
		plan := Plan{p, 3}
		if got, err := ParsePlan(plan.String()); got != plan || err != nil {
			t.Errorf("%s is read as %v, %v", plan, got, err)
		}
	}
}

func TestItEndsAtThePlannedPassage(t *testing.T) {
	var deaths int
	pass := counting(Plan{ReportSent, 3}, func(Plan) { deaths++ })
	for i, at := range []Point{ReportSent, ReportSigned, ReportSent, ReportSigned, ReportSigned, ReportSent, ReportSent} {
		pass(at)
		if died := i >= 5; died != (deaths == 1) {
			t.Errorf("after passage %d of any point it died %d times", i+1, deaths)
		}
	}
}

// diary is what was done and what was passed, in order.
type diary struct {
	did []string
	err error // of everything that is done
}

func (d *diary) do(what string) error { d.did = append(d.did, what); return d.err }

func (d *diary) pass(at Point) { d.did = append(d.did, string(at)) }

// around puts an end between the points.
func (d *diary) around(end any) any { return around(d.pass, end) }

type storeEnd struct {
	eventstore.Store
	*diary
}

func (e storeEnd) Append(context.Context, uint64, eventstore.Tip, eventstore.Batch) error {
	return e.do("append")
}

func (e storeEnd) Take(context.Context, eventstore.Holder, eventstore.Holder) error {
	return e.do("take")
}

type viewsEnd struct {
	views.Store
	*diary
}

func (e viewsEnd) Writer(uint64) views.Writer { return writerEnd{nil, e.diary} }

type writerEnd struct {
	views.Writer
	*diary
}

func (e writerEnd) Watch(context.Context) (views.Position, error) { return views.Position{Seq: 2}, nil }

func (e writerEnd) Commit(_ context.Context, tx *views.Tx) (views.Position, error) {
	return tx.Position, e.do("transact")
}

type inboxEnd struct {
	intake.Inbox
	*diary
}

func (e inboxEnd) Read(context.Context, int, time.Duration) ([]intake.Letter, error) {
	if err := e.do("read"); err != nil {
		return nil, err
	}
	return []intake.Letter{{}}, nil
}

func (e inboxEnd) Drop(context.Context, string) error { return e.do("drop") }

type leaderEnd struct {
	rpcapi.Leader
	*diary
}

func (e leaderEnd) Execute(context.Context, eventstore.Work) error { return e.do("execute") }

type topicEnd struct {
	message.Publisher
	*diary
}

func (e topicEnd) Publish(string, ...*message.Message) error { return e.do("publish") }

type cursorsEnd struct {
	journal.Cursors
	*diary
}

func (e cursorsEnd) Save(context.Context, uint64, domain.Name, journal.Cursor) error {
	return e.do("save")
}

type wireEnd struct {
	queue.Wire
	*diary
}

func (e wireEnd) Take(context.Context, string, []job.Queue, int, time.Duration) ([]queue.Entry, error) {
	if err := e.do("claim"); err != nil {
		return nil, err
	}
	return []queue.Entry{{}}, nil
}

func (e wireEnd) Send(context.Context, runner.Signed) error { return e.do("send") }

// A point behind something is passed when that happened, and one before it in
// any case.
func TestPointsStandOnBothSides(t *testing.T) {
	tests := []struct {
		name string
		act  func(context.Context, *diary)
		want []string
		fail []string // when what is done fails
	}{
		{
			name: "a job is submitted", act: func(ctx context.Context, d *diary) {
				_ = d.around(leaderEnd{nil, d}).(rpcapi.Leader).Execute(ctx, eventstore.Work{Aggregates: make([]event.Aggregate, 1)})
			},
			want: []string{"submit.received", "execute", "submit.decided"}, fail: []string{"submit.received", "execute"},
		},
		{
			name: "a key is admitted", act: func(ctx context.Context, d *diary) {
				_ = d.around(leaderEnd{nil, d}).(rpcapi.Leader).Execute(ctx, eventstore.Work{})
			},
			want: []string{"execute"}, fail: []string{"execute"},
		},
		{
			name: "a term and its first commits", act: func(ctx context.Context, d *diary) {
				s := d.around(storeEnd{nil, d}).(eventstore.Store)
				_ = s.Take(ctx, eventstore.Holder{}, eventstore.Holder{})
				_ = s.Append(ctx, 1, eventstore.Tip{}, eventstore.Batch{})
				_ = s.Append(ctx, 1, eventstore.Tip{}, eventstore.Batch{})
			},
			want: []string{
				"take", "takeover.taken", "commit.sealed", "append", "takeover.begun", "commit.appended",
				"commit.sealed", "append", "commit.appended",
			},
			fail: []string{"take", "commit.sealed", "append", "commit.sealed", "append"},
		},
		{
			name: "views move, and then queues are repaired", act: func(ctx context.Context, d *diary) {
				w := d.around(viewsEnd{nil, d}).(views.Store).Writer(0)
				_, _ = w.Watch(ctx)
				_, _ = w.Commit(ctx, &views.Tx{Position: views.Position{Seq: 3}})
				_, _ = w.Commit(ctx, &views.Tx{Position: views.Position{Seq: 3}})
			},
			want: []string{"project.folded", "transact", "project.written", "transact", "queue.reconciled"},
			fail: []string{"project.folded", "transact", "project.folded", "transact"},
		},
		{
			name: "reports are taken in", act: func(ctx context.Context, d *diary) {
				b := d.around(inboxEnd{nil, d}).(intake.Inbox)
				_, _ = b.Read(ctx, 1, 0)
				_ = b.Drop(ctx, "1-1")
			},
			want: []string{"read", "intake.read", "intake.recorded", "drop", "intake.dropped"},
			fail: []string{"read", "intake.recorded", "drop"},
		},
		{
			name: "others are told", act: func(ctx context.Context, d *diary) {
				_ = d.around(topicEnd{nil, d}).(message.Publisher).Publish("jobs")
				_ = d.around(cursorsEnd{nil, d}).(journal.Cursors).Save(ctx, 1, "jobs", journal.Cursor{})
			},
			want: []string{"publish", "topic.published", "save", "cursor.kept"},
			fail: []string{"publish", "save"},
		},
		{
			name: "an attempt", act: func(ctx context.Context, d *diary) {
				w := d.around(wireEnd{nil, d}).(queue.Wire)
				_, _ = w.Take(ctx, "p", nil, 1, 0)
				run := func(context.Context, *runnersdk.Job) (string, error) { return "", d.do("run") }
				_, _ = d.around(runnersdk.Handler(run)).(runnersdk.Handler)(ctx, &runnersdk.Job{})
				_ = w.Send(ctx, runner.Signed{})
			},
			want: []string{"claim", "claim.taken", "run.started", "run", "run.ended", "report.signed", "send", "report.sent"},
			fail: []string{"claim", "run.started", "run", "run.ended", "report.signed", "send"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			good, bad := &diary{}, &diary{err: errors.New("no answer")}
			test.act(t.Context(), good)
			test.act(t.Context(), bad)
			if diff := cmp.Diff(test.want, good.did); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.fail, bad.did); diff != "" {
				t.Errorf("with trouble (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatHasNoPointsIsSaid(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("points around a number")
		}
	}()
	Around(1)
}
