package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Backend is the system behind the API. All fields are required.
type Backend struct {
	Leader  Leader
	Jobs    Jobs
	Runners Runners
	System  System
	Log     Log
	Poison  Poison
}

// Leader decides and appends. Where nobody leads, its errors have
// [domain.TryAgain] and there are no statements.
type Leader interface {
	Execute(ctx context.Context, w eventstore.Work) error
	Access() access.State
}

// access returns the statements. Without any nobody leads here, and who may do
// what cannot be known.
func (b *Backend) access() (access.State, error) {
	keys := b.Leader.Access()
	if keys.Statements == 0 {
		return keys, domain.Errorf(domain.TryAgain, "no_leader", "this supervisor does not lead yet: ask again in a moment")
	}
	return keys, nil
}

// Jobs reads jobs. What one job is asked sees everything that was answered
// before; the errors for a job that nobody submitted have [domain.NotFound].
type Jobs interface {
	Get(ctx context.Context, id job.ID) (wire.Job, error)
	History(ctx context.Context, id job.ID) ([]wire.Event, error)
	// Lines returns at most limit lines of output after a number.
	Lines(ctx context.Context, id job.ID, after uint64, limit int) ([]wire.Line, error)
	// List lists jobs of some queues, of all if there are none.
	List(ctx context.Context, q wire.JobQuery, queues ...job.Queue) (wire.JobPage, error)
	// Watch returns a channel that receives, or is closed, when something
	// happened to the job. stop gives the channel up.
	Watch(id job.ID) (changed <-chan struct{}, stop func())
}

// Runners reads runners and the queues that they take from. Lists may lag. Get answers [domain.NotFound] for an
// id that nobody ever joined as or registered.
type Runners interface {
	List(ctx context.Context) ([]wire.Runner, error)
	Get(ctx context.Context, id domain.Name) (wire.Runner, error)
	// Presence returns the version of an id's last event that it knows of, and
	// how many of its processes are there.
	Presence(ctx context.Context, id domain.Name) (version uint64, there int, err error)
	// Lines lists every queue, by name.
	Lines(ctx context.Context) ([]wire.Queue, error)
}

// Poison is where messages wait that no handler could cope with.
type Poison interface {
	// List returns messages behind an id, the oldest first.
	List(ctx context.Context, after string, limit int) ([]wire.PoisonMessage, error)
	// Replay hands messages to their handlers once more, Drop removes them: those
	// with these ids, or the oldest ones if there are none.
	Replay(ctx context.Context, ids ...string) (wire.PoisonMoved, error)
	Drop(ctx context.Context, ids ...string) (wire.PoisonMoved, error)
}

// System knows how the supervisor is.
type System interface {
	// Info returns everything but what the API's own configuration says.
	Info(ctx context.Context) (wire.Info, error)
	// Access returns the statements, whoever leads, with all that was answered
	// before. There are none before the founding.
	Access(ctx context.Context) (access.State, error)
	// Durable returns the last place of the log that is known to be durable, and
	// the largest number where everything in it is. [domain.TryAgain] means that
	// another supervisor knows.
	Durable(ctx context.Context) (uint64, error)
}

// Log is a partition's history as it is stored.
type Log interface {
	Tip(ctx context.Context) (eventstore.Tip, error)
	// Read returns at most limit entries after a place.
	Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error)
}
