package memviews

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// stream is a work queue.
type stream struct {
	group     bool
	delivered queue.EntryID // the last one that a runner was given
	last      queue.EntryID // the highest id that was ever given
	entries   []entry       // in order
}

type entry struct {
	id     queue.EntryID
	fields map[string]string
}

// add appends an entry, or reports that its id is not behind all others.
func (st *stream) add(id queue.EntryID, fields []string) bool {
	if id.Compare(st.last) <= 0 {
		return false
	}
	st.last = id
	st.entries = append(st.entries, entry{id, pairs(fields)})
	return true
}

func (st *stream) remove(ids []queue.EntryID) {
	st.entries = slices.DeleteFunc(st.entries, func(e entry) bool { return slices.Contains(ids, e.id) })
}

// pairs makes a map of names and values in turn.
func pairs(fields []string) map[string]string {
	m := make(map[string]string, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	return m
}

// Streams returns how each queue's stream is.
func (s *Store) Streams(ctx context.Context, queues []job.Queue) ([]views.Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make([]views.Stream, len(queues))
	for i, q := range queues {
		st := s.streams[q]
		if st == nil {
			continue
		}
		found[i] = views.Stream{Group: st.group, Length: uint64(len(st.entries)), Last: st.last}
		if len(st.entries) > 0 {
			found[i].First = st.entries[0].id
		}
		if at := slices.IndexFunc(st.entries, func(e entry) bool { return e.id.Compare(st.delivered) > 0 }); at >= 0 && st.group {
			found[i].Waiting = st.entries[at].id
		}
	}
	return found, ctx.Err()
}

// Missing returns the entries that are not in the stream.
func (s *Store) Missing(ctx context.Context, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []queue.EntryID
	for _, id := range ids {
		st := s.streams[q]
		if st == nil || !slices.ContainsFunc(st.entries, func(e entry) bool { return e.id == id }) {
			missing = append(missing, id)
		}
	}
	return missing, ctx.Err()
}

// Mend finds nothing: under the key of a stream is a stream.
func (s *Store) Mend(ctx context.Context, _ []domain.Name) ([]domain.Name, error) {
	return nil, ctx.Err()
}

// Entries returns ids behind a place.
func (s *Store) Entries(ctx context.Context, q job.Queue, after queue.EntryID, limit int) ([]queue.EntryID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []queue.EntryID
	if st := s.streams[q]; st != nil {
		for _, e := range st.entries {
			if e.id.Compare(after) > 0 && len(ids) < limit {
				ids = append(ids, e.id)
			}
		}
	}
	return ids, ctx.Err()
}

// Queued returns everything that stands in a work queue.
func (s *Store) Queued(q job.Queue) []queue.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []queue.Entry
	if st := s.streams[q]; st != nil {
		for _, e := range st.entries {
			found = append(found, queue.Entry{Queue: q, ID: e.id.String(), Fields: e.fields})
		}
	}
	return found
}

// Deliver marks the entries of a queue up to an id as given to a runner.
func (s *Store) Deliver(q job.Queue, through queue.EntryID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[q]; st != nil {
		st.delivered = through
	}
}

// Add puts an entry into a queue as only an intruder does.
func (s *Store) Add(q job.Queue, id queue.EntryID, fields ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streamLocked(q).add(id, fields)
}

func (s *Store) streamLocked(q job.Queue) *stream {
	st := s.streams[q]
	if st == nil {
		st = &stream{}
		s.streams[q] = st
	}
	return st
}

// Notices returns everything that a runner id was told.
func (s *Store) Notices(id domain.Name) []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices[id])
}

// Lose removes one thing, as somebody does who deletes keys: "pos",
// "statements", "due", "words" about modes, the name of a table, "list:<status>",
// "stream:<queue>" or "group:<queue>". "edit:<table>" changes a value instead, and
// "edit:statements" or "edit:due" one of those, "edit:words" all of those;
// "edit:list" puts a member into another list; "edit:<queue>" exchanges an entry
// for one that nobody granted.
func (s *Store) Lose(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	main := s.positionLocked(0)
	live, _ := main.parse() // a damaged one is what it is called for
	g := s.generationLocked(live.Live)
	if edited, ok := strings.CutPrefix(what, "edit:"); ok {
		s.editLocked(g, edited)
		return
	}
	switch what {
	case "pos":
		main.values = nil
		main.touched++
	case "statements":
		clear(s.statements)
	case "words":
		clear(s.modes)
	case "due":
		clear(g.due)
	}
	for _, t := range views.Tables() {
		if t.String() == what {
			clear(g.tables[t])
		}
	}
	for _, status := range job.Statuses() {
		if "list:"+status.String() == what {
			clear(g.lists[status])
		}
	}
	for q, st := range s.streams {
		switch what {
		case "stream:" + q.String():
			delete(s.streams, q)
		case "group:" + q.String():
			st.group, st.delivered = false, queue.EntryID{}
		}
	}
}

// editLocked changes one thing without changing how many there are.
func (s *Store) editLocked(g *generation, what string) {
	change := func(values map[string][]byte) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			values[name] = append([]byte("x"), values[name][1:]...)
			return
		}
	}
	switch what {
	case "statements":
		change(s.statements)
	case "words":
		for _, field := range slices.Sorted(maps.Keys(s.modes)) {
			s.modes[field] = "asleep"
		}
		s.modes["runner:nobody"] = string(domain.Drained)
	case "list":
		g.relist()
	case "due":
		g.delay()
	}
	for _, t := range views.Tables() {
		if t.String() == what {
			change(g.tables[t])
		}
	}
	for q, st := range s.streams {
		if q.String() == what && len(st.entries) > 0 {
			st.last.Seq++
			st.entries[len(st.entries)-1].id = st.last
		}
	}
}

// relist moves a job to the list of another status.
func (g *generation) relist() {
	for _, from := range job.Statuses() {
		if len(g.lists[from]) == 0 {
			continue
		}
		to := job.Created
		if from == to {
			to = job.Done
		}
		seq := slices.Min(slices.Collect(maps.Keys(g.lists[from])))
		delete(g.lists[from], seq)
		g.lists[to][seq] = true
		return
	}
}

// Modes returns the words about modes that runners read.
func (s *Store) Modes() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.modes)
}
