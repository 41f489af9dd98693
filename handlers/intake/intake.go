// Package intake takes what runners report into the history. It reads the
// inbox, checks who signed each bundle, and has the leader record the bundle
// and everything that it decides in one commit; only then does the bundle leave
// the inbox.
//
// A crash between the commit and the removal leaves a bundle that was taken:
// the next leader reads it again, finds its number in the history and drops it.
package intake

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/runnersdk/queue"
)

// Letter is an entry of the inbox.
type Letter struct {
	ID     string
	Fields map[string]string
}

// Inbox is where runners put their bundles. Only the leader reads it.
type Inbox interface {
	// Read returns at most limit letters, oldest first. It waits for the first
	// one, but not much longer than wait.
	Read(ctx context.Context, limit int, wait time.Duration) ([]Letter, error)
	// Drop removes every letter up to an id, for the leader alone.
	Drop(ctx context.Context, through string) error
	// Last returns the id of the youngest letter, "" if there never was one.
	Last(ctx context.Context) (string, error)
	// Hint puts a notice on a runner's control stream.
	Hint(ctx context.Context, id domain.Name, n queue.Notice) error
}

// Queues finds where the open grants of a queue begin.
type Queues interface {
	Marks(ctx context.Context, queues []job.Queue) ([]runner.Mark, error)
}

// Joins proves to a process that it joined.
type Joins interface {
	// Joined proves the event; ok is false when there is none, or not yet.
	Joined(ctx context.Context, id domain.Name, process string) (p signing.Proof, ok bool, err error)
}

// Ledger is what intake asks of the leader.
type Ledger interface {
	Propose(ctx context.Context, w eventstore.Work) eventstore.Proposal
	Access() access.State
}

// Counts says what became of bundles and reports. Each is called with how many.
type Counts struct {
	Taken   func(bundles int)
	Dropped func(reason string) // a bundle that was not recorded; "repeated" if it was before
	Late    func(reports int)   // reports on attempts that were not open any more
}

// ReadWait is how long a Turn waits for something to come into an empty inbox.
const ReadWait = time.Second

const (
	readLimit = 256
	maxKeys   = 10_000 // remembered keys of runners
)

// Config is what intake needs; all fields are required.
type Config struct {
	Inbox     Inbox
	Ledger    Ledger
	Queues    Queues
	Joins     Joins
	History   eventstore.Log // what the ledger appends to
	Namespace domain.Name
	Partition uint16
	FirstUse  bool // admit the first key that an unknown runner id shows
	Verifier  *signing.Verifier
	Counts    Counts
	Log       *slog.Logger
}

// Intake is the loop that empties the inbox.
type Intake struct {
	cfg    Config
	last   string // letter that was taken
	target string // youngest letter when the intake began
	begun  bool
	keys   map[signing.KeyID]signing.PublicKey

	drained chan struct{}
	once    sync.Once
}

// New returns an intake that begins with the oldest letter.
func New(cfg Config) *Intake {
	return &Intake{cfg: cfg, keys: map[signing.KeyID]signing.PublicKey{}, drained: make(chan struct{})}
}

// Drained is closed once everything was taken that lay in the inbox when the
// intake began: what a runner had reported by then is in the history.
func (in *Intake) Drained() <-chan struct{} { return in.drained }

// Turn takes what lies in the inbox, or waits a moment for something. It always
// begins with the oldest letter: what was taken is gone, and the ids of an inbox
// that somebody deleted may begin anew. busy says that several bundles came
// together. After an error the same letters are read again.
func (in *Intake) Turn(ctx context.Context) (busy bool, err error) {
	wait := ReadWait
	if !in.begun {
		if in.target, err = in.cfg.Inbox.Last(ctx); err != nil {
			return false, err
		}
		in.begun, wait = true, 0
	}
	letters, err := in.cfg.Inbox.Read(ctx, readLimit, wait)
	if err != nil {
		return false, err
	}
	if len(letters) > 0 {
		if err := in.take(ctx, letters); err != nil {
			return false, err
		}
		last := letters[len(letters)-1].ID
		if err := in.cfg.Inbox.Drop(ctx, last); err != nil {
			return false, err // they are in the history: read again, they are repetitions
		}
		in.last = last
	}
	if len(letters) == 0 || !olderID(in.last, in.target) {
		in.once.Do(func() { close(in.drained) })
	}
	return len(letters) > 1, nil
}

// take records all bundles of a read, in order, in as few commits as they fit.
func (in *Intake) take(ctx context.Context, letters []Letter) error {
	bundles, err := in.open(ctx, letters)
	if err != nil {
		return err
	}
	proposals, trouble := in.propose(ctx, bundles)
	for i, p := range proposals {
		if err := in.settle(ctx, bundles[i], p.Wait(ctx)); err != nil {
			return err
		}
	}
	return trouble
}

// propose asks for bundles to be recorded, up to the first that cannot be
// decided about now: a later one of its process would make it look repeated.
func (in *Intake) propose(ctx context.Context, bundles []*bundle) ([]eventstore.Proposal, error) {
	proposals := make([]eventstore.Proposal, 0, len(bundles))
	for _, b := range bundles {
		marks, err := in.marks(ctx, b)
		if err == nil {
			err = in.compare(ctx, b)
		}
		if err != nil {
			return proposals, err
		}
		p := in.cfg.Ledger.Propose(ctx, eventstore.Work{
			Aggregates: touched(b),
			Decide:     func(tx *eventstore.Tx) error { return in.decide(tx, b, marks) },
		})
		if err := p.Decided(); err != nil && !refusal(err) {
			return proposals, err
		}
		proposals = append(proposals, p)
	}
	return proposals, nil
}

