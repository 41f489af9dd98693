// Package reactions runs what reacts to events and may fail, wait, or be late: in
// a Watermill Router, beside the loops that jobs depend on and never in their way.
//
// A [Reaction] hears of events through the journal, each at least once and in
// order, or some hundred of them at once. Around its handler stand, from the
// outside in: a measurement, the poison queue, tries with growing pauses, a time
// limit, what publishes, the correlation id for that, and a net for panics. What
// becomes of a message:
//
//   - The handler returns nil: what it returned is published, and the message is
//     done.
//   - An error that says that others are to blame ([domain.Overloaded],
//     [domain.TryAgain], [domain.NotDurable], [domain.Indeterminate]), or a publish
//     that fails: the message comes again, for as long as it takes, and those behind
//     it wait.
//   - Any other error, and a panic: it is tried [Tries] times; then it is put into
//     the poison queue, and the others go on. Replayed by a person, it takes the
//     same way through the same handler, beside the others.
//
// Nothing that happens in here ends the leader's term.
package reactions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/poison"
)

// Reaction is a handler of events. Name, Types and Handle are required.
type Reaction struct {
	// Name is what its cursor, its poisoned messages and its figures are called
	// by: another name is another reaction, which begins anew.
	Name  domain.Name
	Types events.Types
	From  journal.From // where it begins; now if zero
	// Batch is how many events a message tells of at most, as
	// [journal.Subscription] says.
	Batch  int
	Handle message.HandlerFunc
	// Publisher takes what Handle returns, for Topic. Nil if it returns nothing.
	// It is closed with the router.
	Publisher message.Publisher
	Topic     string
	// Recall tells how far the reaction came when its cursor is gone, as
	// [journal.Subscription] says. Nil if it cannot.
	Recall  func(ctx context.Context) (c journal.Cursor, found bool, err error)
	Timeout time.Duration // of one try; 30 s if zero
}

// Check reports why a reaction cannot be run.
func (r *Reaction) Check() error {
	if _, err := domain.ParseName(string(r.Name)); err != nil {
		return fmt.Errorf("reaction %.70q: %w", r.Name, err)
	}
	switch {
	case r.Types.IsZero() || r.Handle == nil:
		return fmt.Errorf("reaction %s: it needs Types and Handle", r.Name)
	case r.Batch < 0 || r.Batch > journal.MaxBatch:
		return fmt.Errorf("reaction %s: Batch is 0 to %d", r.Name, journal.MaxBatch)
	case (r.Publisher == nil) != (r.Topic == ""):
		return fmt.Errorf("reaction %s: Publisher and Topic belong together", r.Name)
	case r.Timeout < 0:
		return fmt.Errorf("reaction %s: a Timeout is not below 0", r.Name)
	}
	return nil
}

// Config is what [Run] needs. Replays, Metrics, Grace and Log may be zero.
type Config struct {
	Journal   *journal.Journal
	Reactions []Reaction
	Poison    poison.Queue
	// Replays returns where a reaction gets messages from that are to be handled
	// once more. Nil if there are none.
	Replays func(reaction domain.Name) (Replays, error)
	Metrics *Metrics
	Grace   time.Duration // how long handlers may go on when ctx has ended; 5 s if zero
	Log     *slog.Logger
}

// Replays is a stream of messages to be handled once more.
type Replays struct {
	Subscriber interface {
		message.Subscriber
		message.SubscribeInitializer
	}
	Stream string
}

// Run runs reactions until ctx ends, which is nil, or the journal's term is over.
// It returns when all handlers have, or their grace has passed.
func Run(ctx context.Context, cfg Config) error {
	cfg.Grace = cmp.Or(cfg.Grace, 5*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: cfg.Grace}, logger(cfg.Log))
	if err != nil {
		return err
	}
	for i := range cfg.Reactions {
		if err := add(ctx, router, &cfg, &cfg.Reactions[i]); err != nil {
			return err
		}
	}
	if ctx.Err() != nil || len(cfg.Reactions) == 0 {
		return nil
	}
	defer closeAll(cfg.Reactions)
	defer cfg.Metrics.follow(&cfg)()
	done := make(chan error, 1)
	go func() { done <- router.Run(context.WithoutCancel(ctx)) }()
	select {
	case <-router.Running():
	case err := <-done:
		return err
	}
	select {
	case err = <-done: // the subscriptions ended by themselves
	case <-ctx.Done():
		err = errors.Join(router.Close(), <-done)
	}
	return err
}

// add adds a reaction to the router: once for the journal, once for replays.
func add(ctx context.Context, router *message.Router, cfg *Config, r *Reaction) error {
	if err := r.Check(); err != nil {
		return err
	}
	subscriber := cfg.Journal.Subscriber(journal.Subscription{
		Name: r.Name, Types: r.Types, From: r.From, Batch: r.Batch, Recall: r.Recall, Reached: cfg.Metrics.reached(r.Name),
	})
	handle(router, string(r.Name), "log", subscriber, r).AddMiddleware(chain(ctx, cfg, r, "log")...)
	if cfg.Replays == nil {
		return nil
	}
	replays, err := cfg.Replays(r.Name)
	if err == nil {
		err = replays.Subscriber.SubscribeInitialize(replays.Stream)
	}
	if err != nil {
		return fmt.Errorf("reaction %s: %w", r.Name, err)
	}
	handle(router, string(r.Name)+" replayed", replays.Stream, replays.Subscriber, r).
		AddMiddleware(chain(ctx, cfg, r, replays.Stream)...)
	return nil
}

func handle(router *message.Router, name, topic string, subscriber message.Subscriber, r *Reaction) *message.Handler {
	inner := middleware.CorrelationID(middleware.Recoverer(r.Handle))
	return router.AddConsumerHandler(name, topic, subscriber, func(msg *message.Message) error {
		produced, err := inner(msg)
		switch {
		case err != nil || len(produced) == 0:
			return err
		case r.Publisher == nil:
			return message.ErrOutputInNoPublisherHandler
		}
		if err := r.Publisher.Publish(r.Topic, produced...); err != nil {
			return &unpublishedError{err}
		}
		return nil
	})
}

// unpublishedError says that a message was handled and nobody could be told.
type unpublishedError struct{ why error }

// Error returns why.
func (e *unpublishedError) Error() string { return e.why.Error() }

// Unwrap returns why.
func (e *unpublishedError) Unwrap() error { return e.why }

func closeAll(reactions []Reaction) {
	for _, r := range reactions {
		if r.Publisher != nil {
			_ = r.Publisher.Close() // everything was published
		}
	}
}

// logger says in our log what the router does. What it calls an error is tried
// again, and what it tells of itself is for who looks for trouble.
func logger(log *slog.Logger) watermill.LoggerAdapter {
	return watermill.NewSlogLoggerWithLevelMapping(log, map[slog.Level]slog.Level{
		slog.LevelError: slog.LevelWarn,
		slog.LevelInfo:  slog.LevelDebug,
		slog.LevelDebug: slog.LevelDebug - 4,
	})
}
