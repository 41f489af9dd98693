// Package streams is what a Watermill message looks like as an entry of a stream:
// as watermill-redisstream writes it, so that either can read what the other wrote.
//
//	_watermill_message_uuid  the message's id
//	metadata                 a map of strings in MessagePack; empty if there is none
//	payload                  bytes
//
// Package redisstreams carries such entries over Redis.
package streams

import (
	"fmt"

	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/domain"
)

// wire is how messages are written.
//
//nolint:gochecknoglobals // it has no state
var wire redisstream.DefaultMarshallerUnmarshaller

// Decode reads an entry. One that is no message is [domain.Invalid] with the
// reason message.
func Decode(fields map[string]any) (msg *message.Message, err error) {
	defer func() {
		if recovered := recover(); recovered != nil { // of a decoder that is not ours, about bytes of anybody
			msg, err = nil, malformed(fmt.Sprint(recovered))
		}
	}()
	if msg, err = wire.Unmarshal(fields); err != nil {
		return nil, malformed(err.Error())
	}
	if msg.Metadata == nil { // MessagePack has a word for none
		msg.Metadata = message.Metadata{}
	}
	return msg, nil
}

func malformed(why string) error {
	return domain.Errorf(domain.Invalid, "message", "this entry is no message: %.200s", why)
}

// Field is a name and a value of an entry.
type Field struct{ Name, Value string }

// Encode writes an entry. Its error is that of a message whose metadata takes
// the place of its id.
func Encode(msg *message.Message) ([]Field, error) {
	values, err := wire.Marshal("", msg)
	if err != nil {
		return nil, err
	}
	fields := []Field{{redisstream.UUIDHeaderKey, msg.UUID}, {Name: "metadata"}, {"payload", string(msg.Payload)}}
	if metadata, ok := values["metadata"].([]byte); ok {
		fields[1].Value = string(metadata)
	}
	return fields, nil
}
