package redisreactions

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore/redisstore"
)

// Keys names what the reactions of a partition have on Redis. All keys of a
// partition bear its hash tag, so they live in one slot of a cluster.
type Keys struct {
	Namespace domain.Name
	Partition uint16
}

func (k Keys) key(rest string) string {
	return fmt.Sprintf("%s:{p%03d}:%s", k.Namespace, k.Partition, rest)
}

// Lease is the hash that says which term is on.
func (k Keys) Lease() string {
	return redisstore.Keys{Namespace: k.Namespace, Partition: k.Partition}.Leader()
}

// Cursors is the hash of how far each reaction has come, by its name.
func (k Keys) Cursors() string { return k.key("cursors") }

// Poison is the stream of messages that no handler could cope with.
func (k Keys) Poison() string { return k.key("poison") }

// Replay is the stream of messages that a reaction is to handle once more.
func (k Keys) Replay(reaction domain.Name) string { return k.key("replay:" + string(reaction)) }

// Topic is the stream of an outgoing topic.
func (k Keys) Topic(name domain.Name) string { return k.key("topic:" + string(name)) }
