package reactions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/poison"
	"github.com/herocode/horus/handlers/streams"
)

// Tries is how often a message is tried that its handler cannot cope with: for
// about four seconds.
const Tries = 5

const defaultTimeout = 30 * time.Second

// chain returns what stands around a handler, from the outside in. The poison
// queue stands outside of the time limit: it needs the message's context as it was
// before.
func chain(ctx context.Context, cfg *Config, r *Reaction, topic string) []message.HandlerMiddleware {
	retry := middleware.Retry{
		// Where there is a ShouldRetry, Watermill takes two steps for each pause: they
		// grow threefold.
		MaxRetries: Tries - 1, InitialInterval: 100 * time.Millisecond, Multiplier: 1.75, MaxInterval: 2 * time.Second,
		RandomizationFactor: 0.2, ResetContextOnRetry: true, Logger: logger(cfg.Log).With(watermill.LogFields{"reaction": string(r.Name)}),
		ShouldRetry: func(p middleware.RetryParams) bool { return !waits(p.Err) && ctx.Err() == nil },
	}
	aside := poisoner{over: ctx.Err, cfg: cfg, reaction: r.Name, topic: topic}
	return []message.HandlerMiddleware{
		cfg.Metrics.measure(r.Name),
		aside.middleware,
		retry.Middleware,
		count,
		middleware.Timeout(cmp.Or(r.Timeout, defaultTimeout)),
	}
}

// waits reports whether an error is not the message's fault: it is handled again
// when things are better.
func waits(err error) bool {
	switch domain.CodeOf(err) {
	case domain.Overloaded, domain.TryAgain, domain.NotDurable, domain.Indeterminate:
		return true
	}
	_, unpublished := errors.AsType[*unpublishedError](err)
	return unpublished || errors.Is(err, eventstore.ErrConflict) // the term is over
}

// triesKey is where a message's context has the count of its tries.
type triesKey struct{}

// count counts tries.
func count(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		if n, ok := msg.Context().Value(triesKey{}).(*uint64); ok {
			*n++
		}
		return h(msg)
	}
}

// poisonedKey is where a message's context has whether it was put aside, for
// whoever measures.
type poisonedKey struct{}

// poisoner puts messages aside that a handler cannot cope with.
type poisoner struct {
	over     func() error // whether the term is: what fails then is no message's fault
	cfg      *Config
	reaction domain.Name
	topic    string
}

// middleware acknowledges a message once it was put aside.
//
// A crash before it was repeats the tries; one behind it puts the message aside
// twice.
func (p *poisoner) middleware(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		var tries uint64
		ctx := msg.Context()
		msg.SetContext(context.WithValue(ctx, triesKey{}, &tries))
		produced, err := h(msg)
		msg.SetContext(ctx)
		if err == nil || waits(err) || p.over() != nil {
			return produced, err
		}
		if e := p.put(ctx, msg, err, tries); e != nil {
			return nil, errors.Join(err, e)
		}
		if aside, ok := ctx.Value(poisonedKey{}).(*bool); ok {
			*aside = true
		}
		return nil, nil
	}
}

func (p *poisoner) put(ctx context.Context, msg *message.Message, why error, tries uint64) error {
	fields, err := streams.Encode(msg)
	if err != nil {
		return err
	}
	raw := make(map[string]string, len(fields))
	for _, f := range fields {
		raw[f.Name] = f.Value
	}
	err = p.cfg.Poison.Put(ctx, poison.Message{
		Handler: string(p.reaction), Topic: p.topic, Reason: why.Error(), Tries: tries, Fields: raw,
	})
	if err != nil {
		return fmt.Errorf("put it into the poison queue: %w", err)
	}
	p.cfg.Log.ErrorContext(ctx, "a message was put into the poison queue: look with horus poison list",
		"reaction", string(p.reaction), "message", msg.UUID, "tries", tries, "error", why)
	return nil
}
