package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
)

const namespace = "horus"

// house is a partition in memory and whoever leads it. Nothing in it moves by
// itself.
type house struct {
	rapid.TB
	*eventstore.Leader
	mem     *memstore.Store
	store   eventstore.Store // mem, or mem behind something that spoils it
	clock   *clock
	key     signing.PrivateKey
	terms   uint64
	fed     []*history.Commit
	assured []*history.Commit
	indexed func() uint64
	observe func(events int, took time.Duration)
	index   eventstore.Index
	roll    eventstore.Roll
	syncer  eventstore.Syncer // nil when nobody holds copies
	press   error             // why nothing new is to be begun
}

// clock is advanced by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

// build returns a house on an empty log whose leader has taken the lease and
// not begun.
func build(t rapid.TB) *house {
	mem := memstore.New()
	h := &house{
		TB: t, mem: mem, store: mem, key: key(1), indexed: func() uint64 { return 0 }, observe: func(int, time.Duration) {},
		clock: &clock{time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)},
	}
	h.index = scan{mem, nil}
	h.lead()
	return h
}

// open returns a house whose leader has begun.
func open(t rapid.TB) *house {
	t.Helper()
	h := build(t)
	h.must(h.begin())
	return h
}

// lead takes the lease from whoever holds it and makes a leader of what the
// log says.
func (h *house) lead() {
	h.Helper()
	holder, err := h.mem.Holder(context.Background())
	h.must(err)
	h.terms++
	h.must(h.mem.Take(context.Background(), holder, eventstore.Holder{Term: h.terms, Name: "s1"}))
	h.crown(h.terms)
}

// crown makes a leader of what the log says, whoever holds the lease.
func (h *house) crown(term uint64) {
	h.Helper()
	chain, tip := h.follow((*history.Chain).Follow)
	h.crownWith(term, tip, chain)
}

func (h *house) crownWith(term uint64, tip eventstore.Tip, chain *history.Chain) {
	h.Leader = eventstore.NewLeader(eventstore.Config{
		Store: h.store, Index: h.index, Roll: h.roll, Namespace: namespace, Name: "s1", Address: "http://127.0.0.1:3030",
		Key: h.key, Verifier: signing.NewVerifier(8), Clock: h.clock.Now,
		Indexed: func() uint64 { return h.indexed() },
		Feed:    func(c *history.Commit) { h.fed = append(h.fed, c) },
		Observe: func(events int, took time.Duration) { h.observe(events, took) },
		Assured: func(c *history.Commit) { h.assured = append(h.assured, c) },
		Syncer:  h.syncer, Pressure: func() error { return h.press },
	}, term, tip, chain)
}

// follow reads the whole log.
func (h *house) follow(check func(*history.Chain, *history.Commit) error) (*history.Chain, eventstore.Tip) {
	h.Helper()
	chain := history.NewChain(namespace, 0, signing.NewVerifier(8))
	commits, tip := h.commits()
	for _, c := range commits {
		if err := check(chain, c); err != nil {
			h.Fatalf("follow the log: %v", err)
		}
	}
	return chain, tip
}

func (h *house) commits() (commits []*history.Commit, tip eventstore.Tip) {
	h.Helper()
	raws, err := h.mem.Read(context.Background(), 0, 1<<20)
	h.must(err)
	reader := history.NewReader(namespace, 0, 0)
	for _, raw := range raws {
		c, err := reader.Next(raw)
		h.must(err)
		if c != nil {
			commits = append(commits, c)
			tip = eventstore.Tip{Seq: raw.Seq, Seal: string(raw.Seal)}
		}
	}
	h.must(reader.End())
	return commits, tip
}

// entries returns every event of the log, which it proves.
func (h *house) entries() []history.Entry {
	h.Helper()
	h.follow((*history.Chain).Check)
	commits, _ := h.commits()
	var all []history.Entry
	for _, c := range commits {
		all = append(all, c.Entries...)
	}
	return all
}

// types returns the wire name of every event of the log.
func (h *house) types() []string {
	h.Helper()
	var names []string
	for _, e := range h.entries() {
		names = append(names, e.Type)
	}
	return names
}

func founding() access.Founded {
	return access.Founded{
		Namespace: namespace, Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
	}
}

