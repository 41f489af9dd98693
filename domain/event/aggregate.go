package event

import (
	"strings"

	"github.com/herocode/horus/domain"
)

// Kind names a sort of aggregate. The set is closed: a new kind is a new
// package below domain.
type Kind string

// The kinds of aggregates.
const (
	Access Kind = "access" // keys and the founding: the namespace's statements
	Leader Kind = "leader" // who leads the partition
	Log    Kind = "log"    // what the partition's log has lost
	Runner Kind = "runner" // one runner id
	Report Kind = "report" // what one runner process reported
	Queue  Kind = "queue"  // one work queue
	Job    Kind = "job"    // one job
	Nonce  Kind = "nonce"  // one key's nonce, which jobs spend: no event is its own
)

// Aggregate names what an event happened to: job/<id>, runner/<id>,
// report/<runner>/<process>, queue/<queue>, access, leader, log. Its events are versioned 1, 2,
// 3 without a gap.
type Aggregate struct {
	Kind Kind
	ID   string // empty for access, leader and log
}

// maxAggregateID bounds an id: runner name and process, with their slash.
const maxAggregateID = 160

// String returns the aggregate's one spelling.
func (a Aggregate) String() string {
	if a.ID == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + "/" + a.ID
}

// ParseAggregate reads what String writes. Whether the id is a good one is for
// the aggregate's own package to say.
func ParseAggregate(s string) (Aggregate, error) {
	kind, id, slash := strings.Cut(s, "/")
	a := Aggregate{Kind: Kind(kind), ID: id}
	switch a.Kind {
	case Access, Leader, Log:
		if !slash {
			return a, nil
		}
	case Runner, Report, Job:
		if slash && id != "" && len(id) <= maxAggregateID && domain.Plain(id) {
			return a, nil
		}
	case Queue: // runner:<name> or executor:<name>
		sort, name, colon := strings.Cut(id, ":")
		if slash && colon && sort != "" && name != "" && len(id) <= maxAggregateID && domain.Plain(sort) && domain.Plain(name) {
			return a, nil
		}
	}
	return Aggregate{}, domain.Errorf(domain.Invalid, "aggregate", "no such kind of aggregate")
}
