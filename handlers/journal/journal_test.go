package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
)

// entries is a log that holds what it is given.
type entries struct {
	mu sync.Mutex

	raws  []history.Raw
	reads int
}

func (l *entries) set(raws []history.Raw) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raws = raws
}

func (l *entries) Append(context.Context, uint64, eventstore.Tip, eventstore.Batch) error {
	return errors.New("a journal appends nothing")
}

func (l *entries) Tip(context.Context) (eventstore.Tip, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.raws) == 0 {
		return eventstore.Tip{}, nil
	}
	last := l.raws[len(l.raws)-1]
	return eventstore.Tip{Seq: last.Seq, Seal: string(last.Seal)}, nil
}

func (l *entries) Read(_ context.Context, after uint64, limit int) ([]history.Raw, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	at := min(after, uint64(len(l.raws)))
	return slices.Clone(l.raws[at:min(at+uint64(limit), uint64(len(l.raws)))]), nil
}

func (l *entries) Get(_ context.Context, seqs []uint64) ([]history.Raw, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := make([]history.Raw, len(seqs))
	for i, seq := range seqs {
		found[i].Seq = seq
		if seq >= 1 && seq <= uint64(len(l.raws)) {
			found[i] = l.raws[seq-1]
		}
	}
	return found, nil
}

// cursors keeps cursors of the term that is on.
type cursors struct {
	mu sync.Mutex

	term  uint64
	kept  map[domain.Name]journal.Cursor
	fails error
}

func (c *cursors) Load(_ context.Context, name domain.Name) (journal.Cursor, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, found := c.kept[name]
	return at, found, c.fails
}

func (c *cursors) Save(_ context.Context, term uint64, name domain.Name, at journal.Cursor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if term != c.term {
		return eventstore.ErrConflict
	}
	again, err := journal.ParseCursor("horus", 0, string(at.Append(nil)))
	if err != nil || again != at {
		return fmt.Errorf("the cursor %s reads as %v, %w", at.Append(nil), again, err)
	}
	c.kept[name] = at
	return c.fails
}

// stage is a history of which a journal tells.
type stage struct {
	testing.TB
	p       *historytest.Partition
	log     *entries
	cursors *cursors
	journal *journal.Journal
	offered int // commits
}

func newStage(t testing.TB) *stage {
	s := &stage{TB: t, p: historytest.Found("horus"), log: &entries{}, cursors: &cursors{kept: map[domain.Name]journal.Cursor{}}}
	s.lead()
	return s
}

// lead begins a term: what was before is told of by nobody any more.
func (s *stage) lead() {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	s.cursors.term++
	s.journal = journal.New(journal.Config{
		History: s.log, Namespace: "horus", Term: s.cursors.term, Cursors: s.cursors,
		Keys: func() access.State { return s.p.State.Access },
	})
	s.offered = len(s.p.Commits)
}

// end ends the term: another one leads.
func (s *stage) end() {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	s.cursors.term++
}

// submit adds a commit of a job to the log.
func (s *stage) submit(id string) {
	s.p.Commit(func(tx *historytest.Tx) { tx.Submit(id, historytest.Job{}) })
	s.log.set(s.p.Raws())
}

// offer tells the journal of what is in the log.
func (s *stage) offer() {
	for _, c := range s.p.Commits[s.offered:] {
		s.journal.Offer(c)
	}
	s.offered = len(s.p.Commits)
}

func (s *stage) subscribe(sub journal.Subscription) (<-chan *message.Message, *journal.Subscriber) {
	s.Helper()
	if sub.Name == "" {
		sub.Name = "mail"
	}
	if sub.Types.IsZero() {
		sub.Types = types(s, "*")
	}
	subscriber := s.journal.Subscriber(sub)
	messages, err := subscriber.Subscribe(context.Background(), "log")
	if err != nil {
		s.Fatal(err)
	}
	return messages, subscriber
}