func (h *house) begin() error {
	return h.do(func(ctx context.Context) error { return h.Begin(ctx, eventstore.Beginning{Founding: founding()}) })
}

// do runs f while the leader turns, or asks whether the log is durable, whenever
// it says that it has something to do.
func (h *house) do(f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- f(context.Background()) }()
	for {
		select {
		case err := <-done:
			return err
		case <-h.AssureWake():
			if _, err := h.Assure(context.Background()); errors.Is(err, eventstore.ErrConflict) {
				h.Leader.Fail(err)
			}
		case <-h.Wake():
			for {
				if _, err := h.Turn(context.Background()); err == nil || over(err) {
					break
				}
			}
		}
	}
}

// over reports whether no further Turn of the same leader can help.
func over(err error) bool {
	return errors.Is(err, eventstore.ErrConflict) || errors.Is(err, eventstore.ErrTruncated) || domain.CodeOf(err) == domain.TryAgain
}

func (h *house) execute(w eventstore.Work) error {
	return h.do(func(ctx context.Context) error { return h.Execute(ctx, w) })
}

// turn appends everything that waits, and fails the test if it cannot.
func (h *house) turn() {
	h.Helper()
	for n := h.Waiting(); n >= 0; n-- { // and the one that may be on its way
		_, err := h.Turn(context.Background())
		h.must(err)
	}
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatalf("%v", err)
	}
}

// want fails the test unless err has that code.
func (h *house) want(err error, code domain.Code) {
	h.Helper()
	if err == nil || domain.CodeOf(err) != code {
		h.Fatalf("got %v, want %s", err, code)
	}
}

// now is the answer that a proposal has by now; [domain.Indeterminate] if none.
func now(p eventstore.Proposal) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Wait(ctx)
}

func key(n byte) signing.PrivateKey {
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return k
}

// scan is an index that reads the whole log each time.
type scan struct {
	log    eventstore.Log
	passed func() uint64 // how far it has read; nil for everything
}

func (s scan) Find(ctx context.Context, aggregates []event.Aggregate) ([][]uint64, uint64, error) {
	tip, err := s.log.Tip(ctx)
	if err != nil {
		return nil, 0, err
	}
	through := tip.Seq
	if s.passed != nil {
		through = s.passed()
	}
	raws, err := s.log.Read(ctx, 0, int(through)) //nolint:gosec // a test's log is short
	if err != nil {
		return nil, 0, err
	}
	places := map[event.Aggregate][]uint64{}
	for _, raw := range raws {
		e, err := history.ParseEntry(raw.Seq, raw.Event)
		if err != nil {
			return nil, 0, err
		}
		if e.Aggregate.Kind != event.Job {
			places[e.Aggregate] = nil
		}
		places[e.Aggregate] = append(places[e.Aggregate], e.Seq)
		nonces, _ := e.Spends()
		for _, nonce := range nonces {
			places[event.Aggregate{Kind: event.Nonce, ID: nonce}] = []uint64{e.Seq}
		}
	}
	found := make([][]uint64, len(aggregates))
	for i, a := range aggregates {
		found[i] = places[a]
	}
	return found, through, nil
}

// opened is an unsigned job for runner r1, whose attempts are used up by the
// first loss.
func opened(id, payload string) *job.Opened {
	j := historytest.Job{Payload: payload, Attempts: 1, Form: job.FormUnsigned}
	o, err := j.Submission(id, signing.PrivateKey{}).Open()
	if err != nil {
		panic(err)
	}
	return o
}

func byCI() eventstore.By { return eventstore.By{Actor: event.ByAPIKey("ci")} }

// submit asks for a job.
func submit(id, payload string) eventstore.Work {
	return submission(opened(id, payload))
}

func submission(o *job.Opened) eventstore.Work {
	return eventstore.Work{
		Aggregates: append(eventstore.Jobs(o.Spec.ID), eventstore.Nonces(o)...),
		Decide: func(tx *eventstore.Tx) error {
			by := byCI()
			if len(o.Signers) > 0 {
				by.Actor = event.ByClient(string(o.Signers[0]))
			}
			_, err := tx.DecideJob(o.Spec.ID, by, job.Submit{Job: o, Namespace: tx.Namespace(), At: tx.Now(), By: by.Actor})
			return err
		},
	}
}

func jobID(id string) job.ID { return opened(id, "x").Spec.ID }

