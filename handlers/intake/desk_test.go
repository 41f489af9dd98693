package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/runnersdk/queue"
)

const namespace = "horus"

var errLost = errors.New("the connection is gone")

// desk is an intake at a leader over a log in memory. Nothing in it moves by
// itself.
type desk struct {
	*testing.T
	mem      *memstore.Store
	leader   *eventstore.Leader
	in       *intake.Intake
	box      *box
	find     func() error // trouble of the index; nil for none
	marks    func() error // trouble of the queues; nil for none
	now      time.Time
	terms    uint64
	firstUse bool
	logger   *slog.Logger // nil for none

	taken, late int
	dropped     []string
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{
		T: t, mem: memstore.New(), box: &box{}, firstUse: true,
		now: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC),
	}
	d.succeed()
	return d
}

// succeed lets another leader and its intake take over.
func (d *desk) succeed() {
	d.Helper()
	holder, err := d.mem.Holder(d.Context())
	d.must(err)
	d.terms++
	d.must(d.mem.Take(d.Context(), holder, eventstore.Holder{Term: d.terms, Name: "s1"}))
	verifier := signing.NewVerifier(16)
	chain, tip := d.follow((*history.Chain).Follow)
	d.leader = eventstore.NewLeader(eventstore.Config{
		Store: d.mem, Index: scan{d}, Namespace: namespace, Name: "s1", Key: key(1), Verifier: verifier,
		Clock: func() time.Time { return d.now }, Indexed: func() uint64 { return 0 }, Feed: func(*history.Commit) {},
	}, d.terms, tip, chain)
	d.must(d.do(func(ctx context.Context) error {
		return d.leader.Begin(ctx, eventstore.Beginning{Founding: access.Founded{
			Namespace: namespace, Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
		}})
	}))
	d.restart(verifier)
}

// restart makes another intake at the same leader.
func (d *desk) restart(verifier *signing.Verifier) {
	logger := d.logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	d.in = intake.New(intake.Config{
		Inbox: d.box, Ledger: d.leader, Queues: d, Joins: d, History: d.mem, Namespace: namespace, FirstUse: d.firstUse, Verifier: verifier,
		Counts: intake.Counts{
			Taken:   func(n int) { d.taken += n },
			Dropped: func(reason string) { d.dropped = append(d.dropped, reason) },
			Late:    func(n int) { d.late += n },
		},
		Log: logger,
	})
}

// Marks begins every queue at 1.
func (d *desk) Marks(_ context.Context, queues []job.Queue) ([]runner.Mark, error) {
	marks := make([]runner.Mark, len(queues))
	for i, q := range queues {
		marks[i] = runner.Mark{Queue: q, Seq: 1}
	}
	if d.marks != nil {
		return marks, d.marks()
	}
	return marks, nil
}

// Joined proves nothing, but names the place where a process joined.
func (d *desk) Joined(_ context.Context, id domain.Name, process string) (p signing.Proof, ok bool, err error) {
	for _, c := range d.commits() {
		for i := range c.Entries {
			joined, is := history.FactOf[runner.Joined](&c.Entries[i])
			if is && c.Entries[i].Aggregate.ID == string(id) && joined.Data.Process == process {
				return signing.Proof{Seq: c.Entries[i].Seq}, true, nil
			}
		}
	}
	return p, false, nil
}

// do runs f while the leader turns whenever it has something to do.
func (d *desk) do(f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- f(context.Background()) }()
	for {
		select {
		case err := <-done:
			return err
		case <-d.leader.Wake():
			_, err := d.leader.Turn(context.Background())
			d.must(err)
		}
	}
}

// turn turns the intake once.
func (d *desk) turn() error {
	return d.do(func(ctx context.Context) error {
		_, err := d.in.Turn(ctx)
		return err
	})
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) follow(check func(*history.Chain, *history.Commit) error) (chain *history.Chain, tip eventstore.Tip) {
	d.Helper()
	chain = history.NewChain(namespace, 0, signing.NewVerifier(16))
	for _, c := range d.commits() {
		d.must(check(chain, c))
		tip = eventstore.Tip{Seq: c.Seal.Last(), Seal: string(c.Seal.Append(nil))}
	}
	return chain, tip
}

// commits returns the log, which a test must prove before it believes it.
func (d *desk) commits() (commits []*history.Commit) {
	d.Helper()
	raws, err := d.mem.Read(d.Context(), 0, 1<<20)
	d.must(err)
	reader := history.NewReader(namespace, 0, 0)
	for _, raw := range raws {
		c, err := reader.Next(raw)
		d.must(err)
		if c != nil {
			commits = append(commits, c)
		}
	}
	return commits
}

// news proves the log and returns the events of its last commit, with their
// causes.
func (d *desk) news() (said []string) {
	d.Helper()
	d.follow((*history.Chain).Check)
	commits := d.commits()
	for _, e := range commits[len(commits)-1].Entries {
		text := e.Type
		if e.Cause != "" {
			text += " " + e.Cause
		}
		said = append(said, text)
	}
	return said
}

// length proves the log and returns how many events it has.
func (d *desk) length() uint64 {
	d.Helper()
	_, tip := d.follow((*history.Chain).Check)
	return tip.Seq
}

// state is a job as the log says.
func (d *desk) state(id string) job.State {
	d.Helper()
	chain, _ := d.follow((*history.Chain).Check)
	return chain.State.Jobs[opened(d.T, id, "").Spec.ID]
}

