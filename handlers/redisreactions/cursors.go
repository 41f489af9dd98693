package redisreactions

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/streams"
)

// Cursors keeps the cursors of a partition's reactions in a hash.
type Cursors struct {
	Client redis.UniversalClient
	Keys   Keys
}

var _ journal.Cursors = (*Cursors)(nil)

//go:embed save.lua
var saveSource string

var saveScript = redis.NewScript(saveSource)

// Load implements [journal.Cursors]. A cursor that somebody made unreadable is
// none.
func (c *Cursors) Load(ctx context.Context, name domain.Name) (cursor journal.Cursor, found bool, err error) {
	text, err := c.Client.HGet(ctx, c.Keys.Cursors(), string(name)).Result()
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") {
		return journal.Cursor{}, false, nil
	}
	if err != nil {
		return journal.Cursor{}, false, fmt.Errorf("read the cursor of %s: %w", name, err)
	}
	cursor, err = journal.ParseCursor(c.Keys.Namespace, c.Keys.Partition, text)
	return cursor, err == nil, nil
}

// Save implements [journal.Cursors].
func (c *Cursors) Save(ctx context.Context, term uint64, name domain.Name, cursor journal.Cursor) error {
	word, err := saveScript.Run(ctx, c.Client, []string{c.Keys.Lease(), c.Keys.Cursors()},
		strconv.FormatUint(term, 10), string(name), cursor.Append(nil)).Text()
	switch {
	case err != nil:
		return fmt.Errorf("keep the cursor of %s: %w", name, err)
	case word != "ok":
		return fmt.Errorf("keep the cursor of %s: %w: the lease is of another term", name, eventstore.ErrConflict)
	}
	return nil
}

// Told returns how far a topic came, which its last message proves: the cursor of
// whoever fills it, for when that is gone.
func (c *Cursors) Told(ctx context.Context, topic domain.Name) (cursor journal.Cursor, found bool, err error) {
	last, err := c.Client.XRevRangeN(ctx, c.Keys.Topic(topic), "+", "-", 1).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") || err == nil && len(last) == 0 {
		return journal.Cursor{}, false, nil
	}
	if err != nil {
		return journal.Cursor{}, false, fmt.Errorf("read the end of topic %s: %w", topic, err)
	}
	msg, err := streams.Decode(last[0].Values)
	if err != nil {
		return journal.Cursor{}, false, nil //nolint:nilerr // somebody else wrote it, and it tells nothing
	}
	e, err := events.Parse(msg.Payload)
	if err != nil || e.Namespace != string(c.Keys.Namespace) || e.Partition != c.Keys.Partition {
		return journal.Cursor{}, false, nil //nolint:nilerr // as above
	}
	return journal.Cursor{Seq: e.Proof.Seq, Seal: e.Proof.Seal}, true, nil
}