// lose asks for a job's open attempt to be given up, if there is one.
func lose(id string) eventstore.Work {
	return eventstore.Work{
		Aggregates: eventstore.Jobs(jobID(id)),
		Decide: func(tx *eventstore.Tx) error {
			s := tx.Job(jobID(id))
			_, err := tx.DecideJob(jobID(id), eventstore.By{Actor: event.BySystem("redelivery")},
				job.Lose{Token: s.Token, Reason: job.LostLease, At: tx.Now()})
			return err
		},
	}
}

// state looks at a job.
func (h *house) state(id string) (s job.State) {
	h.Helper()
	h.must(h.execute(eventstore.Work{
		Aggregates: eventstore.Jobs(jobID(id)),
		Decide: func(tx *eventstore.Tx) error {
			s = tx.Job(jobID(id))
			return nil
		},
	}))
	return s
}

// report records a bundle of a process of runner r1, with everything that
// follows from it. news says whether it was new.
func report(process string, number uint64, k signing.PrivateKey, news *bool, reports ...runner.Report) eventstore.Work {
	b := (&historytest.Process{Runner: "r1", Name: process}).Bundle(namespace, number, reports...)
	signed := b.Sign(k)
	aggregates := eventstore.Process(b.Runner, b.Process)
	for _, r := range reports {
		if about, _, ends := history.Ends(r); ends {
			aggregates = append(aggregates, eventstore.Jobs(about.Job)...)
		}
	}
	return eventstore.Work{Aggregates: aggregates, Decide: func(tx *eventstore.Tx) (err error) {
		if *news, err = tx.Report(signed, b); err != nil || !*news {
			return err
		}
		for i, r := range reports {
			by := eventstore.By{
				Actor: event.ByRunner("r1"),
				Cause: runner.Cause{Runner: "r1", Process: process, Number: number, Index: i}.String(),
			}
			if joins, ok := r.(runner.Join); ok {
				err = tx.DecideRunner("r1", by, runner.JoinAs{
					Join: joins, Process: process, FirstUse: true, Marks: []runner.Mark{{Queue: job.RunnerQueue("r1"), Seq: tx.Next()}},
				})
			}
			if about, said, ends := history.Ends(r); ends {
				err = finish(tx, by, process, about, said)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

// finish ends an attempt as a report says, or has the job say that it was late.
func finish(tx *eventstore.Tx, by eventstore.By, process string, about runner.About, said job.Said) error {
	c := job.Finish{Start: job.Start{Token: about.Token, By: by.Actor, Process: process}, At: tx.Now(), Stopped: said == job.SaidStopped}
	if said == job.SaidFailed {
		c.Failure = job.FailedError
	}
	_, err := tx.DecideJob(about.Job, by, c)
	if domain.CodeOf(err) == domain.Stale {
		_, err = tx.DecideJob(about.Job, by, job.Refuse{Token: about.Token, Process: process, Said: said})
	}
	return err
}

func join(k signing.PrivateKey) runner.Report { return runner.Join{Key: k.Public(), Slots: 1} }

// completed reports on the attempt that is open in s.
func completed(id string, s job.State) runner.Report {
	return runner.Completed{About: runner.About{Job: jobID(id), Token: s.Token, At: 1}}
}

// lead returns a leader that has begun and whose loop runs until stop.
func lead() (leader *eventstore.Leader, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	mem := memstore.New()
	if err := mem.Take(ctx, eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "s1"}); err != nil {
		panic(err) // nobody else is there
	}
	leader = eventstore.NewLeader(eventstore.Config{
		Store: mem, Index: scan{mem, nil}, Namespace: namespace, Name: "s1", Key: key(1),
		Verifier: signing.NewVerifier(8), Clock: time.Now,
		Indexed: func() uint64 { return 0 }, Feed: func(*history.Commit) {},
	}, 1, eventstore.Tip{}, history.NewChain(namespace, 0, signing.NewVerifier(8)))
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if busy, err := leader.Turn(ctx); err != nil || busy {
				continue
			}
			select {
			case <-leader.Wake():
			case <-ctx.Done():
			}
		}
	})
	if err := leader.Begin(ctx, eventstore.Beginning{Founding: founding()}); err != nil {
		panic(err) // the log is empty
	}
	return leader, func() {
		cancel()
		running.Wait()
	}
}
