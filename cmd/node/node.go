package node

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/crashable"
	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/presence"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/handlers/rediswire"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/redisviews"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/door"
	"github.com/herocode/horus/rpcapi/readmodels"
	"github.com/herocode/horus/rpcapi/relay"
	"github.com/herocode/horus/runnersdk/queue"
)

// supervisor is what lives as long as the program.
type supervisor struct {
	cfg      Config
	url      string         // where it is called
	trusted  *x509.CertPool // whom other supervisors' certificates are believed by; nil: whom the system believes
	trust    signing.Hash   // fingerprint of the founding; zero before there is one
	pinned   bool           // it is remembered in the state directory
	verifier *signing.Verifier

	server  *redisstore.Server
	writer  redis.UniversalClient
	reader  redis.UniversalClient
	blocker redis.UniversalClient
	runners *readmodels.Runners

	scene      Scene
	store      eventstore.Store
	syncer     eventstore.Syncer // nil where what was appended is durable
	views      views.Store
	queues     *queues.Reader
	inbox      func(term uint64) intake.Inbox
	deliveries redelivery.Deliveries
	reacting   *reacting // nil in a Member
	pulses     presence.Pulses

	health     *health
	watch      *watch
	remembered *remembered
	desk       *desk
	onlooker   *engine.Onlooker
	guide      *guide
	relay      *relay.Relay
	figures    *figures
	metrics    *rpcapi.Metrics
	registry   *prometheus.Registry

	// Owned by lead.
	truncated bool          // entries were deleted from the end of the log
	objected  signing.Hash  // seal for which the lead was taken from another
	begun     bool          // this supervisor took part in the history, as a leader or behind one
	admitted  bool          // the history was seen to know its key, or nobody could tell
	begged    signing.KeyID // of the key whose admission was asked for; empty if none was
	haltPause time.Duration
	haltedAt  time.Time // when a halt ended
}

// Sizes of connection pools.
const (
	writers  = 5  // a commit on its way, the beat, notices, the inbox' end, replicas that are waited for
	readers  = 16 // calls that read
	blockers = 1  // the intake
)

// rememberedKeys is how many keys have their tables at hand.
const rememberedKeys = 4096

// Run leads and answers calls until its context ends.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return exit.With(exit.Settings, err)
	}
	s := &supervisor{
		cfg: cfg, verifier: signing.NewVerifier(rememberedKeys), registry: prometheus.NewRegistry(),
		scene: goroutines{}, health: &health{asked: cfg.Durability, best: cfg.Durability},
	}
	s.remembered = &remembered{dir: cfg.State, namespace: cfg.Namespace}
	if err := s.openState(); err != nil {
		return err
	}
	listener, err := s.listen(ctx)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	front := &front{}
	server := door.NewServer(front, s.cfg.Log)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := s.reach(ctx); err != nil {
		return errors.Join(ending(ctx, err), server.Close())
	}
	defer func() { _ = s.server.Close() }() // everything was answered
	face, err := s.face(ctx)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	front.open(face)
	defer s.relay.Close()
	return s.serve(ctx, server, served)
}

// reach connects to Redis. Where the configuration says so it waits for one that
// does not answer, or is not ready, and says so once.
func (s *supervisor) reach(ctx context.Context) error {
	pause, said := minPause, ""
	for {
		err := s.connect(ctx)
		switch {
		case err == nil && said != "":
			s.cfg.Log.InfoContext(ctx, "Redis answers")
			return nil
		case err == nil || !s.cfg.WaitForRedis || exit.CodeOf(err) != exit.Unreachable || ctx.Err() != nil:
			return err
		case err.Error() != said:
			said = err.Error()
			s.cfg.Log.WarnContext(ctx, "waiting for Redis", "error", err)
		}
		sleep(ctx, s.scene, pause)
		pause = min(2*pause, maxPause)
	}
}

// connect reaches Redis and looks at its settings.
func (s *supervisor) connect(ctx context.Context) error {
	var err error
	if s.server, err = redisstore.Connect(ctx, s.cfg.RedisURL); err != nil {
		return exit.With(exitOf(err), err)
	}
	settings, err := s.server.Check(ctx, s.cfg.Durability)
	if err == nil {
		err = settings.Refusal
	}
	if err != nil {
		return exit.With(exitOf(err), errors.Join(err, s.server.Close()))
	}
	s.heed(ctx, settings)
	s.writer, s.reader, s.blocker = s.server.Writer(writers), s.server.Reader(readers), s.server.Blocker(blockers)
	store := redisstore.New(s.writer, s.reader, redisstore.Keys{Namespace: s.cfg.Namespace})
	store.Mended = func(ctx context.Context, keys ...string) {
		s.cfg.Log.WarnContext(ctx, "something else stood where the lease or the position belongs; it was removed, and is made again from the log", "keys", keys)
	}
	s.store = crashable.End[eventstore.Store](store)
	if store.Replicas = s.cfg.Durability.Replicas(); store.Replicas > 0 {
		s.syncer = store
	}
	s.watch = &watch{supervisor: s, vitals: store.Vitals, check: s.server.Check, behind: behind, checked: s.scene.Now()}
	keys := queue.Keys{Namespace: s.cfg.Namespace}
	found, err := redisviews.New(s.writer, s.reader, keys)
	if err != nil {
		return errors.Join(err, s.server.Close())
	}
	s.views = crashable.End[views.Store](found)
	s.queues = &queues.Reader{Views: s.views, Streams: s.views, Log: s.store}
	s.inbox = func(term uint64) intake.Inbox {
		return crashable.End[intake.Inbox](&rediswire.Inbox{Reads: s.blocker, Writes: s.writer, Keys: keys, Term: term})
	}
	s.reacting = s.newReacting()
	s.pulses = &rediswire.Pulses{Reads: s.reader, Writes: s.writer, Keys: keys}
	s.deliveries = &rediswire.Deliveries{Reads: s.reader, Writes: s.writer, Keys: keys}
	return nil
}

// exitOf returns the exit code for trouble with Redis.
func exitOf(err error) int {
	switch domain.CodeOf(err) {
	case domain.Invalid:
		return exit.Settings
	case domain.Unauthenticated:
		return exit.NotAllowed
	default:
		return exit.Unreachable
	}
}

// serve answers calls and seeks the lead until the context ends or neither can
// go on.
func (s *supervisor) serve(ctx context.Context, server *http.Server, served <-chan error) error {
	s.introduce(ctx)
	s.cfg.Listening(s.url)

	reign, abdicate := context.WithCancel(context.WithoutCancel(ctx))
	led := make(chan error, 1)
	go func() { led <- s.lead(reign) }()
	var beside sync.WaitGroup
	beside.Go(func() { s.desk.tail.run(reign) })
	beside.Go(func() {
		_ = (&loop{name: "watch", turn: s.watch.turn, every: watchEvery, log: s.cfg.Log, scene: s.scene}).run(reign) // no trouble lasts
	})
	defer beside.Wait()
	defer abdicate()

	var err error
	select {
	case <-ctx.Done():
		s.cfg.Log.InfoContext(ctx, "stopping", "grace", s.cfg.Grace)
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	case err = <-led:
		led = nil
	}
	// First no more calls, then no more leading: whoever was let in gets an
	// answer.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Grace)
	defer cancel()
	s.desk.dismiss()
	if e := server.Shutdown(grace); e != nil {
		err = errors.Join(err, server.Close())
	}
	abdicate()
	if led != nil {
		err = errors.Join(err, <-led)
	}
	return err
}
