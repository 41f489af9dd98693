package redisviews

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// keys names a partition's keys. Those of queues, statements and the log are
// made by the packages that own them.
type keys struct {
	queue.Keys
	prefix string // <ns>:{pNNN}:v
	store  redisstore.Keys
}

func newKeys(k queue.Keys) keys {
	return keys{
		Keys:   k,
		prefix: fmt.Sprintf("%s:{p%03d}:v", k.Namespace, k.Partition),
		store:  redisstore.Keys{Namespace: k.Namespace, Partition: k.Partition},
	}
}

// position is the hash that says how far the partition is projected, or how far
// a generation is filled.
func (k *keys) position(fill uint64) string {
	if fill == 0 {
		return k.store.Position()
	}
	return k.of(fill, "pos")
}

// table is a hash of a generation.
func (k *keys) table(generation uint64, t views.Table) string { return k.of(generation, t.String()) }

// list is a sorted set of a generation: submissions by their places.
func (k *keys) list(generation uint64, s job.Status) string {
	return k.of(generation, "state:"+s.String())
}

// due is a sorted set of a generation: jobs by when something is due in them.
func (k *keys) due(generation uint64) string { return k.of(generation, "due") }

func (k *keys) of(generation uint64, name string) string {
	b := make([]byte, 0, len(k.prefix)+24+len(name))
	b = strconv.AppendUint(append(b, k.prefix...), generation, 10)
	return string(append(append(b, ':'), name...))
}

// generationKeys are the keys that a transaction may write of a generation.
type generationKeys struct {
	generation uint64
	tables     [views.NumTables]string
	lists      [job.Erased + 1]string
	due        string
}

func (k *keys) named(generation uint64) generationKeys {
	n := generationKeys{generation: generation, due: k.due(generation)}
	for _, t := range views.Tables() {
		n.tables[t] = k.table(generation, t)
	}
	for _, s := range job.Statuses() {
		n.lists[s] = k.list(generation, s)
	}
	return n
}

// all lists every key that a generation can have.
func (k *keys) all(generation uint64) []string {
	found := []string{k.of(generation, "pos"), k.due(generation)}
	for _, t := range views.Tables() {
		found = append(found, k.table(generation, t))
	}
	for _, s := range job.Statuses() {
		found = append(found, k.list(generation, s))
	}
	return found
}

// generation returns the generation that a key belongs to.
func (k *keys) generation(key string) (uint64, bool) {
	rest, ours := strings.CutPrefix(key, k.prefix)
	digits, _, named := strings.Cut(rest, ":")
	g, err := strconv.ParseUint(digits, 10, 64)
	return g, ours && named && err == nil
}
