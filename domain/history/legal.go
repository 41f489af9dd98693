package history

import (
	"maps"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// context is what a commit's events must fit besides the state: their seal and
// the bundles that stand in the same commit.
type context struct {
	seal    signing.Seal
	latest  event.Time // that the entry that is being judged or one before it bears
	ends    *ends
	bundles []bundle
	joins   map[string]uint64 // processes that began in this commit and did not join: where
	checks  []signing.Check   // of the entry that is being judged
	excerpt bool              // the beginnings of terms are left out
}

type bundle struct {
	*runner.Bundle
	key signing.KeyID
}

// see remembers an entry that others in its commit may refer to.
func (c *context) see(e *Entry) {
	switch data := e.Data.(type) {
	case runner.Reported:
		if b, err := data.Bundle(); err == nil {
			c.bundles = append(c.bundles, bundle{b, data.Signed.Key})
		}
		if e.Version == 1 {
			c.joins[e.Aggregate.ID] = e.Seq
		}
	case runner.Joined:
		delete(c.joins, runner.AggregateID(domain.Name(e.Aggregate.ID), data.Process))
	}
}

// end reports the first process that reported and did not join.
func (c *context) end() error {
	if len(c.joins) == 0 {
		return nil
	}
	return faultOf(slices.Min(slices.Collect(maps.Values(c.joins))), illegal("a process reported and did not join"))
}

// report finds the report that an event names as its cause.
func (c *context) report(e *Entry) (bundle, runner.Report, error) {
	cause, ok := runner.ParseCause(e.Cause)
	for _, b := range c.bundles {
		same := ok && b.Runner == cause.Runner && b.Process == cause.Process && b.Number == cause.Number
		if same && cause.Index < len(b.Reports) && e.Actor == event.ByRunner(string(b.Runner)) {
			return b, b.Reports[cause.Index], nil
		}
	}
	return bundle{}, nil, illegal("%s has no report in its commit that caused it", e.Type)
}

// reported checks that a runner's event says what its process reported.
func (c *context) reported(e *Entry) error {
	b, report, err := c.report(e)
	if err != nil {
		return err
	}
	fits := string(b.Runner) == e.Aggregate.ID
	switch data := e.Data.(type) {
	case runner.Joined:
		join, ok := report.(runner.Join)
		fits = fits && ok && data.Process == b.Process && data.Key == join.Key && join.Key.ID() == b.key &&
			slices.Equal(data.Kinds, join.Kinds) && data.Slots == join.Slots &&
			slices.EqualFunc(data.Marks, runner.Queues(b.Runner, join.Kinds), func(m runner.Mark, q job.Queue) bool { return m.Queue == q })
	case runner.Left:
		_, ok := report.(runner.Leave)
		fits = fits && ok && data.Process == b.Process
	}
	if !fits {
		return illegal("%s does not say what was reported", e.Type)
	}
	return nil
}

func (s *State) legalReport(e *Entry, data runner.Reported, c *context) error {
	process := s.Processes[e.Aggregate.ID]
	if err := runner.LegalReport(process, event.FactOf(e.Recorded, data, e.Seq, e.Hash), e.Aggregate.ID); err != nil {
		return err
	}
	b, err := data.Bundle()
	if err != nil {
		return err
	}
	if b.Namespace != e.Namespace || b.Partition != e.Partition || e.Actor != event.ByRunner(string(b.Runner)) {
		return illegal("a bundle stands in the place of another")
	}
	key, ok := BundleKey(s.Access, s.Runners[b.Runner].Pin, b, data.Signed.Key, c.latest)
	if !ok {
		return illegal("a bundle is signed with a key that is not its runner's")
	}
	c.checks = append(c.checks, data.Signed.Check(key))
	return nil
}

// BundleKey finds the key that a bundle with a signature of the key id must be
// signed with: of a bundle that joins the one that it shows, whose admission is
// for package runner to judge; else the one that the runner's id was first used
// with, or one that a statement admits. ok is false when the key may not speak
// for the runner at that time, or was revoked.
func BundleKey(keys access.State, pin signing.PublicKey, b *runner.Bundle, id signing.KeyID, at event.Time) (key signing.PublicKey, ok bool) {
	if keys.Revoked(id) {
		return signing.PublicKey{}, false
	}
	if join, joins := b.Reports[0].(runner.Join); joins {
		return join.Key, join.Key.ID() == id
	}
	if !pin.IsZero() && pin.ID() == id {
		return pin, true
	}
	admitted, ok := keys.Key(access.Runner, id, at)
	return admitted.Public, ok && admitted.Name == b.Runner
}

func (s *State) legalJob(e *Entry, data job.Event, c *context) error {
	id, err := job.ParseID(e.Aggregate.ID)
	if err != nil {
		return err
	}
	state, known := s.Jobs[id]
	if !known && !e.Begins() {
		if s.forgot && e.Follows() {
			return s.legalAftermath(e, data, c)
		}
		return illegal("%s of a job that nobody submitted, or that has ended", e.Type)
	}
	if err := job.Legal(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash)); err != nil {
		return err
	}
	switch data := data.(type) {
	case job.Submitted:
		if err := asked(e); err != nil {
			return err
		}
		return s.legalSubmission(e, id, data, c)
	case job.Started:
		return s.legalOutcome(e, state, c, data.Process, begun)
	case job.Completed:
		return s.legalOutcome(e, state, c, state.Process, func(r runner.Report) (runner.About, bool) {
			done, ok := r.(runner.Completed)
			return done.About, ok
		})
	case job.Checkpointed:
		return s.legalOutcome(e, state, c, state.Process, func(r runner.Report) (runner.About, bool) {
			kept, ok := r.(runner.Checkpoint)
			return kept.About, ok && kept.Hash() == data.Hash
		})
	case job.AttemptFailed:
		return s.legalOutcome(e, state, c, state.Process, func(r runner.Report) (runner.About, bool) {
			failed, ok := r.(runner.Failed)
			due, again := state.Retry(failed.Kind, failed.Again, failed.After, e.At)
			return failed.About, ok && failed.Kind == data.Kind && again && due == data.Due
		})
	case job.Failed:
		if data.Kind == job.FailedExpired || state.Lost != "" {
			return asked(e) // nobody reported it: package job has checked the rest
		}
		return s.legalOutcome(e, state, c, state.Process, func(r runner.Report) (runner.About, bool) {
			failed, ok := r.(runner.Failed)
			_, again := state.Retry(failed.Kind, failed.Again, failed.After, e.At)
			return failed.About, ok && failed.Kind == data.Kind && !again
		})
	case job.Stopped:
		return s.legalStopped(e, state, c)
	case job.ReportRefused:
		return s.legalRefused(e, data, c)
	case job.Scheduled, job.Queued, job.AttemptLost, job.Stopping, job.Replayed, job.Dropped, job.Deleted:
		return asked(e)
	}
	panic("history: unknown job event")
}

