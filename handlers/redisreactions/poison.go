package redisreactions

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/handlers/poison"
	"github.com/herocode/horus/handlers/streams"
	"github.com/herocode/horus/runnersdk/queue"
)

// Poison is the poison queue of a partition: a stream.
type Poison struct {
	Client redis.UniversalClient // that sends each command once
	Keys   Keys
	// Handlers are the names under which something can be replayed.
	Handlers []domain.Name
}

var _ poison.Queue = (*Poison)(nil)

// Fields of an entry. Those of the message itself bear a prefix.
const (
	fieldHandler = "handler"
	fieldTopic   = "topic"
	fieldReason  = "reason"
	fieldTries   = "tries"
	fieldPrefix  = "f:"
)

var (
	//go:embed put.lua
	putSource string
	//go:embed replay.lua
	replaySource string
)

var (
	putScript    = redis.NewScript(putSource)
	replayScript = redis.NewScript(replaySource)
)

// Put implements [poison.Queue].
func (p *Poison) Put(ctx context.Context, m poison.Message) error {
	args := make([]any, 0, 9+2*len(m.Fields))
	args = append(args, poison.MaxMessages,
		fieldHandler, m.Handler, fieldTopic, m.Topic, fieldReason, poison.Cut(m.Reason), fieldTries, strconv.FormatUint(m.Tries, 10))
	for _, name := range slices.Sorted(maps.Keys(m.Fields)) {
		args = append(args, fieldPrefix+name, m.Fields[name])
	}
	word, err := putScript.Run(ctx, p.Client, []string{p.Keys.Poison()}, args...).Text()
	switch {
	case err != nil:
		return fmt.Errorf("put a message of %s into the poison queue: %w", m.Handler, err)
	case word != "ok":
		return poison.ErrFull
	}
	return nil
}

// Len implements [poison.Queue].
func (p *Poison) Len(ctx context.Context) (int, error) {
	n, err := p.Client.XLen(ctx, p.Keys.Poison()).Result()
	return int(n), err
}

// List implements [poison.Queue].
func (p *Poison) List(ctx context.Context, after string, limit int) ([]poison.Message, error) {
	start := "-"
	if after != "" {
		if _, err := queue.ParseEntryID(after); err != nil {
			return nil, err
		}
		start = "(" + after
	}
	if limit < 1 {
		return nil, nil
	}
	entries, err := p.Client.XRangeN(ctx, p.Keys.Poison(), start, "+", int64(min(limit, poison.MaxListed))).Result()
	if err != nil {
		return nil, fmt.Errorf("list the poison queue: %w", err)
	}
	messages := make([]poison.Message, len(entries))
	for i, e := range entries {
		messages[i] = read(e)
	}
	return messages, nil
}

// read reads an entry. What is missing there is empty.
func read(e redis.XMessage) poison.Message {
	m := poison.Message{ID: e.ID, Fields: map[string]string{}}
	raw := map[string]any{}
	for name, value := range e.Values {
		text, _ := value.(string) // go-redis decodes every value to a string
		switch own, isOwn := strings.CutPrefix(name, fieldPrefix); {
		case isOwn:
			m.Fields[own], raw[own] = text, text
		case name == fieldHandler:
			m.Handler = text
		case name == fieldTopic:
			m.Topic = text
		case name == fieldReason:
			m.Reason = text
		case name == fieldTries:
			m.Tries, _ = strconv.ParseUint(text, 10, 64)
		}
	}
	if id, err := queue.ParseEntryID(e.ID); err == nil {
		m.At = time.UnixMilli(int64(id.Term)).UTC() //nolint:gosec // Redis makes the first half of milliseconds
	}
	if msg, err := streams.Decode(raw); err == nil {
		m.UUID, m.Metadata, m.Payload = msg.UUID, msg.Metadata, msg.Payload
	}
	return m
}

// Replay implements [poison.Queue].
//
// A crash between two messages leaves the rest in the queue: each of them moves
// in one step.
func (p *Poison) Replay(ctx context.Context, ids ...string) (poison.Moved, error) {
	return p.move(ctx, ids, func(m *poison.Message) (int, error) {
		handler := domain.Name(m.Handler)
		if !slices.Contains(p.Handlers, handler) {
			return 0, domain.Errorf(domain.Conflict, "no_handler",
				"no handler of the name %.64s runs here: configure it on the supervisors, or drop message %s", m.Handler, m.ID)
		}
		if len(m.Fields) == 0 {
			return 0, domain.Errorf(domain.Conflict, "no_message", "entry %s holds no message: drop it", m.ID)
		}
		return replayScript.Run(ctx, p.Client, []string{p.Keys.Poison(), p.Keys.Replay(handler)}, m.ID, fieldPrefix).Int()
	})
}

// Drop implements [poison.Queue].
func (p *Poison) Drop(ctx context.Context, ids ...string) (poison.Moved, error) {
	return p.move(ctx, ids, func(m *poison.Message) (int, error) {
		n, err := p.Client.XDel(ctx, p.Keys.Poison(), m.ID).Result()
		return int(n), err
	})
}

// move calls step with messages, and stops at its first error.
func (p *Poison) move(ctx context.Context, ids []string, step func(*poison.Message) (int, error)) (poison.Moved, error) {
	var moved poison.Moved
	messages, err := p.find(ctx, ids)
	if err != nil {
		return moved, err
	}
	for i := range messages {
		n, err := step(&messages[i])
		moved.Count += n
		if err != nil {
			return moved, fmt.Errorf("message %s of the poison queue: %w", messages[i].ID, err)
		}
	}
	if len(ids) == 0 && len(messages) == poison.MaxMoved {
		left, err := p.Len(ctx)
		moved.More = left > 0
		return moved, err
	}
	return moved, nil
}

// find returns the messages with those ids that are there, or the oldest ones.
func (p *Poison) find(ctx context.Context, ids []string) ([]poison.Message, error) {
	if len(ids) == 0 {
		return p.List(ctx, "", poison.MaxMoved)
	}
	if len(ids) > poison.MaxMoved {
		return nil, domain.Errorf(domain.TooLarge, "ids", "%d messages at once; the limit is %d", len(ids), poison.MaxMoved)
	}
	pipe := p.Client.Pipeline()
	replies := make([]*redis.XMessageSliceCmd, len(ids))
	for i, id := range ids {
		if _, err := queue.ParseEntryID(id); err != nil {
			return nil, err
		}
		replies[i] = pipe.XRange(ctx, p.Keys.Poison(), id, id)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look into the poison queue: %w", err)
	}
	var found []poison.Message
	for _, reply := range replies {
		for _, e := range reply.Val() {
			found = append(found, read(e))
		}
	}
	return found, nil
}
