package wire

import "github.com/herocode/horus/domain/event"

// PoisonQuery asks for messages that no handler could cope with.
type PoisonQuery struct {
	After string `json:"after,omitempty" validate:"max=64" doc:"Only messages behind that id."`
	Limit *int   `json:"limit,omitempty" validate:"omitnil,min=1,max=1000" jsonschema:"default=100" doc:"Most messages in the answer; 100 if absent."`
}

// PoisonMessages is an answer to a [PoisonQuery], the oldest message first.
type PoisonMessages struct {
	Messages []PoisonMessage `json:"messages"`
}

// PoisonMessage is a message that waits for a person.
type PoisonMessage struct {
	ID      string     `json:"id"`
	At      event.Time `json:"at" doc:"When it was put aside."`
	Handler string     `json:"handler" doc:"Who could not cope with it."`
	Topic   string     `json:"topic" doc:"Where the handler had it from."`
	Reason  string     `json:"reason" doc:"What went wrong last."`
	Tries   uint64     `json:"tries"`
	UUID    string     `json:"uuid" doc:"The message's own id; empty when it is no message."`
	Payload string     `json:"payload" doc:"Its first 4 KiB, as text."`
}

// PoisonTarget names messages, or says that all are meant.
type PoisonTarget struct {
	IDs []string `json:"ids,omitempty" validate:"max=1000,dive,max=64" doc:"Which messages; instead of all."`
	All bool     `json:"all,omitempty" doc:"The oldest 1,000; call again while there are more."`
}

// PoisonMoved says what became of messages.
type PoisonMoved struct {
	Count int  `json:"count" doc:"Messages that were there, and are no more."`
	More  bool `json:"more" doc:"There are more than one call moves: call again."`
}