// submit queues a job for whom member names: "runner":"r1" or "executor":"sh".
func (d *desk) submit(id, member string) {
	d.Helper()
	o := opened(d.T, id, member)
	by := eventstore.By{Actor: event.ByAPIKey("ci")}
	d.execute(eventstore.Jobs(o.Spec.ID), func(tx *eventstore.Tx) error {
		_, err := tx.DecideJob(o.Spec.ID, by, job.Submit{Job: o, Namespace: namespace, At: tx.Now(), By: by.Actor})
		return err
	})
}

func (d *desk) execute(aggregates []event.Aggregate, decide func(*eventstore.Tx) error) {
	d.Helper()
	d.must(d.do(func(ctx context.Context) error {
		return d.leader.Execute(ctx, eventstore.Work{Aggregates: aggregates, Decide: decide})
	}))
}

// admit admits a runner's key for the kind sh.
func (d *desk) admit(k signing.PrivateKey, id domain.Name, until time.Time) {
	d.Helper()
	admitted := access.Key{Class: access.Runner, Name: id, Public: k.Public(), Kinds: []domain.Name{"sh"}}
	if !until.IsZero() {
		admitted.Until = event.At(until)
	}
	admitted.Proof = k.Sign(access.AdmissionText(namespace, admitted))
	d.execute(nil, func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(eventstore.By{Actor: event.ByAPIKey("root")}, access.Admit{Key: admitted, At: tx.Now()})
		return err
	})
}

func opened(t *testing.T, id, member string) *job.Opened {
	t.Helper()
	if member == "" {
		member = `"runner":"r1"`
	}
	doc := fmt.Appendf(nil, `{"id":%q,"payload":"x",%s}`, id, member)
	o, err := job.Submission{Form: job.FormUnsigned, Doc: doc}.Open()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func key(n byte) signing.PrivateKey {
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return k
}

// process is one that reports.
type process struct {
	*desk
	id     domain.Name
	name   string
	key    signing.PrivateKey
	number uint64
}

func (d *desk) process(id domain.Name, name string, k signing.PrivateKey) *process {
	return &process{desk: d, id: id, name: name, key: k}
}

// joined is a process that joined, for its own queue.
func (d *desk) joined(id domain.Name, name string, k signing.PrivateKey) *process {
	d.Helper()
	p := d.process(id, name, k)
	p.send(p.join())
	d.must(d.turn())
	return p
}

func (p *process) join(kinds ...domain.Name) runner.Report {
	return runner.Join{Key: p.key.Public(), Kinds: kinds, Slots: 1}
}

// about speaks of the attempt that is open now.
func (p *process) about(id string) runner.About {
	s := p.state(id)
	return runner.About{Job: opened(p.T, id, "").Spec.ID, Token: s.Token, At: event.At(p.now)}
}

func (p *process) bundle(reports ...runner.Report) *runner.Bundle {
	p.number++
	return &runner.Bundle{Namespace: namespace, Runner: p.id, Process: p.name, Number: p.number, Reports: reports}
}

func (p *process) send(reports ...runner.Report) {
	p.box.put(p.bundle(reports...).Sign(p.key))
}

// box is an inbox in memory.
type box struct {
	letters []intake.Letter
	sent    int
	short   int // how many letters a read returns at most; all if 0
	hints   []string
	onDrop  func() error
	onHint  func() error
	onRead  func() error
}

func (b *box) put(s runner.Signed) {
	fields := map[string]string{}
	for pair := range slices.Chunk(queue.BundleFields(s), 2) {
		fields[pair[0]] = pair[1]
	}
	b.putFields(fields)
}

func (b *box) putFields(fields map[string]string) {
	b.sent++
	b.letters = append(b.letters, intake.Letter{ID: fmt.Sprintf("1-%d", b.sent), Fields: fields})
}

func (b *box) place(id string) int {
	return 1 + slices.IndexFunc(b.letters, func(l intake.Letter) bool { return l.ID == id })
}

func (b *box) Read(_ context.Context, limit int, _ time.Duration) ([]intake.Letter, error) {
	if b.onRead != nil {
		if err := b.onRead(); err != nil {
			return nil, err
		}
	}
	rest := b.letters
	if b.short > 0 {
		limit = min(limit, b.short)
	}
	return slices.Clone(rest[:min(len(rest), limit)]), nil
}

func (b *box) Drop(_ context.Context, through string) error {
	if b.onDrop != nil {
		if err := b.onDrop(); err != nil {
			return err
		}
	}
	b.letters = slices.Delete(b.letters, 0, b.place(through))
	return nil
}

func (b *box) Last(context.Context) (string, error) {
	if len(b.letters) == 0 {
		return "", nil
	}
	return b.letters[len(b.letters)-1].ID, nil
}

func (b *box) Hint(_ context.Context, id domain.Name, n queue.Notice) error {
	if b.onHint != nil {
		if err := b.onHint(); err != nil {
			return err
		}
	}
	b.hints = append(b.hints, fmt.Sprintf("%s %s/%s: %s", n.Kind, id, n.Process, n.Reason))
	return nil
}

// scan is an index that reads the whole log each time.
type scan struct{ *desk }

func (s scan) Find(_ context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	if s.find != nil {
		if err := s.find(); err != nil {
			return nil, 0, err
		}
	}
	places, through := map[event.Aggregate][]uint64{}, uint64(0)
	for _, c := range s.commits() {
		for _, e := range c.Entries {
			if e.Aggregate.Kind != event.Job {
				places[e.Aggregate] = nil
			}
			places[e.Aggregate], through = append(places[e.Aggregate], e.Seq), e.Seq
		}
	}
	found := make([][]uint64, len(aggregates))
	for i, a := range aggregates {
		found[i] = places[a]
	}
	return found, through, nil
}
