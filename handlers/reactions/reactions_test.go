package reactions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/poison"
	"github.com/herocode/horus/handlers/reactions"
)

// cursors keeps none: every run begins anew.
type cursors struct{}

func (cursors) Load(context.Context, domain.Name) (journal.Cursor, bool, error) {
	return journal.Cursor{}, false, nil
}

func (cursors) Save(context.Context, uint64, domain.Name, journal.Cursor) error { return nil }

// bin is a poison queue that can be full.
type bin struct {
	poison.Queue

	mu sync.Mutex

	full bool
	held []poison.Message
}

func (b *bin) Put(ctx context.Context, m poison.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return poison.ErrFull
	}
	if err := ctx.Err(); err != nil {
		return err // as a Redis would not be asked
	}
	b.held = append(b.held, m)
	return nil
}

func (b *bin) Len(context.Context) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.held), nil
}

func (b *bin) set(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
}

// stage is a term in which reactions run.
type stage struct {
	*testing.T
	p       *historytest.Partition
	journal *journal.Journal
	bin     *bin
	metrics *reactions.Metrics
	reg     *prometheus.Registry

	mu sync.Mutex

	heard []string // jobs that were handled
	tried map[string]int
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, p: historytest.Found("horus"), bin: &bin{}, reg: prometheus.NewRegistry(), tried: map[string]int{}}
	s.journal = journal.New(journal.Config{Namespace: "horus", Term: 1, Cursors: cursors{}, Keys: func() access.State { return s.p.State.Access }})
	s.journal.Offer(s.p.Commits[len(s.p.Commits)-1])
	var err error
	if s.metrics, err = reactions.NewMetrics(s.reg, s.bin, "mail"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) submit(ids ...string) {
	for _, id := range ids {
		s.journal.Offer(s.p.Commit(func(tx *historytest.Tx) { tx.Submit(id, historytest.Job{}) }))
	}
}

// run runs the reaction mail to submitted jobs.
func (s *stage) run(change func(*reactions.Reaction)) (stop func() error) {
	s.Helper()
	types, err := events.ParseTypes("job.submitted")
	if err != nil {
		s.Fatal(err)
	}
	r := reactions.Reaction{Name: "mail", Types: types, Handle: s.handle(nil)}
	change(&r)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- reactions.Run(ctx, reactions.Config{Journal: s.journal, Reactions: []reactions.Reaction{r}, Poison: s.bin, Metrics: s.metrics})
	}()
	synctest.Wait()
	return func() error {
		cancel()
		return <-done
	}
}

// handle notes what it hears, unless fail says otherwise.
func (s *stage) handle(fail func(id string, try int) error) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		id := msg.Metadata.Get(events.Aggregate)[len("job/"):]
		s.mu.Lock()
		s.tried[id]++
		try := s.tried[id]
		s.mu.Unlock()
		if fail != nil {
			if err := fail(id, try); err != nil {
				return nil, err
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heard = append(s.heard, id)
		return nil, nil
	}
}

func (s *stage) want(heard ...string) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(heard, s.heard); diff != "" {
		s.Errorf("handled (-want +got):\n%s", diff)
	}
}

// gather returns the samples of a figure.
func (s *stage) gather(name string) map[string]float64 {
	s.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.Fatal(err)
	}
	samples := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name {
				labels := m.GetLabel()
				samples[labels[len(labels)-1].GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return samples
}

// count returns how many messages had a result.
func (s *stage) count(result string) float64 { return s.gather("horus_reactions_total")[result] }

func TestAMessageThatCannotBeHandledIsPutAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(id string, _ int) error {
				if id == "j2" {
					return errors.New("no such address\nat line 7")
				}
				return nil
			})
		})
		s.submit("j1", "j2", "j3")
		time.Sleep(time.Minute)
		s.want("j1", "j3")
		if len(s.bin.held) != 1 {
			t.Fatalf("put aside: %+v", s.bin.held)
		}
		m := s.bin.held[0]
		if m.Handler != "mail" || m.Tries != reactions.Tries || m.Topic != "log" || m.Fields["_watermill_message_uuid"] == "" {
			t.Errorf("put aside: %+v", m)
		}
		if done, poisoned := s.count("done"), s.count("poisoned"); done != 2 || poisoned != 1 {
			t.Errorf("%v done, %v poisoned; want 2 and 1", done, poisoned)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAPassingTroubleIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(id string, try int) error {
				if id == "j1" && try < reactions.Tries {
					return errors.New("timed out")
				}
				return nil
			})
		})
		s.submit("j1", "j2")
		time.Sleep(time.Minute)
		s.want("j1", "j2")
		if err := stop(); err != nil || len(s.bin.held) > 0 {
			t.Errorf("%v, put aside: %+v", err, s.bin.held)
		}
	})
}

// When others are to blame no message is: it waits, and those behind it too.
func TestWhoeverWaitsForOthersPutsNothingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(id string, try int) error {
				if id == "j1" && try < 20 {
					return fmt.Errorf("send: %w", domain.Errorf(domain.Overloaded, "busy", "come back later"))
				}
				return nil
			})
		})
		s.submit("j1", "j2")
		time.Sleep(time.Hour)
		s.want("j1", "j2")
		if err := stop(); err != nil || len(s.bin.held) > 0 {
			t.Errorf("%v, put aside: %+v", err, s.bin.held)
		}
		if later := s.count("later"); later != 19 {
			t.Errorf("%v times later, want 19", later)
		}
	})
}