// refusal reports whether a bundle can never be recorded.
func refusal(err error) bool {
	switch domain.CodeOf(err) {
	case domain.Forbidden, domain.Invalid, domain.TooLarge:
		return true
	default:
		return false
	}
}

// settle says what became of a bundle. Only an error that may pass is returned.
func (in *Intake) settle(ctx context.Context, b *bundle, err error) error {
	switch {
	case refusal(err):
		in.refuse(ctx, b, err)
		return nil
	case err != nil:
		return err
	case !b.news:
		in.cfg.Counts.Dropped("repeated")
		return in.welcome(ctx, b)
	}
	in.cfg.Counts.Taken(1)
	if b.late > 0 {
		in.cfg.Counts.Late(b.late)
	}
	return nil
}

// refuse drops a bundle, and says so to a process that is known, or that must
// begin anew because it is not. b is nil when it could not be read.
func (in *Intake) refuse(ctx context.Context, b *bundle, why error) {
	if b == nil {
		in.drop("", why)
		return
	}
	in.drop(string(b.Runner), why)
	hint := queue.Notice{Kind: queue.NoticeRefused, Process: b.Process, Reason: why.Error()}
	switch {
	case b.stranger && !b.joins():
		hint.Kind = queue.NoticeForgotten
	case domain.CodeOf(why) == domain.Unauthenticated:
		return // somebody else may have written it
	}
	if err := in.cfg.Inbox.Hint(ctx, b.Runner, hint); err != nil {
		in.cfg.Log.WarnContext(ctx, "a runner was not told why", "runner", string(b.Runner), "error", err)
	}
}

// welcome tells a process again that it joined, because it asked again: the
// notice was lost, with the leader that was to send it or with its stream.
func (in *Intake) welcome(ctx context.Context, b *bundle) error {
	if !b.joins() {
		return nil
	}
	proof, ok, err := in.cfg.Joins.Joined(ctx, b.Runner, b.Process)
	if err != nil || !ok {
		return err
	}
	return in.cfg.Inbox.Hint(ctx, b.Runner, queue.Notice{Kind: queue.NoticeJoined, Process: b.Process, Proof: proof})
}

func (in *Intake) drop(from string, err error) {
	in.cfg.Counts.Dropped(domain.ReasonOf(err))
	in.cfg.Log.Warn("dropped a runner's bundle", "runner", from, "reason", err)
}

// marks looks up where the queues of a joining process begin.
func (in *Intake) marks(ctx context.Context, b *bundle) ([]runner.Mark, error) {
	join, ok := b.Reports[0].(runner.Join)
	if !ok {
		return nil, nil
	}
	return in.cfg.Queues.Marks(ctx, runner.Queues(b.Runner, join.Kinds))
}

// touched names what a bundle's reports are about.
func touched(b *bundle) []event.Aggregate {
	aggregates := eventstore.Process(b.Runner, b.Process)
	if b.lacks > 0 {
		aggregates = append(aggregates, eventstore.Gaps()...)
	}
	var last job.ID
	for _, r := range b.Reports {
		if about, ok := attempt(r); ok && about.Job != last {
			last = about.Job
			aggregates = append(aggregates, eventstore.Jobs(last)...)
		}
	}
	return aggregates
}

// attempt returns what a report is about, if it can change a job.
func attempt(r runner.Report) (runner.About, bool) {
	switch r := r.(type) {
	case runner.Started:
		return r.About, true
	case runner.Completed:
		return r.About, true
	case runner.Failed:
		return r.About, true
	case runner.Stopped:
		return r.About, true
	case runner.Checkpoint:
		return r.About, true
	case runner.Join, runner.Leave, runner.Log, runner.Progress, runner.Refused:
		return runner.About{}, false
	}
	panic("intake: unknown report")
}

// decide records a bundle and what follows from it.
func (in *Intake) decide(tx *eventstore.Tx, b *bundle, marks []runner.Mark) error {
	b.news, b.late = false, 0
	b.stranger = tx.Process(b.Runner, b.Process).Version == 0
	news, err := tx.Report(b.Signed, b.Bundle)
	if err != nil || !news {
		return err
	}
	if _, ok := history.BundleKey(tx.Access(), tx.Runner(b.Runner).Pin, b.Bundle, b.Key, tx.Now()); !ok {
		return domain.Errorf(domain.Forbidden, "runner_key",
			"the key does not speak for this runner, has ended or was revoked: with its state directory, an administrator runs horus keys add --class runner --name ID")
	}
	b.news = true
	actor := event.ByRunner(string(b.Runner))
	for i, r := range b.Reports {
		by := eventstore.By{
			Actor: actor,
			Cause: runner.Cause{Runner: b.Runner, Process: b.Process, Number: b.Number, Index: i}.String(),
		}
		switch r := r.(type) {
		case runner.Join:
			in.declare(tx, b, r, by)
			err = in.join(tx, b, r, by, marks)
		case runner.Leave:
			err = tx.DecideRunner(b.Runner, by, runner.Go{Process: b.Process})
		default:
			err = b.about(tx, r, by)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (in *Intake) join(tx *eventstore.Tx, b *bundle, join runner.Join, by eventstore.By, marks []runner.Mark) error {
	keys := tx.Access()
	known := keys.MayServe(b.Runner, b.Key, nil, tx.Now())
	var kinds []domain.Name
	if known {
		key, _ := keys.Key(access.Runner, b.Key, tx.Now())
		kinds = key.Kinds
	}
	return tx.DecideRunner(b.Runner, by, runner.JoinAs{
		Join: join, Process: b.Process, Admitted: kinds, Known: known, FirstUse: in.cfg.FirstUse, Marks: marks,
	})
}
