package wire

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// Head is the end of a partition's log: what an auditor remembers to find later
// that it was cut.
type Head struct {
	Namespace domain.Name `json:"namespace"`
	Partition uint16      `json:"partition"`
	Founding  string      `json:"founding" doc:"Fingerprint of the founding event, which everything else is proved against."`
	Seq       uint64      `json:"seq" doc:"Number of the last event; 0 for an empty log."`
	Seal      string      `json:"seal" doc:"The last seal in its wire form."`
	SealHash  string      `json:"seal_hash" doc:"SHA-256 of the seal's text and signature, which the next seal names."`
	Term      uint64      `json:"term" doc:"Of the leader that sealed."`
	Time      event.Time  `json:"time" doc:"That the last event bears."`
}

// EventQuery asks for events of the log.
type EventQuery struct {
	After uint64 `json:"after,omitempty" doc:"Only events after that number; 0 for the founding first."`
	Limit *int   `json:"limit,omitempty" validate:"omitnil,min=1,max=1000" jsonschema:"default=100" doc:"Most events in the answer; 100 if absent. Large ones make it fewer."`
	Wait  *int64 `json:"wait,omitempty" validate:"omitnil,min=0,max=30" jsonschema:"default=0" doc:"Seconds to wait for an event when there is none yet."`
}

// EventPage is an answer to an [EventQuery].
type EventPage struct {
	Events []LogEvent `json:"events"`
	Next   uint64     `json:"next" doc:"The after of the next call, whether or not there are more events yet."`
	End    uint64     `json:"end" doc:"Number of the last event in the log."`
}

// LogEvent is an entry of the log as it is stored.
type LogEvent struct {
	Seq   uint64 `json:"seq"`
	Event string `json:"event,omitempty" doc:"The event's exact bytes, a JSON text: what was hashed and sealed."`
	Raw   []byte `json:"raw,omitempty" doc:"The bytes in standard base64 instead, when they are no text, which no supervisor wrote."`
	Hash  string `json:"hash" doc:"Merkle leaf hash of the bytes (RFC 6962): SHA-256 over 0x00 and them."`
	Seal  string `json:"seal,omitempty" doc:"The seal of the event's commit in its wire form, on the commit's last event."`
}

// Bytes returns the event's exact bytes.
func (e *LogEvent) Bytes() []byte {
	if e.Event == "" {
		return e.Raw
	}
	return []byte(e.Event)
}