func types(t testing.TB, text string) events.Types {
	t.Helper()
	types, err := events.ParseTypes(text)
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// seqs returns the places of the events that a message tells of.
func seqs(t testing.TB, msg *message.Message) []uint64 {
	t.Helper()
	var all []uint64
	for line := range bytes.Lines(msg.Payload) {
		e, err := events.Parse(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Proof.Seq)
	}
	return all
}

// take acknowledges all that comes.
func take(t testing.TB, messages <-chan *message.Message) []uint64 {
	t.Helper()
	var all []uint64
	for {
		synctest.Wait()
		select {
		case msg, open := <-messages:
			if !open {
				return all
			}
			all = append(all, seqs(t, msg)...)
			msg.Ack()
		default:
			return all
		}
	}
}

func TestNothingIsToldBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.log.set(s.p.Raws())
		messages, sub := s.subscribe(journal.Subscription{From: journal.Start})
		defer sub.Close()
		if got := take(t, messages); len(got) > 0 {
			t.Errorf("told of %v before the term began", got)
		}
		s.submit("j1")
		s.submit("j2") // is in the log, and nobody has acknowledged it
		s.journal.Offer(s.p.Commits[s.offered])
		s.offered++
		if diff := cmp.Diff([]uint64{1, 2, 3, 4}, take(t, messages)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		s.offer()
		if diff := cmp.Diff([]uint64{5}, take(t, messages)); diff != "" {
			t.Errorf("told later (-want +got):\n%s", diff)
		}
	})
}

// While replicas lag for long, some commits are left out of what is offered. They
// are in the log, and are told all the same.
func TestWhatWasLeftOutIsReadFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		messages, sub := s.subscribe(journal.Subscription{From: journal.Start})
		defer sub.Close()
		s.submit("j1")
		s.offer()
		if diff := cmp.Diff([]uint64{1, 2, 3, 4}, take(t, messages)); diff != "" {
			t.Fatalf("told (-want +got):\n%s", diff)
		}
		for _, id := range []string{"j2", "j3", "j4", "j5", "j6"} {
			s.submit(id)
		}
		for _, i := range []int{0, 3, 4} {
			s.journal.Offer(s.p.Commits[s.offered+i])
		}
		if diff := cmp.Diff([]uint64{5, 6, 7, 8, 9}, take(t, messages)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestASubscriptionBeginsNowOrWithTheFounding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.submit("j1")
		s.submit("j2")
		s.p.BeginTerm()
		s.lead()
		s.offered-- // the beginning of the term
		s.offer()
		fromNow, sub1 := s.subscribe(journal.Subscription{Name: "now"})
		defer sub1.Close()
		fromStart, sub2 := s.subscribe(journal.Subscription{Name: "start", From: journal.Start, Types: types(t, "job.submitted")})
		defer sub2.Close()
		s.log.set(s.p.Raws())
		synctest.Wait()
		s.submit("j3")
		s.offer()
		if diff := cmp.Diff([]uint64{7}, take(t, fromNow)); diff != "" {
			t.Errorf("from now on (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]uint64{4, 5, 7}, take(t, fromStart)); diff != "" {
			t.Errorf("from the founding on (-want +got):\n%s", diff)
		}
	})
}

func TestWhoKeepsUpReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		messages, sub := s.subscribe(journal.Subscription{})
		defer sub.Close()
		for i := range 20 {
			s.submit(fmt.Sprintf("j%d", i))
			s.offer()
			take(t, messages)
		}
		if s.log.reads > 0 {
			t.Errorf("the log was read %d times", s.log.reads)
		}
	})
}

func TestANackedMessageComesAgainBeforeTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		messages, sub := s.subscribe(journal.Subscription{From: journal.Start, Types: types(t, "job.submitted")})
		defer sub.Close()
		s.submit("j1")
		s.submit("j2")
		s.offer()
		for range 5 {
			msg := <-messages
			if msg.Metadata.Get(events.Aggregate) != "job/j1" || msg.Metadata.Get(events.Type) != "job.submitted" {
				t.Fatalf("a message of %v", msg.Metadata)
			}
			msg.Nack()
		}
		if diff := cmp.Diff([]uint64{4, 5}, seqsOf(t, messages, 2)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// seqsOf acknowledges n messages.
func seqsOf(t testing.TB, messages <-chan *message.Message, n int) []uint64 {
	t.Helper()
	var all []uint64
	for range n {
		msg := <-messages
		all = append(all, seqs(t, msg)...)
		msg.Ack()
	}
	return all
}

func TestABatchTellsOfManyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for i := range 25 {
			s.submit(fmt.Sprintf("j%d", i))
		}
		s.p.BeginTerm()
		s.log.set(s.p.Raws())
		s.offered = len(s.p.Commits) - 1
		s.offer()
		messages, sub := s.subscribe(journal.Subscription{From: journal.Start, Types: types(t, "job.*"), Batch: 10})
		defer sub.Close()
		var sizes []int
		for range 3 {
			msg := <-messages
			sizes = append(sizes, len(seqs(t, msg)))
			msg.Ack()
		}
		if diff := cmp.Diff([]int{10, 10, 5}, sizes); diff != "" {
			t.Errorf("sizes of messages (-want +got):\n%s", diff)
		}
	})
}

func TestItGoesOnInTheMiddleOfACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		messages, sub := s.subscribe(journal.Subscription{From: journal.Start, Types: types(t, "job.submitted")})
		s.p.Commit(func(tx *historytest.Tx) {
			for i := range 9 {
				tx.Submit(fmt.Sprintf("j%d", i), historytest.Job{})
			}
		})
		s.log.set(s.p.Raws())
		s.offer()
		if diff := cmp.Diff([]uint64{4, 5, 6}, seqsOf(t, messages, 3)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		sub.Close()
		s.p.BeginTerm()
		s.lead()
		s.offered--
		s.log.set(s.p.Raws())
		s.offer()
		messages, sub = s.subscribe(journal.Subscription{Types: types(t, "job.submitted")})
		defer sub.Close()
		if diff := cmp.Diff([]uint64{7, 8, 9, 10, 11, 12}, take(t, messages)); diff != "" {
			t.Errorf("told afterwards (-want +got):\n%s", diff)
		}
	})
}

// Redis lost the end of the log, and the numbers were given again: what was told
// and is lost cannot be taken back, but everything that took its place is told.
func TestAfterALossItGoesOnWhereTheHistoriesPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		messages, sub := s.subscribe(journal.Subscription{From: journal.Start, Types: types(t, "job.submitted,term.began")})
		s.submit("j1")
		s.submit("j2")
		s.submit("j3")
		s.offer()
		if diff := cmp.Diff([]uint64{2, 4, 5, 6}, take(t, messages)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		sub.Close()
		s.p.Cut(2) // the founding and j1 are left
		s.lead()
		s.p.BeginTerm()
		s.submit("j4")
		s.submit("j5")
		s.submit("j6")
		s.offer()
		messages, sub = s.subscribe(journal.Subscription{Types: types(t, "job.submitted,term.began")})
		defer sub.Close()
		if diff := cmp.Diff([]uint64{5, 6, 7, 8}, take(t, messages)); diff != "" {
			t.Errorf("told afterwards (-want +got):\n%s", diff)
		}
	})
}

