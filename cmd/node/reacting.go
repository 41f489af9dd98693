package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/cmd/crashable"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/outbox"
	"github.com/herocode/horus/handlers/reactions"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/handlers/redisstreams"
)

// reactionWriters is how many connections reactions share: what they publish
// waits for each other, and never for a commit.
const reactionWriters = 2

// replayBlock is how long the end of a term may wait for a read that nobody can
// interrupt.
const replayBlock = 500 * time.Millisecond

// reactionGrace is how long handlers of reactions may go on when a term ends.
const reactionGrace = 5 * time.Second

// reacting is what this supervisor does about events besides what jobs depend
// on. It needs goroutines and a Redis of its own, so it is no part of a [Member].
type reacting struct {
	cfg     *Config
	keys    redisreactions.Keys
	writer  redis.UniversalClient // of their own: commits do not wait behind what is published
	blocker redis.UniversalClient // of those who wait for messages to be replayed
	poison  *redisreactions.Poison
	metrics *reactions.Metrics
}

// checkReactions refuses topics and reactions that could not be run.
func (c *Config) checkReactions() error {
	if err := outbox.CheckTopics(c.Topics); err != nil {
		return err
	}
	names := map[domain.Name]bool{}
	for i := range c.Reactions {
		r := &c.Reactions[i]
		if err := r.Check(); err != nil {
			return err
		}
		if names[r.Name] || strings.HasPrefix(string(r.Name), string(outbox.Topic{}.Reaction())) {
			return fmt.Errorf("reaction %s: the name is taken", r.Name)
		}
		names[r.Name] = true
	}
	return nil
}

// reactionNames are the names of everything that reacts.
func (c *Config) reactionNames() []domain.Name {
	var names []domain.Name
	for _, t := range c.Topics {
		names = append(names, t.Reaction())
	}
	for i := range c.Reactions {
		names = append(names, c.Reactions[i].Name)
	}
	return names
}

// newReacting returns what reacts. Without topics and reactions it only looks
// after the poison queue.
func (s *supervisor) newReacting() *reacting {
	names := s.cfg.reactionNames()
	keys := redisreactions.Keys{Namespace: s.cfg.Namespace}
	writer := s.server.Writer(reactionWriters)
	r := &reacting{
		cfg: &s.cfg, keys: keys, writer: writer,
		poison: &redisreactions.Poison{Client: writer, Keys: keys, Handlers: names},
	}
	if len(names) > 0 {
		r.blocker = s.server.Blocker(len(names))
	}
	return r
}

// measure registers the figures of reactions.
func (r *reacting) measure(s *supervisor) (err error) {
	r.metrics, err = reactions.NewMetrics(s.registry, r.poison, r.cfg.reactionNames()...)
	return err
}

// journal returns what a term tells of; nil if nobody listens.
func (s *supervisor) journal(term uint64, keys func() access.State) *journal.Journal {
	if s.reacting == nil || len(s.cfg.reactionNames()) == 0 {
		return nil
	}
	return journal.New(journal.Config{
		History: s.store, Namespace: s.cfg.Namespace, Term: term, Keys: keys, Log: s.cfg.Log,
		Cursors: crashable.End[journal.Cursors](s.reacting.cursors()),
	})
}

func (r *reacting) cursors() *redisreactions.Cursors {
	return &redisreactions.Cursors{Client: r.writer, Keys: r.keys}
}

// react runs reactions for as long as a term lasts. What goes wrong there is
// tried again and ends no term.
//
// A crash leaves their cursors where they were kept, and messages in their
// streams: whoever leads next goes on there.
func (s *supervisor) react(ctx context.Context, r *reign) error {
	for pause := minPause; ctx.Err() == nil; pause = min(2*pause, maxPause) {
		if err := s.reacting.run(ctx, r); err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "reactions to events have stopped; trying again", "error", err, "after", pause)
		}
		sleep(ctx, s.scene, pause)
	}
	return nil
}

func (r *reacting) run(ctx context.Context, reign *reign) error {
	fence := &redisstreams.Fence{Lease: r.keys.Lease(), Term: reign.leader.Term()}
	var all []reactions.Reaction
	for _, t := range r.cfg.Topics {
		pub, err := redisstreams.NewPublisher(redisstreams.PublisherConfig{Client: r.writer, MaxLen: t.Keeps(), Fence: fence})
		if err != nil {
			return err
		}
		fill := t.Fill(r.keys.Topic(t.Name), crashable.End[message.Publisher](pub))
		fill.Recall = func(ctx context.Context) (journal.Cursor, bool, error) { return r.cursors().Told(ctx, t.Name) }
		all = append(all, fill)
	}
	for _, more := range r.cfg.Reactions {
		if more.Publisher != nil {
			more.Publisher = outliving{more.Publisher}
		}
		all = append(all, more)
	}
	return reactions.Run(ctx, reactions.Config{
		Journal: reign.journal, Reactions: all, Poison: r.poison, Replays: r.replays,
		Metrics: r.metrics, Grace: min(reactionGrace, r.cfg.Grace), Log: r.cfg.Log,
	})
}

// outliving is a publisher that outlives a term.
type outliving struct{ message.Publisher }

// Close does nothing.
func (outliving) Close() error { return nil }

// replays is where a reaction gets messages from that somebody replays. There is
// one consumer, whoever leads, so that each leader goes on with what the last one
// held.
func (r *reacting) replays(reaction domain.Name) (reactions.Replays, error) {
	sub, err := redisstreams.NewSubscriber(redisstreams.Config{
		Client: r.blocker, Group: "reactions", Consumer: "leader", Handler: string(reaction), Poison: r.poison,
		Block: replayBlock, Grace: min(reactionGrace, r.cfg.Grace), Delete: true, Log: r.cfg.Log,
	})
	if err != nil {
		return reactions.Replays{}, err
	}
	return reactions.Replays{Subscriber: sub, Stream: r.keys.Replay(reaction)}, nil
}
