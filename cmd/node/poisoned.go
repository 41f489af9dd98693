package node

import (
	"context"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/handlers/poison"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// shownPayload is how much of a message's payload a list shows.
const shownPayload = 4 << 10

// poisoned is the poison queue in the words of the API.
type poisoned struct{ queue poison.Queue }

// List returns messages behind an id, the oldest first.
func (p poisoned) List(ctx context.Context, after string, limit int) ([]wire.PoisonMessage, error) {
	found, err := p.queue.List(ctx, after, limit)
	if err != nil {
		return nil, unread(err)
	}
	list := make([]wire.PoisonMessage, len(found))
	for i, m := range found {
		payload := m.Payload[:min(len(m.Payload), shownPayload)]
		list[i] = wire.PoisonMessage{
			ID: m.ID, At: event.At(m.At), Handler: m.Handler, Topic: m.Topic, Reason: m.Reason, Tries: m.Tries,
			UUID: m.UUID, Payload: strings.ToValidUTF8(string(payload), "\uFFFD"),
		}
	}
	return list, nil
}

// Replay hands messages to their handlers once more.
func (p poisoned) Replay(ctx context.Context, ids ...string) (wire.PoisonMoved, error) {
	moved, err := p.queue.Replay(ctx, ids...)
	return wire.PoisonMoved(moved), unmoved(err)
}

// Drop removes messages for good.
func (p poisoned) Drop(ctx context.Context, ids ...string) (wire.PoisonMoved, error) {
	moved, err := p.queue.Drop(ctx, ids...)
	return wire.PoisonMoved(moved), unmoved(err)
}

// unmoved tells callers to ask again when a store did not answer: whoever does
// moves the rest.
func unmoved(err error) error {
	return otherwise(err, domain.Errorf(domain.Indeterminate, "unmoved",
		"messages may have been moved, and the answer was lost: ask again in a moment, which moves the rest"))
}