// A time limit inside the poison queue ended the context with which the message
// was to be put aside: it failed, came again, and failed for ever.
func TestAHandlerThatHangsIsPutAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Timeout = time.Second
			good := s.handle(nil)
			r.Handle = func(msg *message.Message) ([]*message.Message, error) {
				if msg.Metadata.Get(events.Aggregate) == "job/j1" {
					<-msg.Context().Done()
					return nil, msg.Context().Err()
				}
				return good(msg)
			}
		})
		s.submit("j1", "j2")
		time.Sleep(time.Minute)
		s.want("j2")
		if err := stop(); err != nil || len(s.bin.held) != 1 || s.bin.held[0].Tries != reactions.Tries {
			t.Errorf("%v, put aside: %+v", err, s.bin.held)
		}
	})
}

func TestAPanicIsOneTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(id string, _ int) error {
				if id == "j1" {
					panic("a bug")
				}
				return nil
			})
		})
		s.submit("j1", "j2")
		time.Sleep(time.Minute)
		s.want("j2")
		if err := stop(); err != nil || len(s.bin.held) != 1 || s.tried["j1"] != reactions.Tries {
			t.Errorf("%v, put aside: %+v after %d tries", err, s.bin.held, s.tried["j1"])
		}
	})
}

// A full poison queue forgets nothing: the message waits for room.
func TestAFullPoisonQueueHoldsUpTheReaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.bin.set(true)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(id string, _ int) error {
				if id == "j1" {
					return errors.New("no such address")
				}
				return nil
			})
		})
		s.submit("j1", "j2")
		time.Sleep(time.Hour)
		s.want()
		s.bin.set(false)
		time.Sleep(time.Hour)
		s.want("j2")
		if err := stop(); err != nil || len(s.bin.held) != 1 {
			t.Errorf("%v, put aside: %+v", err, s.bin.held)
		}
	})
}

// What fails because the term ends is nobody's fault.
func TestTheEndOfATermPutsNothingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(string, int) error { return errors.New("no such address") })
		})
		s.submit("j1")
		time.Sleep(200 * time.Millisecond)
		if err := stop(); err != nil || len(s.bin.held) > 0 {
			t.Errorf("%v, put aside: %+v", err, s.bin.held)
		}
	})
}

// sent keeps what was published.
type sent struct {
	mu sync.Mutex

	messages []*message.Message
	fail     int
	closed   bool
}

func (p *sent) Publish(_ string, messages ...*message.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail > 0 {
		p.fail--
		return errors.New("nobody answers")
	}
	p.messages = append(p.messages, messages...)
	return nil
}

func (p *sent) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

func TestWhatAHandlerReturnsIsPublishedWithItsCorrelation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, pub := newStage(t), &sent{fail: 7}
		stop := s.run(func(r *reactions.Reaction) {
			r.Publisher, r.Topic = pub, "mails"
			r.Handle = func(msg *message.Message) ([]*message.Message, error) {
				return []*message.Message{message.NewMessage("mail of "+msg.Metadata.Get(events.Aggregate), nil)}, nil
			}
		})
		s.submit("j1", "j2")
		time.Sleep(time.Hour)
		if err := stop(); err != nil || !pub.closed {
			t.Errorf("%v; the publisher is closed: %v", err, pub.closed)
		}
		var got []string
		for _, msg := range pub.messages {
			got = append(got, msg.UUID+" about "+middleware.MessageCorrelationID(msg))
		}
		if diff := cmp.Diff([]string{"mail of job/j1 about job/j1", "mail of job/j2 about job/j2"}, got); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
		if later := s.count("later"); len(s.bin.held) > 0 || later != 7 {
			t.Errorf("%v times later, want 7; put aside: %+v", later, s.bin.held)
		}
	})
}

func TestTheLagIsWhatAReactionHasYetToPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		stop := s.run(func(r *reactions.Reaction) {
			r.Handle = s.handle(func(id string, _ int) error {
				if id == "j3" {
					return domain.Errorf(domain.Overloaded, "busy", "come back later")
				}
				return nil
			})
		})
		s.submit("j1", "j2", "j3", "j4", "j5")
		time.Sleep(time.Minute)
		s.want("j1", "j2")
		if diff := cmp.Diff(map[string]float64{"mail": 3}, s.gather("horus_reaction_lag_events")); diff != "" {
			t.Errorf("lag (-want +got):\n%s", diff)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if lags := s.gather("horus_reaction_lag_events"); len(lags) > 0 {
			t.Errorf("lags while nothing runs: %v", lags)
		}
	})
}

func TestReactionsThatCannotBeRun(t *testing.T) {
	types, err := events.ParseTypes("*")
	if err != nil {
		t.Fatal(err)
	}
	good := reactions.Reaction{Name: "mail", Types: types, Handle: func(*message.Message) ([]*message.Message, error) { return nil, nil }}
	for name, change := range map[string]func(*reactions.Reaction){
		"a bad name":              func(r *reactions.Reaction) { r.Name = "Mail" },
		"no types":                func(r *reactions.Reaction) { r.Types = events.Types{} },
		"no handler":              func(r *reactions.Reaction) { r.Handle = nil },
		"a large batch":           func(r *reactions.Reaction) { r.Batch = journal.MaxBatch + 1 },
		"a topic alone":           func(r *reactions.Reaction) { r.Topic = "mails" },
		"a publisher alone":       func(r *reactions.Reaction) { r.Publisher = &sent{} },
		"a limit that has passed": func(r *reactions.Reaction) { r.Timeout = -1 },
	} {
		bad := good
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("%s: it may be run", name)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
