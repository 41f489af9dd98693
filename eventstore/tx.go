package eventstore

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Tx is one decision over several aggregates: all of its events are kept, in
// one commit, or none is. It lives as long as [Work.Decide] runs.
type Tx struct {
	leader *Leader
	now    event.Time
	first  uint64 // place of its first event
	trace  string
	size   int

	entries []history.Entry
	jobs    []changedJob
	runners []changed[domain.Name, runner.State]
	process []changed[string, runner.Process]
	queues  []changed[job.Queue, line.State]
	nonces  []changed[string, spending]
	access  *access.State
	term    *term.State
	loss    *loss.State
}

// changed is an aggregate's state as the transaction left it.
type changed[K comparable, S any] struct {
	key   K
	state S
}

// changedJob is a job's state as the transaction left it.
type changedJob struct {
	hot   *hotJob
	state *job.State
	seq   uint64 // of its last event
	first bool   // it is new
}

// By says who caused an event, and through which request or report.
type By struct {
	Actor event.Actor
	Cause string
}

// Now is the time that all events of the transaction bear. It is never before
// that of an event that is in the log.
func (tx *Tx) Now() event.Time { return tx.now }

// Namespace is the partition's namespace.
func (tx *Tx) Namespace() string { return string(tx.leader.cfg.Namespace) }

// Next is the place that the next event will have.
func (tx *Tx) Next() uint64 { return tx.first + uint64(len(tx.entries)) }

// Room returns nil when there is room for something new, and else why it is to
// be refused: [domain.Overloaded], for it is to come back later. What goes on
// with something that was begun does not ask.
func (tx *Tx) Room() error {
	cfg := &tx.leader.cfg
	if in, passed := tx.first-1, cfg.Indexed(); in > passed && in-passed > MaxBehind {
		return domain.Errorf(domain.Overloaded, "lagging",
			"the read models are %d events behind the history, and take nothing new beyond %d: come back later", in-passed, MaxBehind)
	}
	if cfg.Pressure == nil {
		return nil
	}
	return cfg.Pressure()
}

// Access returns the statements so far.
func (tx *Tx) Access() access.State {
	if tx.access != nil {
		return *tx.access
	}
	return tx.leader.memory.state.Access
}

// Job returns a job's state.
func (tx *Tx) Job(id job.ID) job.State {
	if h := tx.leader.memory.jobs[id.String()]; h != nil {
		return tx.job(h)
	}
	return job.State{}
}

// job returns the state of a job in memory.
func (tx *Tx) job(h *hotJob) job.State {
	if at := h.changed - 1; at >= 0 && at < len(tx.jobs) && tx.jobs[at].hot == h {
		return *tx.jobs[at].state
	}
	if h.state == nil {
		return job.State{}
	}
	return *h.state
}

// change notes what became of a job.
func (tx *Tx) change(c changedJob) {
	if at := c.hot.changed - 1; at >= 0 && at < len(tx.jobs) && tx.jobs[at].hot == c.hot {
		c.first = c.first || tx.jobs[at].first
		tx.jobs[at] = c
		return
	}
	tx.jobs = append(tx.jobs, c)
	c.hot.changed = len(tx.jobs)
}

// Runner returns a runner id's state.
func (tx *Tx) Runner(id domain.Name) runner.State {
	return current(tx.runners, tx.leader.memory.state.Runners, id)
}

// Process returns how far a process' bundles were taken.
func (tx *Tx) Process(id domain.Name, process string) runner.Process {
	return current(tx.process, tx.leader.memory.state.Processes, runner.AggregateID(id, process))
}

func current[K comparable, S any](changes []changed[K, S], base map[K]S, key K) S {
	for i := range changes {
		if changes[i].key == key {
			return changes[i].state
		}
	}
	return base[key]
}

func set[K comparable, S any](changes *[]changed[K, S], key K, s S) {
	for i := range *changes {
		if (*changes)[i].key == key {
			(*changes)[i].state = s
			return
		}
	}
	*changes = append(*changes, changed[K, S]{key, s})
}

// named refuses to decide about an aggregate that the work did not name: a
// known one that is not in memory would look as if nothing had happened to it.
func (tx *Tx) named(a event.Aggregate) error {
	if !tx.leader.memory.has(a) {
		return unnamed(a)
	}
	return nil
}

func unnamed(a event.Aggregate) error {
	return domain.Errorf(domain.Internal, "aggregate", "%s is not among the aggregates of its work", a)
}

// DecideJob asks a command of a job and reports whether anything happened.
func (tx *Tx) DecideJob(id job.ID, by By, c job.Command) (happened bool, err error) {
	h := tx.leader.memory.jobs[id.String()]
	if h == nil {
		return false, unnamed(JobAggregate(id))
	}
	c, err = tx.guard(c)
	if err != nil {
		return false, err
	}
	state := tx.job(h)
	events, err := job.Decide(state, c)
	if err != nil || len(events) == 0 {
		return false, err
	}
	first := state.Version == 0
	for _, data := range events {
		e := tx.emit(JobAggregate(id), state.Version+1, by, data)
		state = job.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
		if submitted, ok := data.(job.Submitted); ok {
			tx.spend(submitted, e.Seq)
		}
	}
	tx.change(changedJob{hot: h, state: &state, seq: tx.Next() - 1, first: first})
	return true, nil
}

