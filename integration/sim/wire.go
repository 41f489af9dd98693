package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// awaits is how long a blocked read sleeps between its looks.
const awaits = 20 * time.Millisecond

// wire is a runner process' way to its supervisor.
type wire struct {
	p  *process
	id domain.Name
}

var _ queue.Wire = wire{}

// stream returns how a queue is; ok is false when it or its group is not there.
func (s *server) stream(q job.Queue) (st views.Stream, ok bool) {
	streams, _ := s.views.Streams(context.Background(), []job.Queue{q}) // has no error
	return streams[0], streams[0].Group
}

// Take implements [queue.Claims].
func (x wire) Take(_ context.Context, process string, queues []job.Queue, limit int, _ time.Duration) ([]queue.Entry, error) {
	w, asked := x.p.world, x.p.world.now
	queues = slices.Clone(queues)
	return call(x.p, writes, "take jobs", "", func() ([]queue.Entry, error) {
		for _, q := range queues {
			w.ledger.wantOpen(x.p, x.id, q, asked)
		}
		return w.server.deliver(x.p.name, process, queues, limit)
	})
}

// deliver gives entries that nobody was given yet to a process.
func (s *server) deliver(name, process string, queues []job.Queue, limit int) ([]queue.Entry, error) {
	var taken []queue.Entry
	missing := true
	for _, q := range queues {
		st, ok := s.stream(q)
		if !ok {
			continue
		}
		missing = false
		if st.Waiting == (queue.EntryID{}) {
			continue
		}
		for _, e := range s.views.Queued(q) {
			id, err := queue.ParseEntryID(e.ID)
			if err != nil || id.Compare(st.Waiting) < 0 || len(taken) == limit {
				continue
			}
			s.views.Deliver(q, id)
			s.hold(q, id, process)
			s.world.ledger.delivered(name, process, e)
			taken = append(taken, queue.Entry{Queue: q, ID: e.ID, Fields: maps.Clone(e.Fields)})
		}
	}
	if missing {
		return nil, queue.ErrNoQueue
	}
	return taken, nil
}

func (s *server) hold(q job.Queue, id queue.EntryID, process string) {
	if s.rest.held[q] == nil {
		s.rest.held[q] = map[queue.EntryID]holder{}
	}
	s.rest.held[q][id] = holder{process, s.clock.now().Round(0)}
}

// Pending implements [queue.Claims].
func (x wire) Pending(_ context.Context, process string, q job.Queue, after queue.EntryID, limit int) ([]queue.Entry, error) {
	s := x.p.world.server
	return call(x.p, reads, "pending", "", func() ([]queue.Entry, error) {
		if _, ok := s.stream(q); !ok {
			return nil, queue.ErrNoQueue
		}
		var found []queue.Entry
		for _, e := range s.views.Queued(q) {
			id, err := queue.ParseEntryID(e.ID)
			if err == nil && id.Compare(after) > 0 && len(found) < limit && s.rest.held[q][id].process == process {
				found = append(found, queue.Entry{Queue: q, ID: e.ID, Fields: maps.Clone(e.Fields)})
			}
		}
		return found, nil
	})
}

// Renew implements [queue.Claims].
func (x wire) Renew(_ context.Context, process string, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error) {
	s := x.p.world.server
	ids = slices.Clone(ids)
	return call(x.p, writes, "renew", "", func() ([]queue.EntryID, error) {
		if _, ok := s.stream(q); !ok {
			return nil, queue.ErrNoQueue
		}
		var kept []queue.EntryID
		for _, id := range ids {
			if s.rest.held[q][id].process == process {
				s.hold(q, id, process)
				kept = append(kept, id)
			}
		}
		return kept, nil
	})
}

// Send implements [queue.Line].
func (x wire) Send(_ context.Context, b runner.Signed) error {
	s := x.p.world.server
	_, err := call(x.p, writes, "send a bundle", "", func() (none, error) {
		s.rest.inbox = append(s.rest.inbox, intake.Letter{ID: s.nextID(), Fields: pairs(queue.BundleFields(b))})
		return none{}, nil
	})
	return err
}

// ControlEnd implements [queue.Line].
func (x wire) ControlEnd(_ context.Context, id domain.Name) (string, error) {
	s := x.p.world.server
	return call(x.p, reads, "end of control", "", func() (string, error) {
		if notices := s.rest.control[id]; len(notices) > 0 {
			return notices[len(notices)-1].ID, nil
		}
		return "1-0", nil
	})
}

// Control implements [queue.Line].
func (x wire) Control(_ context.Context, id domain.Name, after string, _ time.Duration) ([]queue.ControlEntry, error) {
	s := x.p.world.server
	return call(x.p, reads, "control", "", func() ([]queue.ControlEntry, error) {
		notices := s.rest.control[id]
		at := slices.IndexFunc(notices, func(n queue.ControlEntry) bool { return behind(n.ID) > behind(after) })
		if at < 0 {
			return nil, nil
		}
		return slices.Clone(notices[at:]), nil
	})
}

