package node

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/herocode/horus/cmd/crashable"
	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/handlers/rediswire"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/projections/logs"
	"github.com/herocode/horus/projections/modes"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/runners"
	"github.com/herocode/horus/projections/waiting"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/readmodels"
	"github.com/herocode/horus/rpcapi/relay"
	"github.com/herocode/horus/runnersdk/queue"
)

// secretBytes is how long an API key is: nobody guesses 256 bits.
const secretBytes = 32

// ownKey loads the API key of the state directory, and makes it when it is not
// there: whoever may read the directory may administer the supervisor.
func (s *supervisor) ownKey(ctx context.Context) (rpcapi.APIKey, error) {
	ns := s.cfg.Namespace
	secret, err := s.cfg.State.Read(ns, statedir.APIKey)
	if errors.Is(err, os.ErrNotExist) {
		var raw [secretBytes]byte
		_, _ = rand.Read(raw[:]) // never fails
		text := "horus_" + base64.RawURLEncoding.EncodeToString(raw[:])
		if err := s.cfg.State.Create(ns, statedir.APIKey, text); err != nil && !errors.Is(err, os.ErrExist) {
			return rpcapi.APIKey{}, err
		}
		s.cfg.Log.InfoContext(ctx, "made an API key of scope admin", "in", s.cfg.State.Path(ns, statedir.APIKey))
		secret, err = s.cfg.State.Read(ns, statedir.APIKey)
	}
	if err != nil {
		return rpcapi.APIKey{}, err
	}
	return rpcapi.NewAPIKey("state-dir", rpcapi.Admin, secret)
}

// face makes what answers calls.
func (s *supervisor) face(ctx context.Context) (http.Handler, error) {
	own, err := s.ownKey(ctx)
	if err != nil {
		return nil, exit.With(exit.Settings, err)
	}
	s.look()
	s.relay = relay.New(relay.Config{Name: s.cfg.Name, Self: s.advertised(), Guide: s.guide, Stopping: s.desk.stopping, Authorities: s.trusted})
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.metrics, err = rpcapi.NewMetrics(s.registry, s.scrape); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := s.reacting.measure(s); err != nil {
		return nil, fmt.Errorf("register metrics of reactions: %w", err)
	}
	api, err := rpcapi.New(rpcapi.Config{
		Backend:    s.backend(),
		Keys:       append([]rpcapi.APIKey{own}, s.cfg.Keys...),
		Durability: s.health.level,
		Limits:     s.cfg.Limits,
		Unsigned:   s.cfg.Unsigned, Anonymous: s.cfg.Anonymous, Settings: s.cfg.Settings, Version: s.cfg.Version,
		Verifier: s.verifier, Metrics: s.metrics, Log: s.cfg.Log, Stopping: s.desk.stopping, Relay: s.relay,
	})
	if err != nil {
		return nil, exit.With(exit.Settings, err)
	}
	s.cfg.Serving(api)
	return rpcapi.NewHandler(api, rpcapi.HTTPOptions{
		HTTPOptions: jsonrpc.HTTPOptions{Bodies: s.cfg.Limits.Bodies},
		Ready:       s.ready, Concerns: s.concerns, Gatherer: s.registry,
	}), nil
}

func (s *supervisor) backend() rpcapi.Backend {
	known, log := informed{s.views, s.desk}, record{s.store}
	reader := &jobs.Reader{Views: known, Log: log, Namespace: s.cfg.Namespace}
	beats := &rediswire.Pulses{Reads: s.reader, Keys: queue.Keys{Namespace: s.cfg.Namespace}}
	s.runners = &readmodels.Runners{
		Reader: &runners.Reader{Views: known},
		Queues: &queues.Reader{Views: known, Streams: lined{s.views, s.desk}, Log: log},
		Modes:  &modes.Reader{Views: known},
	}
	return rpcapi.Backend{
		Leader: crashable.End[rpcapi.Leader](s.desk),
		Jobs: &candid{views: s.views, desk: s.desk, Jobs: &readmodels.Jobs{
			Reader: reader, Output: &logs.Reader{Jobs: reader, Views: known, Log: log},
			Waiting: &waiting.Reader{Views: known, Beats: beating{beats}, Clock: s.scene.Now},
			Watcher: func(id job.ID) (<-chan struct{}, func()) { return s.desk.Watch(id) },
		}},
		Runners: s.runners,
		System:  s,
		Log:     log,
		Poison:  poisoned{s.reacting.poison},
	}
}
