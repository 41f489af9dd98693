package node

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
)

// patience is how long a call waits for the store before its caller is told to
// ask again with the same id. Whoever comes within a spell shares the end of it:
// a timer a call costs more than deciding it.
const (
	patience = 10 * time.Second
	spell    = time.Second
)

// shift is a context that ends a patience and at most a spell after a call
// came.
type shift struct {
	ctx    context.Context    //nolint:containedctx // it is what the calls of a spell share
	cancel context.CancelFunc // by its time only
	until  time.Time          // for those who come before
}

// desk is where calls meet the term that is on. It is safe for concurrent use.
type desk struct {
	mu sync.RWMutex

	reign   *reign        // nil while this supervisor does not lead
	why     error         // nothing can be written until a person has looked; nil otherwise
	changed chan struct{} // closed when any of them changes

	shift    atomic.Pointer[shift]
	stopping chan struct{} // closed when it is to end
	health   *health
	tail     *tail // tells of news about jobs while this supervisor does not lead
}

func newDesk(log eventstore.Log, h *health) *desk {
	return &desk{health: h, changed: make(chan struct{}), stopping: make(chan struct{}), tail: newTail(log)}
}

// open lets calls in.
func (d *desk) open(r *reign) { d.set(r, nil) }

// close keeps calls out until the next term.
func (d *desk) close() { d.set(nil, nil) }

// halt answers whatever would change something with an error, until the next
// term.
func (d *desk) halt(why error) { d.set(nil, why) }

func (d *desk) set(r *reign, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reign, d.why = r, why
	close(d.changed)
	d.changed = make(chan struct{})
}

// news returns what is closed when a term begins, ends, or is not to be.
func (d *desk) news() <-chan struct{} {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.changed
}

// halted returns why nothing can be written until a person has looked, nil if
// that is not so.
func (d *desk) halted() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.why
}

// dismiss makes the supervisor not ready: whoever spreads calls sends them
// elsewhere. Calls that come nevertheless are answered, but nobody waits any
// more.
func (d *desk) dismiss() { close(d.stopping) }

func (d *desk) current() (*reign, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.why != nil {
		return nil, d.why
	}
	if d.reign == nil {
		return nil, domain.Errorf(domain.TryAgain, "no_leader", "this supervisor does not lead yet: ask again in a moment")
	}
	return d.reign, nil
}

// Execute has the leader decide. Whoever calls is told only of what is durable.
// Not even the end of the caller's context ends it before patience does: what is
// on its way into the log goes on anyway.
func (d *desk) Execute(_ context.Context, w eventstore.Work) error {
	r, err := d.current()
	if err != nil {
		return err
	}
	w.Durable = true
	err = d.mended(r.leader.Execute(d.patient(), w))
	if stuck := d.health.stuck(); stuck != nil && domain.CodeOf(err) == domain.Indeterminate {
		return domain.Errorf(domain.Indeterminate, domain.ReasonOf(stuck), "%v; ask again with the same id", stuck)
	}
	return err
}

// patient returns a context for a call that begins now.
func (d *desk) patient() context.Context {
	now := time.Now()
	if w := d.shift.Load(); w != nil && now.Before(w.until) {
		return w.ctx
	}
	w := &shift{until: now.Add(spell)}
	w.ctx, w.cancel = context.WithTimeout(context.Background(), patience+spell)
	d.shift.Store(w)
	return w.ctx
}

// mended tells the engine of damaged views, and the caller to ask again: the
// term ends as soon as the engine has looked, and the next one builds them.
func (d *desk) mended(err error) error {
	if !errors.Is(err, views.ErrDamaged) {
		return err
	}
	if r, none := d.current(); none == nil {
		r.engine.Doubt(err)
	}
	return domain.Errorf(domain.TryAgain, "views_damaged", "the read models are not as they were written and are built again: ask again in a moment")
}

// Access returns the statements so far; none while this supervisor does not
// lead.
func (d *desk) Access() access.State {
	r, err := d.current()
	if err != nil {
		return access.State{}
	}
	return r.leader.Access()
}

// Watch tells of news about a job, and of the end of the term by never telling:
// callers look for themselves now and then.
func (d *desk) Watch(id job.ID) (changed <-chan struct{}, stop func()) {
	r, err := d.current()
	if err != nil {
		return d.tail.Watch(id)
	}
	return r.engine.Watch(id)
}

// ready returns why nothing can be appended, nil if it can.
func (d *desk) ready(context.Context) error {
	if _, err := d.current(); err != nil {
		return err
	}
	if err := d.health.stuck(); err != nil {
		return err
	}
	select {
	case <-d.stopping:
		return domain.Errorf(domain.TryAgain, "stopping", "this supervisor is stopping")
	default:
		return nil
	}
}