// Statements implements [queue.Line].
func (x wire) Statements(_ context.Context, after uint64) ([]queue.Statement, error) {
	s := x.p.world.server
	return call(x.p, reads, "statements", "", func() ([]queue.Statement, error) {
		look, err := s.views.Look(context.Background(), views.Query{Statements: true})
		if errors.Is(err, views.ErrDamaged) {
			return nil, nil // of the position, which this does not look at
		}
		if err != nil {
			return nil, err
		}
		var found []queue.Statement
		for n := after + 1; ; n++ {
			value, ok := look.Statements[queue.StatementField(n)]
			if !ok {
				return found, nil
			}
			found = append(found, queue.Statement{Number: n, Value: string(value)})
		}
	})
}

// inbox is a leader's way to the bundles of runners.
type inbox struct {
	p    *process
	term uint64
}

// Read implements [intake.Inbox].
func (x inbox) Read(_ context.Context, limit int, wait time.Duration) ([]intake.Letter, error) {
	s := x.p.world.server
	look := func() ([]intake.Letter, error) {
		return call(x.p, reads, "read the inbox", "", func() ([]intake.Letter, error) {
			return slices.Clone(s.rest.inbox[:min(limit, len(s.rest.inbox))]), nil
		})
	}
	letters, err := look()
	if len(letters) > 0 || err != nil || wait <= 0 {
		return letters, err
	}
	x.p.sleep(x.p.world.between(awaits, 10*awaits))
	return look()
}

// Drop implements [intake.Inbox].
func (x inbox) Drop(_ context.Context, through string) error {
	s := x.p.world.server
	_, err := call(x.p, writes, "trim the inbox", "", func() (none, error) {
		if h, _ := s.store.Holder(context.Background()); h.Term != x.term { // has no error
			return done(fmt.Errorf("trim the inbox: %w: the lease is of another term", eventstore.ErrConflict))
		}
		s.rest.inbox = slices.DeleteFunc(slices.Clone(s.rest.inbox), func(l intake.Letter) bool { return behind(l.ID) <= behind(through) })
		return none{}, nil
	})
	return err
}

// Last implements [intake.Inbox].
func (x inbox) Last(context.Context) (string, error) {
	s := x.p.world.server
	return call(x.p, reads, "end of the inbox", "", func() (string, error) {
		if n := len(s.rest.inbox); n > 0 {
			return s.rest.inbox[n-1].ID, nil
		}
		return "", nil
	})
}

// Hint implements [intake.Inbox].
func (x inbox) Hint(_ context.Context, id domain.Name, n queue.Notice) error {
	s := x.p.world.server
	_, err := call(x.p, writes, "send a notice", "", func() (none, error) {
		s.notify(id, &n)
		s.world.story.tell("", x.p.name, "tells runner %s, process %s: %s %s", id, n.Process, n.Kind, n.Reason)
		return none{}, nil
	})
	return err
}

// deliveries is a leader's way to who holds what.
type deliveries struct{ p *process }

// Pending implements [redelivery.Deliveries].
func (d deliveries) Pending(_ context.Context, queues []job.Queue) ([][]redelivery.Delivery, error) {
	s := d.p.world.server
	queues = slices.Clone(queues)
	return call(d.p, reads, "deliveries", "", func() ([][]redelivery.Delivery, error) {
		found := make([][]redelivery.Delivery, len(queues))
		for i, q := range queues {
			if _, ok := s.stream(q); !ok {
				return nil, domain.Errorf(domain.Halted, "group_lost", "the consumer group of queue %s is gone", q)
			}
			for _, id := range slices.SortedFunc(maps.Keys(s.rest.held[q]), queue.EntryID.Compare) {
				h := s.rest.held[q][id]
				idle := max(s.clock.now().Round(0).Sub(h.since), 0)
				found[i] = append(found[i], redelivery.Delivery{ID: id, Consumer: h.process, Idle: idle.Truncate(time.Millisecond)})
			}
		}
		return found, nil
	})
}

// Adrift implements [redelivery.Deliveries].
func (d deliveries) Adrift(_ context.Context, queues []job.Queue) ([][]queue.EntryID, error) {
	s := d.p.world.server
	queues = slices.Clone(queues)
	return call(d.p, reads, "adrift", "", func() ([][]queue.EntryID, error) {
		found := make([][]queue.EntryID, len(queues))
		for i, q := range queues {
			st, ok := s.stream(q)
			if !ok {
				continue
			}
			for _, e := range s.views.Queued(q) {
				id, err := queue.ParseEntryID(e.ID)
				given := st.Waiting == (queue.EntryID{}) || id.Compare(st.Waiting) < 0
				if _, held := s.rest.held[q][id]; err == nil && given && !held {
					found[i] = append(found[i], id)
				}
			}
		}
		return found, nil
	})
}

// Retire implements [redelivery.Deliveries]. Processes that hold nothing leave
// nothing behind here.
func (d deliveries) Retire(context.Context, []job.Queue, time.Duration) error { return nil }
