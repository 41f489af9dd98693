package sim

import (
	"context"
	"errors"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// tables is a process' way to the views.
type tables struct{ p *process }

var (
	_ views.Store   = tables{}
	_ views.Awaiter = tables{}
	_ views.Writer  = (*pen)(nil)
)

func (t tables) views() views.Store { return t.p.world.server.views }

// Look implements [views.Reader].
func (t tables) Look(_ context.Context, q views.Query) (*views.Look, error) {
	return call(t.p, reads, "look", "", func() (*views.Look, error) { return t.views().Look(context.Background(), q) })
}

// Await implements [views.Awaiter]: it sleeps, because the real clock would.
func (t tables) Await(context.Context, uint64) bool {
	t.p.sleep(awaits)
	return true
}

// Streams implements [views.Streams].
func (t tables) Streams(_ context.Context, queues []job.Queue) ([]views.Stream, error) {
	return call(t.p, reads, "streams", "", func() ([]views.Stream, error) { return t.views().Streams(context.Background(), queues) })
}

// Missing implements [views.Streams].
func (t tables) Missing(_ context.Context, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error) {
	return call(t.p, reads, "missing", "", func() ([]queue.EntryID, error) { return t.views().Missing(context.Background(), q, ids) })
}

// Mend implements [views.Streams].
func (t tables) Mend(_ context.Context, runners []domain.Name) ([]domain.Name, error) {
	return call(t.p, writes, "mend streams", "", func() ([]domain.Name, error) { return t.views().Mend(context.Background(), runners) })
}

// Entries implements [views.Streams].
func (t tables) Entries(_ context.Context, q job.Queue, after queue.EntryID, limit int) ([]queue.EntryID, error) {
	return call(t.p, reads, "entries", "", func() ([]queue.EntryID, error) {
		return t.views().Entries(context.Background(), q, after, limit)
	})
}

// Stored implements [views.Generations].
func (t tables) Stored(context.Context) ([]uint64, error) {
	return call(t.p, reads, "generations", "", func() ([]uint64, error) { return t.views().Stored(context.Background()) })
}

// Drop implements [views.Generations].
func (t tables) Drop(_ context.Context, generation uint64) error {
	_, err := call(t.p, writes, "drop a generation", "", func() (none, error) { return done(t.views().Drop(context.Background(), generation)) })
	return err
}

// page is a part of a table or a list, and where to go on.
type page[T any] struct {
	found []T
	next  uint64
}

// Page implements [views.Generations].
func (t tables) Page(_ context.Context, generation uint64, table views.Table, cursor uint64) ([]views.Value, uint64, error) {
	p, err := call(t.p, reads, "page", "", func() (p page[views.Value], err error) {
		p.found, p.next, err = t.views().Page(context.Background(), generation, table, cursor)
		return p, err
	})
	return p.found, p.next, err
}

// PageList implements [views.Generations].
func (t tables) PageList(_ context.Context, generation uint64, s job.Status, cursor uint64) ([]uint64, uint64, error) {
	p, err := call(t.p, reads, "page of a list", "", func() (p page[uint64], err error) {
		p.found, p.next, err = t.views().PageList(context.Background(), generation, s, cursor)
		return p, err
	})
	return p.found, p.next, err
}

// PageDue implements [views.Generations].
func (t tables) PageDue(_ context.Context, generation, cursor uint64) ([]views.DueEntry, uint64, error) {
	p, err := call(t.p, reads, "page of due times", "", func() (p page[views.DueEntry], err error) {
		p.found, p.next, err = t.views().PageDue(context.Background(), generation, cursor)
		return p, err
	})
	return p.found, p.next, err
}

// DueOf implements [views.Generations].
func (t tables) DueOf(_ context.Context, generation uint64, names []string) ([]event.Time, error) {
	return call(t.p, reads, "due times", "", func() ([]event.Time, error) { return t.views().DueOf(context.Background(), generation, names) })
}

// Listed implements [views.Generations].
func (t tables) Listed(_ context.Context, generation uint64, members []views.Listing) ([]bool, error) {
	return call(t.p, reads, "listed", "", func() ([]bool, error) { return t.views().Listed(context.Background(), generation, members) })
}

// Writer implements [views.Store].
func (t tables) Writer(fill uint64) views.Writer { return &pen{p: t.p, fill: fill} }

// pen writes views over one connection at a time: what was on its way when it
// broke may still arrive, and what it watched is forgotten.
type pen struct {
	p     *process
	fill  uint64
	conn  views.Writer // nil when there is none
	begun int          // the server's life that conn is of
}

// connect returns the connection, a new one if need be.
func (w *pen) connect() views.Writer {
	s := w.p.world.server
	if w.conn == nil || w.begun != s.born {
		w.conn, w.begun = s.views.Writer(w.fill), s.born
	}
	return w.conn
}

// broken gives the connection up after an error of the wire.
func (w *pen) broken(err error) {
	for _, wrong := range [...]error{errNoAnswer, errDown, errRefused, errReset} {
		if errors.Is(err, wrong) {
			w.conn = nil
		}
	}
}

// Watch implements [views.Writer].
func (w *pen) Watch(context.Context) (views.Position, error) {
	conn := w.connect()
	p, err := call(w.p, reads, "watch", "", func() (views.Position, error) { return conn.Watch(context.Background()) })
	w.broken(err)
	return p, err
}

// Read implements [views.Writer].
func (w *pen) Read(_ context.Context, generation uint64, fields []views.Field) ([][]byte, error) {
	conn := w.connect()
	values, err := call(w.p, reads, "read views", "", func() ([][]byte, error) { return conn.Read(context.Background(), generation, fields) })
	w.broken(err)
	return values, err
}

// Commit implements [views.Writer].
func (w *pen) Commit(_ context.Context, tx *views.Tx) (views.Position, error) {
	s := w.p.world.server
	if w.conn == nil || w.begun != s.born {
		return views.Position{}, errReset // and what was watched with it
	}
	conn, sent := w.conn, sealed(tx)
	p, err := call(w.p, once, "commit views", "", func() (views.Position, error) {
		p, err := conn.Commit(context.Background(), sent)
		if err == nil {
			s.committed(sent)
			w.p.world.ledger.projected(w.p.name, sent)
		}
		return p, err
	})
	w.broken(err)
	return p, err
}

// Close implements [views.Writer].
func (w *pen) Close() error {
	w.conn = nil
	return nil
}

// sealed returns a copy that is as it was sent, whatever its sender does with
// its memory.
func sealed(tx *views.Tx) *views.Tx {
	c := *tx
	c.Set = slices.Clone(tx.Set)
	for i := range c.Set {
		c.Set[i].Data = slices.Clone(c.Set[i].Data)
	}
	c.Statements = slices.Clone(tx.Statements)
	for i := range c.Statements {
		c.Statements[i].Data = slices.Clone(c.Statements[i].Data)
	}
	return &c
}