// legalStopped checks that a runner that stopped an attempt said so.
func (s *State) legalStopped(e *Entry, state job.State, c *context) error {
	if _, reported := e.Actor.Runner(); !reported {
		return nil // package job has checked that no runner had to
	}
	process := state.Process
	if process == "" {
		b, _, err := c.report(e)
		if err != nil {
			return err
		}
		process = b.Process
	}
	return s.legalOutcome(e, state, c, process, func(r runner.Report) (runner.About, bool) {
		stopped, ok := r.(runner.Stopped)
		return stopped.About, ok && state.Open()
	})
}

// legalAftermath checks what can be checked of an event of a job that was
// forgotten. Whether it fits the job's end is for whoever forgets.
func (s *State) legalAftermath(e *Entry, data job.Event, c *context) error {
	if refused, ok := data.(job.ReportRefused); ok {
		return s.legalRefused(e, refused, c)
	}
	return asked(e)
}

// asked refuses that a runner did what only others may.
func asked(e *Entry) error {
	if _, ok := e.Actor.Runner(); ok {
		return illegal("a runner did what only others may: %s", e.Type)
	}
	return nil
}

// legalRefused checks that what was refused was said.
func (s *State) legalRefused(e *Entry, data job.ReportRefused, c *context) error {
	b, report, err := c.report(e)
	if err != nil {
		return err
	}
	about, said, ok := Ends(report)
	if !ok || said != data.Said || about.Job.String() != e.Aggregate.ID || about.Token != data.Token || b.Process != data.Process {
		return illegal("%s does not say what was reported", e.Type)
	}
	return nil
}