// DecideRunner asks a command of a runner id.
func (tx *Tx) DecideRunner(id domain.Name, by By, c runner.Command) error {
	if err := tx.named(runnerAggregate(id)); err != nil {
		return err
	}
	state := tx.Runner(id)
	events, err := runner.Decide(state, c)
	if err != nil {
		return err
	}
	for _, data := range events {
		e := tx.emit(runnerAggregate(id), state.Version+1, by, data)
		state = runner.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	}
	set(&tx.runners, id, state)
	return nil
}

// DecideAccess asks a command of the namespace and reports whether anything
// happened.
func (tx *Tx) DecideAccess(by By, c access.Command) (happened bool, err error) {
	state := tx.Access()
	events, err := access.Decide(state, c)
	if err != nil {
		return false, err
	}
	for _, data := range events {
		e := tx.emit(event.Aggregate{Kind: event.Access}, state.Statements+1, by, data)
		state = access.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	}
	tx.access = &state
	return len(events) > 0, nil
}

// Report records a bundle, whose signature the caller has checked, and reports
// whether it is news.
func (tx *Tx) Report(s runner.Signed, b *runner.Bundle) (news bool, err error) {
	if err := tx.named(processAggregate(b.Runner, b.Process)); err != nil {
		return false, err
	}
	state := tx.Process(b.Runner, b.Process)
	if news, err = state.Accept(s, b); err != nil || !news {
		return false, err
	}
	data := runner.NewReported(s, b)
	e := tx.emit(processAggregate(b.Runner, b.Process), state.Version+1, By{Actor: event.ByRunner(string(b.Runner))}, data)
	state = runner.EvolveProcess(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	set(&tx.process, e.Aggregate.ID, state)
	return true, nil
}

// DeclareLoss records that the log lacks everything from a place on up to the
// last one of a seal, which whoever is named remembers, and reports whether
// that was news. The work must name [Gaps]. from is 1 + the last place of the
// log that was sealed in the seal's term or one before it. Errors are those of
// [loss.Decide].
func (tx *Tx) DeclareLoss(by By, from uint64, seal signing.Seal) (declared bool, err error) {
	if err := tx.named(gapAggregate()); err != nil {
		return false, err
	}
	state := tx.leader.memory.state.Loss
	if tx.loss != nil {
		state = *tx.loss
	}
	events, err := loss.Decide(state, loss.Declare{
		Lost: loss.Lost{From: from, Seal: seal}, Partition: tx.leader.cfg.Partition, Term: tx.leader.term, Keys: tx.Access(),
	})
	if err != nil {
		return false, err
	}
	for _, data := range events {
		e := tx.emit(gapAggregate(), state.Version+1, by, data)
		state = loss.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	}
	tx.loss = &state
	return len(events) > 0, nil
}

// begin records that the leader's term began.
func (tx *Tx) begin(data term.Began) {
	state := tx.leader.memory.state.Term
	e := tx.emit(event.Aggregate{Kind: event.Leader}, state.Version+1, By{Actor: event.BySystem("leader")}, data)
	state = term.Evolve(state, event.FactOf(e.Recorded, data, e.Seq, e.Hash))
	tx.term = &state
}

// emit encodes one event at the next place.
func (tx *Tx) emit(a event.Aggregate, version uint64, by By, data event.Data) history.Entry {
	h := event.Header{
		Namespace: string(tx.leader.cfg.Namespace), Partition: tx.leader.cfg.Partition,
		Aggregate: a, Version: version, At: tx.now, Actor: by.Actor, Cause: by.Cause, Trace: tx.trace,
	}
	bytes := event.Append(make([]byte, 0, roomFor(&h, data)), h, data)
	e := history.Entry{
		Seq: tx.Next(), Bytes: bytes, Hash: signing.LeafHash(bytes),
		Recorded: event.Recorded{Header: h, Type: data.EventName()}, Data: data,
	}
	tx.entries = append(tx.entries, e)
	tx.size += len(bytes)
	return e
}

// roomFor guesses an event's size, so that encoding it allocates once.
func roomFor(h *event.Header, data event.Data) int {
	const frame, grant, signature = 192, 256, 192
	room := frame + len(h.Namespace) + len(h.Aggregate.ID) + len(h.Actor) + len(h.Cause) + len(h.Trace)
	switch data := data.(type) {
	case job.Submitted:
		return room + len(data.Submission.Doc) + signature*len(data.Submission.Signatures) + grant
	case runner.Reported:
		return room + len(data.Signed.Doc) + signature
	}
	return room
}

// install makes the transaction's states the memory's.
func (tx *Tx) install(m *memory) {
	for i := range tx.jobs {
		c := &tx.jobs[i]
		c.hot.state = c.state
		m.kept(c.hot, c.seq)
		if c.first {
			m.met.add(c.hot.id)
		}
	}
	for _, c := range tx.runners {
		m.state.Runners[c.key] = c.state
	}
	for _, c := range tx.process {
		m.state.Processes[c.key] = c.state
	}
	for _, c := range tx.queues {
		m.state.Queues[c.key] = c.state
	}
	for _, c := range tx.nonces {
		m.state.Nonces[c.key] = c.state.until
		m.keep(nonceAggregate(c.key), c.state.seq)
	}
	if tx.access != nil {
		m.state.Access = *tx.access
	}
	if tx.term != nil {
		m.state.Term = *tx.term
	}
	if tx.loss != nil {
		m.state.Loss = *tx.loss
	}
	for i := range tx.entries {
		e := &tx.entries[i]
		switch e.Aggregate.Kind {
		case event.Access, event.Leader, event.Job:
		default:
			m.keep(e.Aggregate, e.Seq)
		}
	}
}
