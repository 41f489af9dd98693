package sim

import (
	"context"
	"errors"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/rpcapi"
	api "github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/readmodels"
)

// Hall is what runs, one after the other, need not make anew: tables of keys,
// and the public face of all supervisors, which costs more than all that clients
// ask of it in a run. It remembers nothing that a run could notice.
type Hall struct {
	verifier *signing.Verifier
	api      *rpcapi.API
	asked    *supervisor // whose face it is, until that decides
}

// rememberedKeys is more than there are.
const rememberedKeys = 64

// NewHall makes a hall.
func NewHall() *Hall {
	h := &Hall{verifier: signing.NewVerifier(rememberedKeys)}
	var err error
	h.api, err = rpcapi.New(rpcapi.Config{
		Backend: rpcapi.Backend{
			Leader: h, System: silent{}, Log: memstore.New(), Poison: spotless{}, Jobs: &readmodels.Jobs{}, Runners: &readmodels.Runners{Queues: &queues.Reader{}},
		},
		Durability: func() eventstore.Durability { return eventstore.EverySecond }, Unsigned: rpcapi.Countersign, Verifier: h.verifier, Clock: func() time.Time { return h.asked.Now() },
	})
	if err != nil {
		panic(err) // its configuration is always the same
	}
	return h
}

// submit submits a job to a supervisor.
func (h *Hall) submit(s *supervisor, text api.JobText) (api.Receipt, error) {
	h.asked = s
	return h.api.Submit(context.Background(), "tester", text)
}

// Execute implements [rpcapi.Leader].
func (h *Hall) Execute(ctx context.Context, w eventstore.Work) error {
	return h.asked.member.Leader().Execute(ctx, w)
}

// Access implements [rpcapi.Leader].
func (h *Hall) Access() access.State { return h.asked.member.Leader().Access() }

// silent is a system that nobody asks how it is.
type silent struct{}

var errSilent = errors.New("nobody asks")

// Info implements [rpcapi.System].
func (silent) Info(context.Context) (api.Info, error) { return api.Info{}, errSilent }

// Access implements [rpcapi.System].
func (silent) Access(context.Context) (access.State, error) { return access.State{}, errSilent }

// Durable implements [rpcapi.System].
func (silent) Durable(context.Context) (uint64, error) { return 0, errSilent }

// spotless is a poison queue that nobody asks for.
type spotless struct{ rpcapi.Poison }