// Ends returns what a report says about the end of an attempt; ok is false when
// it does not speak of one.
func Ends(r runner.Report) (about runner.About, said job.Said, ok bool) {
	switch r := r.(type) {
	case runner.Completed:
		return r.About, job.SaidCompleted, true
	case runner.Failed:
		return r.About, job.SaidFailed, true
	case runner.Stopped:
		return r.About, job.SaidStopped, true
	case runner.Join, runner.Leave, runner.Started, runner.Log, runner.Progress, runner.Checkpoint, runner.Refused:
		return runner.About{}, "", false
	}
	panic("history: unknown report")
}

// begun returns the attempt that ran or has run if r is the first report on it.
func begun(r runner.Report) (runner.About, bool) {
	switch r := r.(type) {
	case runner.Started:
		return r.About, true
	case runner.Checkpoint:
		return r.About, true
	case runner.Completed:
		return r.About, true
	case runner.Failed:
		return r.About, true
	case runner.Join, runner.Leave, runner.Log, runner.Progress, runner.Stopped, runner.Refused:
		return runner.About{}, false
	}
	panic("history: unknown report")
}

// legalSubmission checks who a job is from and collects its signatures.
func (s *State) legalSubmission(e *Entry, id job.ID, data job.Submitted, c *context) error {
	opened, err := data.Open()
	if err != nil {
		return err
	}
	if !opened.Spec.ID.IsZero() && opened.Spec.ID != id {
		return illegal("a job was submitted under another id")
	}
	if err := opened.Spec.CheckFor(e.Namespace, e.At); err != nil {
		return illegal("%v", err)
	}
	for _, nonce := range opened.Nonces() {
		if until, spent := s.Nonces[nonce]; spent && c.latest <= until {
			return illegal("a nonce was used for two jobs of key %s", strings.TrimSuffix(nonce, "/"+opened.Spec.Nonce))
		}
	}
	c.checks, err = opened.AppendChecks(c.checks, func(key signing.KeyID) (signing.PublicKey, bool) {
		k, ok := s.Access.Key(access.Client, key, c.latest)
		return k.Public, ok
	})
	return err
}

// legalOutcome checks that the open attempt's own process reported what the
// event says, and that it may serve the attempt's queue.
func (s *State) legalOutcome(e *Entry, state job.State, c *context, process string, about func(runner.Report) (runner.About, bool)) error {
	b, report, err := c.report(e)
	if err != nil {
		return err
	}
	a, ok := about(report)
	if !ok || a.Job.String() != e.Aggregate.ID || a.Token != state.Token || b.Process != process {
		return illegal("%s does not say what was reported", e.Type)
	}
	if !Serves(s.Access, b.Runner, b.key, state.Queue, c.latest) {
		return illegal("runner %s may not serve queue %s", b.Runner, state.Queue)
	}
	return nil
}

// Serves reports whether a runner whose bundle was accepted may report on
// attempts of a queue: its own, or that of a kind that a statement admits its
// key for.
func Serves(keys access.State, id domain.Name, key signing.KeyID, q job.Queue, at event.Time) bool {
	if owner, ok := q.Runner(); ok {
		return owner == id
	}
	return keys.MayServe(id, key, []domain.Name{q.Name()}, at)
}

func illegal(format string, args ...any) error {
	return domain.Errorf(domain.Halted, "illegal", "illegal transition: "+format, args...)
}
