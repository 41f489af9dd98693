package wire

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
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

	Types     []string `json:"types,omitempty" validate:"max=32,dive,max=64,pattern" pattern:"^[a-z][a-z0-9_.]*\\*?$" doc:"Only events of these types, as job.completed; an asterisk at the end stands for anything, as in job.*."`
	Aggregate string   `json:"aggregate,omitempty" validate:"omitempty,max=200,pattern" pattern:"^[a-z]+(/[A-Za-z0-9._/-]*)?\\*?$" doc:"Only what happened to this, as job/j1; an asterisk at the end stands for anything, as in job/nightly-*."`
	Runner    string   `json:"runner,omitempty" validate:"omitempty,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Only what happened to this runner id, or because it said so."`
}

// EventPage is an answer to an [EventQuery].
type EventPage struct {
	Events  []LogEvent `json:"events"`
	Next    uint64     `json:"next" doc:"The after of the next call, whether or not there are more events yet."`
	End     uint64     `json:"end" doc:"Number of the last event in the log."`
	Durable uint64     `json:"durable" doc:"Number of the last event that is durable, as the supervisor's durability says; none after it is told."`
}

// LogEvent is an entry of the log as it is stored.
type LogEvent struct {
	Seq   uint64   `json:"seq"`
	Event string   `json:"event,omitempty" doc:"The event's exact bytes, a JSON text: what was hashed and sealed."`
	Raw   []byte   `json:"raw,omitempty" doc:"The bytes in standard base64 instead, when they are no text, which no supervisor wrote."`
	Hash  string   `json:"hash" doc:"Merkle leaf hash of the bytes (RFC 6962): SHA-256 over 0x00 and them."`
	Seal  string   `json:"seal,omitempty" doc:"The seal of the event's commit in its wire form, on the commit's last event; with a filter on each."`
	Path  []string `json:"path,omitempty" doc:"With a filter: Merkle path from the event to the seal's root (RFC 6962), hashes in hexadecimal digits."`
}

// Check reports whether an event that came through a filter stands under its
// seal, by the path that came with it. Whether the seal is a supervisor's is
// another question, which who follows the whole history can answer.
func (e *LogEvent) Check(namespace domain.Name) error {
	seal, err := signing.ParseSeal(string(namespace), 0, []byte(e.Seal))
	if err != nil {
		return fmt.Errorf("event %d: %w", e.Seq, err)
	}
	proof := signing.Proof{Event: e.Bytes(), Seq: e.Seq, Seal: seal}
	for _, text := range e.Path {
		hash, err := signing.ParseHash(text)
		if err != nil {
			return fmt.Errorf("event %d: path: %w", e.Seq, err)
		}
		proof.Path = append(proof.Path, hash)
	}
	if err := proof.Check(); err != nil {
		return fmt.Errorf("event %d: %w", e.Seq, err)
	}
	return nil
}

// Bytes returns the event's exact bytes.
func (e *LogEvent) Bytes() []byte {
	if e.Event == "" {
		return e.Raw
	}
	return []byte(e.Event)
}
