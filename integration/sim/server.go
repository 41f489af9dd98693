package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/projections/memviews"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// server is the store: log, views, queues, inbox and control streams. It does
// one thing at a time, and what it did it forgets together.
type server struct {
	world *World
	born  int           // counts its lives: connections end with each
	down  time.Duration // until then it answers nobody
	clock clock         // its own: it says for how long entries are idle

	store *memstore.Store
	views *memviews.Store
	rest  streams
	past  []moment // what it can fall back to, oldest first

	synced uint64        // the replica said that it has everything up to there
	lags   time.Duration // until then the replica stands still
}

// streams is what memviews does not keep: who holds which entry, and the
// streams that runners and supervisors tell each other things on.
type streams struct {
	held    map[job.Queue]map[queue.EntryID]holder
	inbox   []intake.Letter
	control map[domain.Name][]queue.ControlEntry
	beats   map[string]string
	counter int // of letters and notices
}

// holder is the process that an entry was delivered to, and when.
type holder struct {
	process string
	since   time.Time
}

// moment is how the server was.
type moment struct {
	at    time.Duration
	views func()
	store func()
	rest  streams
	seq   uint64
}

func newServer(w *World) *server {
	store := memstore.New()
	return &server{
		world: w, clock: clock{world: w}, store: store, views: memviews.New(store),
		rest: streams{
			held: map[job.Queue]map[queue.EntryID]holder{}, control: map[domain.Name][]queue.ControlEntry{}, beats: map[string]string{},
		},
	}
}

func (s *streams) clone() streams {
	c := streams{
		held: map[job.Queue]map[queue.EntryID]holder{}, inbox: slices.Clone(s.inbox),
		control: maps.Clone(s.control), beats: maps.Clone(s.beats), counter: s.counter,
	}
	for q, entries := range s.held {
		c.held[q] = maps.Clone(entries)
	}
	for id, notices := range c.control {
		c.control[id] = slices.Clip(notices)
	}
	return c
}

const (
	saveEvery = 200 * time.Millisecond
	saved     = 6 // copies: an append-only file that is synced every second is about so far behind
)

// save keeps a copy to fall back to, now and then.
func (s *server) save() {
	s.keep()
	s.world.after(saveEvery, s.save)
}

// keep keeps a copy.
func (s *server) keep() {
	s.past = append(s.past, moment{
		at: s.world.now, views: s.views.Snapshot(), store: s.store.Snapshot(), rest: s.rest.clone(), seq: s.world.ledger.seq(),
	})
	if len(s.past) > saved {
		s.past = s.past[1:]
	}
}

// forget has the server crash and come back with an older copy.
func (s *server) forget() {
	w := s.world
	m := s.past[w.random.IntN(len(s.past))]
	s.past = slices.DeleteFunc(s.past, func(o moment) bool { return o.at > m.at })
	m.store()
	m.views()
	counter := s.rest.counter
	s.rest = m.rest.clone()
	s.rest.counter = counter // ids follow the clock
	s.born++
	s.down = w.now + w.between(10*time.Millisecond, 1500*time.Millisecond)
	w.counts[LostTail]++
	w.story.tell("", "store", "crashes and comes back as it was %s ago: the log ends with %d instead of %d",
		(w.now - m.at).Round(time.Millisecond), m.seq, w.ledger.seq())
	w.ledger.rollback(m.seq)
}

// lose deletes something that can be built again, as somebody does who deletes
// keys.
func (s *server) lose() {
	what := []string{"pos", "statements", "due", "words", "inbox", "control", "beats"}
	for _, t := range views.Tables() {
		what = append(what, t.String())
	}
	for _, status := range job.Statuses() {
		what = append(what, "list:"+status.String())
	}
	for _, q := range queuesOf() {
		what = append(what, "stream:"+q.String(), "stream:"+q.String(), "group:"+q.String())
	}
	w := s.world
	lost := what[w.random.IntN(len(what))]
	switch lost {
	case "inbox":
		s.rest.inbox = nil
	case "control":
		clear(s.rest.control)
	case "beats":
		clear(s.rest.beats)
	default:
		s.views.Lose(lost)
		for _, q := range queuesOf() {
			if lost == "stream:"+q.String() || lost == "group:"+q.String() {
				delete(s.rest.held, q)
			}
		}
	}
	w.counts[DeletedKeys]++
	w.story.tell("", "store", "somebody deletes %s", lost)
}

// take makes next the holder of the lease, and fences the views.
func (s *server) take(seen, next eventstore.Holder) error {
	err := s.store.Take(context.Background(), seen, next)
	if err == nil {
		s.views.Fence(next.Term)
	}
	return err
}

// committed does what a transaction of the views does besides.
func (s *server) committed(tx *views.Tx) {
	for _, q := range tx.Clear {
		delete(s.rest.held, q)
	}
	for _, d := range tx.Done {
		for _, id := range d.IDs {
			delete(s.rest.held[d.Queue], id)
		}
	}
	for i := range tx.Notices {
		s.notify(tx.Notices[i].Runner, &tx.Notices[i].Notice)
	}
}

// notify adds a notice to a control stream.
func (s *server) notify(id domain.Name, n *queue.Notice) {
	s.rest.control[id] = append(s.rest.control[id], queue.ControlEntry{ID: s.nextID(), Fields: pairs(n.Fields())})
}

// nextID returns an id that is above all before it.
func (s *server) nextID() string {
	s.rest.counter++
	return fmt.Sprintf("1-%d", s.rest.counter)
}

// pairs makes a map of names and values in turn.
func pairs(fields []string) map[string]string {
	m := make(map[string]string, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	return m
}

// behind returns the number in an id that nextID made.
func behind(id string) int {
	n, _ := strconv.Atoi(id[len("1-"):])
	return n
}
