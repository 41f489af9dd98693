package redisstreams

import (
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/handlers/streams"
)

// Metadata that a [Subscriber] adds to every message.
const (
	// EntryID is the id of the stream's entry.
	EntryID = "redis_entry_id"
	// Deliveries is how often the entry was delivered, this time included.
	Deliveries = "redis_deliveries"
)

// entry is an entry of a stream as it was delivered.
type entry struct {
	id         string
	values     map[string]any // nil when it was deleted meanwhile
	deliveries uint64
}

// message returns the entry as a message.
func (e *entry) message() (*message.Message, error) {
	msg, err := streams.Decode(e.values)
	if err != nil {
		return nil, err
	}
	e.mark(msg)
	return msg, nil
}

// mark says in a message's metadata where it comes from.
func (e *entry) mark(msg *message.Message) {
	msg.Metadata.Set(EntryID, e.id)
	msg.Metadata.Set(Deliveries, strconv.FormatUint(e.deliveries, 10))
}

// texts returns the entry's fields as they are.
func (e *entry) texts() map[string]string {
	fields := make(map[string]string, len(e.values))
	for name, value := range e.values {
		fields[name], _ = value.(string) // go-redis decodes every value to a string
	}
	return fields
}
