package redisstore

import (
	"fmt"
	"strconv"

	"github.com/herocode/horus/domain"
)

// Keys names a partition's keys that the event store writes. All keys of a
// partition bear its hash tag, so they live in one slot of a cluster.
type Keys struct {
	Namespace domain.Name
	Partition uint16
}

func (k Keys) key(rest string) string {
	return fmt.Sprintf("%s:{p%03d}:%s", k.Namespace, k.Partition, rest)
}

// Log is the stream of events. An entry's id is "<seq>-0"; its field e is the
// event, and on the last entry of a commit its field s is the seal.
func (k Keys) Log() string { return k.key("log") }

// Leader is the hash that says who leads: term, name, beat.
func (k Keys) Leader() string { return k.key("leader") }

// Position is the hash that says how far the projections are. Its field
// [PositionTerm] is written here, together with the lease; all others belong to
// the projections.
func (k Keys) Position() string { return k.key("pos") }

// PositionTerm is the field of [Keys.Position] that bears the leader's term: a
// projection of an older leader that compares it can write nothing more.
const PositionTerm = "term"

// entryID is the id of an event's entry. Lua and Redis compare it as a string.
func entryID(seq uint64) string { return strconv.FormatUint(seq, 10) + "-0" }
