// Package outbox tells the outside world: an outgoing topic is a stream on Redis
// that gets every event of the types that it is for, as documents of package
// events, in the wire format of watermill-redisstream. Any Watermill service can
// subscribe to it.
//
// A topic is a reaction: it gets each event at least once, in the order of the log,
// not before it is durable, and from one leader at a time. After a crash the last
// few come again, with the same ids. It keeps about its newest [Topic.Max] messages;
// whoever is further behind than that has missed some, and finds them in the
// history.
package outbox

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/journal"
	"github.com/herocode/horus/handlers/reactions"
)

// Limits and defaults.
const (
	MaxTopics  = 16 // of a supervisor: each goes through all events
	DefaultMax = 100_000
	LeastMax   = 1000
	MostMax    = 100_000_000
	maxName    = 64 - len(prefix)
)

// Topic is an outgoing topic. Name and Types are required.
type Topic struct {
	Name  domain.Name
	Types events.Types
	// Max is about how many messages it keeps, LeastMax to MostMax; DefaultMax if
	// zero.
	Max int64
	// From is where a topic begins that is new: with the term of a leader that is
	// told to fill it, or with the founding.
	From journal.From
}

// ParseTopic reads NAME=TYPE,TYPE… and what may follow behind semicolons: max=N,
// from=start. Errors are [domain.Invalid].
//
//	jobs=job.completed,job.failed
//	everything=*;max=1000000;from=start
func ParseTopic(text string) (Topic, error) {
	head, options, more := strings.Cut(text, ";")
	name, types, ok := strings.Cut(head, "=")
	if !ok {
		return Topic{}, domain.Errorf(domain.Invalid, "topic", "a topic is NAME=TYPE,TYPE…, as jobs=job.completed,job.failed")
	}
	var t Topic
	var err error
	if t.Name, err = domain.ParseName(name); err != nil {
		return Topic{}, fmt.Errorf("topic %.70q: %w", name, err)
	}
	if t.Types, err = events.ParseTypes(types); err != nil {
		return Topic{}, fmt.Errorf("topic %s: %w", t.Name, err)
	}
	if _, err := domain.ParseName(string(t.Reaction())); err != nil {
		return Topic{}, domain.Errorf(domain.Invalid, "topic", "topic %s: its name has %d characters; the limit is %d", t.Name, len(name), maxName)
	}
	seen := map[string]bool{}
	for more {
		var option string
		option, options, more = strings.Cut(options, ";")
		key, value, _ := strings.Cut(option, "=")
		if seen[key] || !t.set(key, value) {
			return Topic{}, domain.Errorf(domain.Invalid, "topic",
				"topic %s: behind the types may follow ;max=N (%d to %d messages are kept) and ;from=start (begin with the founding), each once; not %.40q",
				t.Name, LeastMax, MostMax, option)
		}
		seen[key] = true
	}
	return t, nil
}

// set reads an option; false if it is none.
func (t *Topic) set(key, value string) bool {
	switch key {
	case "max":
		n, err := strconv.ParseInt(value, 10, 64)
		t.Max = n
		return err == nil && n >= LeastMax && n <= MostMax && strconv.FormatInt(n, 10) == value
	case "from":
		t.From = journal.Start
		return value == "start"
	}
	return false
}

// ParseTopics reads topics with spaces between them; of each name there may be
// one. No text is no topics.
func ParseTopics(text string) ([]Topic, error) {
	var topics []Topic
	for field := range strings.FieldsSeq(text) {
		t, err := ParseTopic(field)
		if err != nil {
			return nil, err
		}
		topics = append(topics, t)
	}
	return topics, CheckTopics(topics)
}

// CheckTopics reports why topics cannot be filled beside each other.
func CheckTopics(topics []Topic) error {
	if len(topics) > MaxTopics {
		return domain.Errorf(domain.Invalid, "topic", "%d topics; the limit is %d", len(topics), MaxTopics)
	}
	names := map[domain.Name]bool{}
	for _, t := range topics {
		again, err := ParseTopic(t.String())
		if err != nil {
			return err
		}
		if names[again.Name] {
			return domain.Errorf(domain.Invalid, "topic", "topic %s stands there twice", t.Name)
		}
		names[again.Name] = true
	}
	return nil
}

// String returns what ParseTopic reads.
func (t Topic) String() string {
	text := string(t.Name) + "=" + t.Types.String()
	if t.Max != 0 {
		text += ";max=" + strconv.FormatInt(t.Max, 10)
	}
	if t.From == journal.Start {
		text += ";from=start"
	}
	return text
}

// Keeps is about how many messages the topic keeps.
func (t Topic) Keeps() int64 { return cmp.Or(t.Max, DefaultMax) }

// Reaction is the name of the reaction that fills the topic.
func (t Topic) Reaction() domain.Name { return prefix + t.Name }

// prefix keeps the names of topics from those of other reactions.
const prefix = "topic."

// maxTogether is how many events are published at once.
const maxTogether = journal.MaxBatch

// Fill returns the reaction that fills a topic: a stream that a publisher writes
// to, which is closed with it.
func (t Topic) Fill(stream string, pub message.Publisher) reactions.Reaction {
	return reactions.Reaction{
		Name: t.Reaction(), Types: t.Types, From: t.From, Batch: maxTogether,
		Handle: unpack, Publisher: pub, Topic: stream,
	}
}

// unpack makes a message of each document of a batch.
func unpack(batch *message.Message) ([]*message.Message, error) {
	var messages []*message.Message
	for line := range bytes.Lines(batch.Payload) {
		document := bytes.TrimSuffix(line, []byte{'\n'})
		e, err := events.Parse(document)
		if err != nil {
			return nil, fmt.Errorf("message %s: %w", batch.UUID, err)
		}
		msg := message.NewMessage(events.ID(e.Namespace, e.Partition, e.Proof.Seq, signing.LeafHash(e.Proof.Event)), document)
		events.Describe(msg, &e.Recorded, e.Proof.Seq)
		messages = append(messages, msg)
	}
	return messages, nil
}
