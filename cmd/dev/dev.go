// Package dev is the whole of Horus in one process: for the first five minutes,
// for tests, and for trying things out. It starts a Redis unless it is given
// one, a supervisor and a shell runner, and makes whatever keys they need.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/runnersh"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/runnersdk"
)

const (
	runnerID = domain.Name("dev")
	kind     = domain.Name("sh")
	slots    = 4
	grace    = 5 * time.Second
)

// Config says what is started.
type Config struct {
	RedisURL  string      // an embedded Redis if empty
	Namespace domain.Name // horus if empty
	State     string      // state directory; with an embedded Redis a temporary one within, else the default if empty
	Port      int         // 0: any free port
	Once      string      // run this one job, print its output and end; a tour if empty
	Out       io.Writer   // required
	Err       io.Writer   // required
	Log       *slog.Logger
}

// System is what runs.
type System struct {
	cfg    Config
	redis  *embedded // nil when the Redis is somebody else's
	dir    statedir.Dir
	url    string // of the supervisor
	client *client.Client
	key    signing.PrivateKey // of the client
	over   bool               // the one job has its outcome
}

// Run starts everything, and stops it when the context ends or the one job did.
// Its error bears the job's exit code.
func Run(ctx context.Context, cfg Config) (err error) {
	s := &System{cfg: cfg}
	cleanup, err := s.prepare()
	if err != nil {
		return err
	}
	defer cleanup()

	// Whoever runs jobs stops first, then whoever records what became of
	// them; so each gets a context of its own.
	background := context.WithoutCancel(ctx)
	supervise, stopSupervisor := context.WithCancel(background)
	defer stopSupervisor()
	group, supervise := errgroup.WithContext(supervise)
	listening := make(chan string, 1)
	group.Go(func() error { return node.Run(supervise, s.node(listening)) })

	run, stopRunner := context.WithCancel(supervise)
	defer stopRunner()
	group.Go(func() error {
		defer stopSupervisor()
		return s.work(ctx, run, listening)
	})
	return s.ending(ctx, group.Wait())
}

// ending returns nil when a tour was asked to end, which is its end; one job
// that was not waited for is an interruption.
func (s *System) ending(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && s.cfg.Once != "" && !s.over:
		return context.Canceled
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// prepare makes a Redis where none was given, and a state directory that ends
// with it: what it remembered of a history that is gone would keep every other
// from being believed there.
func (s *System) prepare() (cleanup func(), err error) {
	s.cfg.Namespace = orDefault(s.cfg.Namespace)
	cleanup = func() {}
	if s.cfg.RedisURL == "" {
		if s.redis, err = startEmbedded(); err != nil {
			return cleanup, err
		}
		s.cfg.RedisURL = s.redis.url()
		made, err := temporary(s.cfg.State)
		if err != nil {
			s.redis.close()
			return cleanup, err
		}
		s.cfg.State = made
		cleanup = func() {
			s.redis.close()
			_ = os.RemoveAll(made) // what is left is worthless: its Redis is gone
		}
	}
	s.dir, err = statedir.Open(s.cfg.State)
	return cleanup, exit.With(exit.Settings, err)
}

// temporary makes a directory in a state directory, or among the system's
// temporary files if none is named.
func temporary(state string) (string, error) {
	if state != "" {
		if _, err := statedir.Open(state); err != nil {
			return "", exit.With(exit.Settings, err)
		}
	}
	path, err := os.MkdirTemp(state, "horus-dev-")
	if err != nil {
		return "", exit.With(exit.Settings, fmt.Errorf("make a state directory: %w", err))
	}
	return path, nil
}

func orDefault(ns domain.Name) domain.Name {
	if ns == "" {
		return statedir.DefaultNamespace
	}
	return ns
}

func (s *System) node(listening chan<- string) node.Config {
	return node.Config{
		RedisURL: s.cfg.RedisURL, Namespace: s.cfg.Namespace, Name: "dev",
		Port: s.cfg.Port, State: s.dir, Unsigned: rpcapi.Countersign, Grace: grace,
		Log: s.cfg.Log, Listening: func(url string) { listening <- url },
	}
}

// work admits the keys, runs the shell runner, and does what was asked until
// ctx ends. The runner runs until stop ends.
func (s *System) work(ctx, stop context.Context, listening <-chan string) error {
	select {
	case s.url = <-listening:
	case <-stop.Done():
		return nil // the supervisor could not start, and says why
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	running, stopRunner := context.WithCancel(stop)
	defer stopRunner()
	group, running := errgroup.WithContext(running)
	group.Go(func() error {
		err := runnersh.Run(running, runnersh.Config{
			Runner: runnerID, RedisURL: s.cfg.RedisURL, Namespace: s.cfg.Namespace, State: s.dir.String(),
			Kinds: []domain.Name{kind}, Slots: slots, Grace: grace, Logger: s.cfg.Log,
		})
		if _, left := errors.AsType[*runnersdk.Unfinished](err); left {
			return nil // nobody runs it again: all of this ends
		}
		return err
	})
	group.Go(func() error {
		defer stopRunner()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(running, cancel)()
		if s.cfg.Once != "" {
			return s.once(ctx)
		}
		return s.tour(ctx)
	})
	return group.Wait()
}

// admit has this process' keys admitted through its own API.
func (s *System) admit(ctx context.Context) error {
	ns := s.cfg.Namespace
	secret, err := s.dir.Read(ns, statedir.APIKey)
	if err != nil {
		return err
	}
	if s.key, err = s.dir.Key(ns, statedir.ClientKey); err != nil {
		return err
	}
	runner, err := s.dir.Key(ns, statedir.RunnerKey(runnerID))
	if err != nil {
		return err
	}
	s.client, err = client.New(client.Config{Addresses: []string{s.url}, APIKey: secret, Key: s.key})
	if err != nil {
		return err
	}
	if _, err := s.client.AddKey(ctx, client.Admission(string(ns), access.Client, "dev", s.key)); err != nil {
		return fmt.Errorf("admit the client's key: %w", err)
	}
	admission := client.Admission(string(ns), access.Runner, string(runnerID), runner)
	admission.Kinds = []string{string(kind)}
	if _, err := s.client.AddKey(ctx, admission); err != nil {
		return fmt.Errorf("admit the runner's key: %w", err)
	}
	return nil
}

// program is how this program was started, for lines to paste.
func program() string {
	path, err := os.Executable()
	if err != nil || strings.Contains(path, "go-build") {
		return "go run ./cmd/horus"
	}
	return os.Args[0]
}
