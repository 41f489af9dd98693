package redisrunner

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk"
)

// Main runs a runner as the whole program, and returns its exit code. What c
// leaves zero comes from the environment, and else is a default:
//
//	HORUS_RUNNER     runner id
//	HORUS_REDIS_URL  redis://localhost:6379
//	HORUS_NAMESPACE  horus
//	HORUS_STATE_DIR  $XDG_STATE_HOME/horus
//	HORUS_KEY_FILE   the runner's key in the state directory, made on the first start
//	HORUS_TRUST      fingerprint of the founding; the one that was pinned
//	HORUS_KIND       kinds of jobs besides its own, with commas
//	HORUS_SLOTS      1
//	HORUS_LEASE      9s; the leader's if that is shorter
//	HORUS_GRACE      10s
//	HORUS_LOG        info; or debug, warn, error
//
// With -h or --help as its first argument it says that, and runs nothing; all
// other arguments are the program's own.
//
// It logs on stderr. The first SIGINT or SIGTERM lets running jobs end within
// Grace, the second ends them at once, the third kills the program.
//
// Exit codes: 0 stopped or drained, and nothing is left; 64 a bad Redis URL; 69
// Redis does not answer; 75 stopped, and something is left that others will run
// again; 77 not allowed (password, another founding, a revoked key); 78 a wrong
// setting; 1 everything else.
func Main(c Config, h runnersdk.Handler) int {
	logging.Disable() // go-redis would write to stderr what our log says in plain words
	if len(os.Args) > 1 && (os.Args[1] == "-h" || os.Args[1] == "--help") {
		_, _ = fmt.Fprintln(os.Stdout, usage)
		return exit.Good
	}
	ctx, hurry, release := Signals(context.Background())
	defer release()
	if c.Hurry == nil {
		c.Hurry = hurry
	}
	return exit.Main("runner", os.Stderr, func() error {
		full, err := c.withEnvironment(os.Getenv)
		if err != nil {
			return exit.With(exit.Settings, err)
		}
		err = Serve(ctx, full, h)
		if c.RedisURL == "" && AboutRedis(err) {
			return fmt.Errorf("%w\nName another with HORUS_REDIS_URL", err)
		}
		return err
	})
}

// AboutRedis reports whether an error of [Serve] says that the Redis that was
// named is none, or does not answer: whoever takes its name says then how.
func AboutRedis(err error) bool {
	reason := domain.ReasonOf(err)
	return reason == "redis_url" || reason == "unreachable"
}

const usage = `This program runs the jobs of a Horus runner id. It takes its settings from the
environment, but for those that it has fixed itself:

  HORUS_RUNNER     the runner id whose jobs are to be run
  HORUS_REDIS_URL  the Redis that the supervisor uses (redis://localhost:6379)
  HORUS_NAMESPACE  which Horus system on that Redis is meant (horus)
  HORUS_STATE_DIR  where its key is kept ($XDG_STATE_HOME/horus)
  HORUS_KEY_FILE   its key, if not the one in the state directory; PKCS#8 PEM, mode 0600
  HORUS_TRUST      fingerprint of the founding to trust (the one that was pinned)
  HORUS_KIND       kinds of jobs that it takes besides, with commas
  HORUS_SLOTS      how many jobs run at once (1)
  HORUS_LEASE      how long a job is its own without a sign of life (9s)
  HORUS_GRACE      how long running jobs may go on when it stops (10s)
  HORUS_LOG        debug, info, warn or error (info)

Ctrl-C (or TERM) stops it: it takes no more jobs and gives running ones that time.
A second one does not wait for them. A third one kills it.

Exit codes: 0 stopped or drained, and nothing is left, 64 a bad Redis URL, 69 Redis
does not answer, 75 stopped, and something is left that is run again elsewhere, 77
not allowed (password, another founding, a revoked key), 78 a wrong setting.`

// Signals returns a context that ends with the first SIGINT or SIGTERM, and a
// channel that is closed by the second. The third kills. release ends all of
// that.
func Signals(parent context.Context) (ctx context.Context, hurry <-chan struct{}, release func()) {
	ctx, stop := context.WithCancel(parent)
	signals, hurried := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			stop()
		case <-ctx.Done():
		}
		if _, ok := <-signals; ok {
			signal.Stop(signals)
			close(hurried)
		}
	}()
	return ctx, hurried, func() {
		signal.Stop(signals)
		close(signals)
		stop()
	}
}

// withEnvironment fills in what is zero.
func (c Config) withEnvironment(lookup func(string) string) (Config, error) {
	e := environment{lookup: lookup}
	e.name("HORUS_RUNNER", &c.Runner)
	e.text("HORUS_REDIS_URL", &c.RedisURL)
	e.name("HORUS_NAMESPACE", &c.Namespace)
	e.text("HORUS_STATE_DIR", &c.State)
	e.text("HORUS_KEY_FILE", &c.KeyFile)
	e.names("HORUS_KIND", &c.Kinds)
	read(&e, "HORUS_TRUST", &c.Trust, signing.ParseHash)
	read(&e, "HORUS_SLOTS", &c.Slots, strconv.Atoi)
	read(&e, "HORUS_LEASE", &c.Lease, time.ParseDuration)
	read(&e, "HORUS_GRACE", &c.Grace, time.ParseDuration)
	if c.Logger == nil {
		var level slog.Level
		read(&e, "HORUS_LOG", &level, parseLevel)
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	}
	if c.Runner == "" && e.err == nil {
		e.err = domain.Errorf(domain.Invalid, "config", "no runner id: set HORUS_RUNNER to the id whose jobs are to be run")
	}
	return c, e.err
}

func parseLevel(word string) (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(word))
	return level, err
}

// environment fills settings in that are zero, and keeps the first error.
type environment struct {
	lookup func(string) string
	err    error
}

// read reads a variable that is set, and not empty, into a setting that is zero.
func read[T comparable](e *environment, name string, to *T, parse func(string) (T, error)) {
	var zero T
	word := e.lookup(name)
	if word == "" || *to != zero || e.err != nil {
		return
	}
	value, err := parse(word)
	if err != nil {
		e.err = fmt.Errorf("%s: %w", name, err)
		return
	}
	*to = value
}

func (e *environment) text(name string, to *string) {
	read(e, name, to, func(word string) (string, error) { return word, nil })
}

func (e *environment) name(name string, to *domain.Name) { read(e, name, to, domain.ParseName) }

func (e *environment) names(name string, to *[]domain.Name) {
	if len(*to) > 0 {
		return
	}
	var all string
	e.text(name, &all)
	for word := range strings.SplitSeq(all, ",") {
		if all == "" {
			return
		}
		kind, err := domain.ParseName(strings.TrimSpace(word))
		if err != nil && e.err == nil {
			e.err = fmt.Errorf("%s: %w", name, err)
		}
		*to = append(*to, kind)
	}
}
