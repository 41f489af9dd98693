package queue

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
)

// Group is the consumer group of every work queue. The delivery of an entry to
// one of its consumers is the claim.
const Group = "horus"

// priority is the one that jobs have until they can choose.
const priority = "5"

// Keys names what a supervisor and its runners share on Redis. All keys of a
// partition bear its hash tag, so they live in one slot of a cluster.
type Keys struct {
	Namespace domain.Name
	Partition uint16
}

func (k Keys) key(rest string) string {
	return fmt.Sprintf("%s:{p%03d}:%s", k.Namespace, k.Partition, rest)
}

// Jobs is the stream of a work queue.
func (k Keys) Jobs(q job.Queue) string { return k.key(q.String() + ":jobs:" + priority) }

// Inbox is the stream that runners append their bundles to.
func (k Keys) Inbox() string { return k.key("inbox") }

// Control is the stream on which a runner id hears from the supervisor.
func (k Keys) Control(runner domain.Name) string { return k.key("control:" + string(runner)) }

// Beats is the hash of each process' last sign of life.
func (k Keys) Beats() string { return k.key("beats") }

// Modes is the hash of the queues and runner ids that are not open, and of the
// leader's lease.
func (k Keys) Modes() string { return k.key("modes") }

// Statements is the hash of all statements by number, each with its proof.
func (k Keys) Statements() string { return k.key("statements") }