func TestALogThatWasForgedIsNotTold(t *testing.T) {
	forgeries := map[string]func([]history.Raw) []history.Raw{
		"sealed by a thief": func(log []history.Raw) []history.Raw { return historytest.Reseal(log, 4, historytest.Key("thief")) },
		"an event edited": func(log []history.Raw) []history.Raw {
			log = slices.Clone(log)
			log[4].Event = bytes.ReplaceAll(log[4].Event, []byte("job/j2"), []byte("job/j9"))
			return log
		},
		"an event dropped": func(log []history.Raw) []history.Raw {
			return historytest.Renumbered(log[:4], log[5:])
		},
		"the end deleted": func(log []history.Raw) []history.Raw { return log[:4] },
	}
	for name, forge := range forgeries {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.submit("j1")
				s.submit("j2")
				s.submit("j3")
				s.log.set(forge(s.p.Raws()))
				s.p.BeginTerm()
				s.lead()
				s.offered--
				s.offer()
				messages, sub := s.subscribe(journal.Subscription{From: journal.Start})
				defer sub.Close()
				if diff := cmp.Diff([]uint64{1, 2, 3, 4}, take(t, messages)); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				time.Sleep(time.Minute)
				s.log.set(s.p.Raws()) // horus repair
				time.Sleep(time.Minute)
				if diff := cmp.Diff([]uint64{5, 6, 7}, take(t, messages)); diff != "" {
					t.Errorf("told when it was repaired (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestASubscriptionEndsWithItsTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		messages, sub := s.subscribe(journal.Subscription{})
		defer sub.Close()
		s.submit("j1")
		s.offer()
		take(t, messages)
		s.end()
		time.Sleep(time.Second)
		s.submit("j2")
		s.offer()
		take(t, messages)
		time.Sleep(time.Second)
		synctest.Wait()
		if msg, open := <-messages; open {
			t.Errorf("told of %v in another term", msg.Metadata)
		}
	})
}

// Whatever is interrupted, nacked or begun anew, whoever listens hears of every
// event that he wants, in order, and hears again only what he heard last.
func TestAtLeastOnceAndInOrder(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { atLeastOnce(t, rand.New(rand.NewPCG(seed, 0)).IntN) })
		})
	}
}

func atLeastOnce(t *testing.T, draw func(int) int) {
	s := newStage(t)
	sub := journal.Subscription{
		From: journal.Start, Types: types(t, []string{"*", "job.*", "job.completed,runner.*"}[draw(3)]), Batch: draw(4),
	}
	var heard []uint64
	for range 1 + draw(6) {
		messages, subscriber := s.subscribe(sub)
		s.p.Live(draw, int(s.p.Seq())+draw(60))
		s.log.set(s.p.Raws())
		s.offer()
		for range draw(80) {
			synctest.Wait()
			select {
			case msg := <-messages:
				if draw(8) == 0 {
					msg.Nack()
					time.Sleep(time.Second)
					continue
				}
				heard = append(heard, seqs(t, msg)...)
				msg.Ack()
			default:
			}
			time.Sleep(time.Duration(draw(300)) * time.Millisecond)
		}
		if draw(2) == 0 {
			s.end() // it was killed, and kept nothing more
		}
		subscriber.Close()
		s.p.BeginTerm()
		s.lead()
		s.offered--
	}
	messages, subscriber := s.subscribe(sub)
	s.log.set(s.p.Raws())
	s.offer()
	heard = append(heard, take(t, messages)...)
	subscriber.Close()
	s.wantAll(sub, heard)
}

// wantAll checks what was heard.
func (s *stage) wantAll(sub journal.Subscription, heard []uint64) {
	s.Helper()
	var want, got []uint64
	for _, c := range s.p.Commits {
		for i := range c.Entries {
			if sub.Types.Has(c.Entries[i].Type) {
				want = append(want, c.Entries[i].Seq)
			}
		}
	}
	for i, seq := range heard {
		if last := len(got) - 1; last < 0 || seq > got[last] {
			got = append(got, seq)
		} else if i > 0 && !slices.Contains(got, seq) {
			s.Errorf("event %d came behind %d", seq, got[last])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("heard (-want +got):\n%s", diff)
	}
}

func FuzzParseCursor(f *testing.F) {
	p := historytest.Found("horus")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	for _, c := range p.Commits {
		seedtest.Add(f, string(journal.Cursor{Seq: c.Seal.First, Seal: c.Seal}.Append(nil)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := journal.ParseCursor("horus", 0, text)
		if err == nil && (string(c.Append(nil)) != text || c.Seq < c.Seal.First || c.Seq > c.Seal.Last()) {
			t.Errorf("%q reads as %s of %s", text, c.Append(nil), strconv.FormatUint(c.Seq, 10))
		}
	})
}
