// Package history puts the aggregates together: what one partition's log says,
// event by event, and whether it could have happened. An auditor, a leader that
// starts and an engine that catches up all read a log through it.
//
//	chain := history.NewChain("horus", 0, verifier)
//	for each commit {
//		err := chain.Check(commit) // seal, chain, keys as of their place, legal transitions
//	}
package history

import (
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Entry is one event at its place in the log.
type Entry struct {
	Seq   uint64
	Bytes []byte // as stored; never changed
	Hash  signing.Hash
	event.Recorded
	Data event.Data
}

// Commit is what was appended at once, under one seal.
type Commit struct {
	Entries []Entry
	Seal    signing.Seal
}

// ParseEntry reads an event's bytes.
func ParseEntry(seq uint64, data []byte) (Entry, error) {
	recorded, err := event.Parse(data)
	if err != nil {
		return Entry{}, err
	}
	decoded, err := decode(recorded)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Seq: seq, Bytes: data, Hash: signing.LeafHash(data), Recorded: recorded, Data: decoded}, nil
}

// decode reads an event's data in its aggregate's words.
func decode(e event.Recorded) (event.Data, error) {
	switch e.Aggregate.Kind {
	case event.Access:
		return access.DecodeEvent(e.Type, e.Data)
	case event.Runner:
		return runner.DecodeEvent(e.Type, e.Data)
	case event.Job:
		return job.DecodeEvent(e.Type, e.Data)
	case event.Queue:
		return line.DecodeEvent(e.Type, e.Data)
	case event.Report:
		if e.Type == (runner.Reported{}).EventName() {
			return runner.DecodeReported(e.Data)
		}
	case event.Leader:
		if e.Type == (term.Began{}).EventName() {
			return term.DecodeBegan(e.Data)
		}
	case event.Log:
		if e.Type == (loss.Lost{}).EventName() {
			return loss.DecodeLost(e.Namespace, e.Partition, e.Data)
		}
	}
	return nil, domain.Errorf(domain.Invalid, "type", "no event of that aggregate has that name")
}

// Types returns the wire names of all events that a log may hold, sorted.
func Types() []string {
	names := []string{(runner.Reported{}).EventName(), (term.Began{}).EventName(), (loss.Lost{}).EventName()}
	names = appendNames(names, access.Events())
	names = appendNames(names, line.Events())
	names = appendNames(names, runner.Events())
	names = appendNames(names, job.Events())
	slices.Sort(names)
	return names
}

func appendNames[E event.Data](names []string, events []E) []string {
	for _, e := range events {
		names = append(names, e.EventName())
	}
	return names
}

// FactOf is the entry as its aggregate's fold reads it.
func FactOf[D event.Data](e *Entry) (event.Fact[D], bool) {
	data, ok := e.Data.(D)
	return event.FactOf(e.Recorded, data, e.Seq, e.Hash), ok
}

// String names the entry for people.
func (e *Entry) String() string {
	return fmt.Sprintf("%d %s %s", e.Seq, e.Type, e.Aggregate)
}
