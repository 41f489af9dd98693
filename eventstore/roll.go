package eventstore

import (
	"context"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Roll lists the jobs that the [Index] knows, so that a leader can tell by
// itself that an id is new: looking each up costs every submission a round
// trip.
type Roll interface {
	// Page returns some jobs. A walk from the zero place to the page that is the
	// last has met every job that the index knew when it began, or ends with an
	// error: a roll of which something was removed is never the whole one.
	Page(ctx context.Context, from RollPlace) (RollPage, error)
}

// RollPage is the ids of some jobs.
type RollPage struct {
	IDs  []string
	Next RollPlace // where to go on
	Last bool      // there are no more
}

// RollPlace is how far a walk came, in the words of the [Roll].
type RollPlace struct{ Generation, Cursor uint64 }

// Enroll reads one page of the roll, and reports whether there are more. Until
// all were read, ids are looked up. After an error it begins anew.
//
// It only reads, into memory: a crash leaves nothing, and the next leader meets
// all jobs itself.
func (l *Leader) Enroll(ctx context.Context) (busy bool, err error) {
	if l.cfg.Roll == nil || l.enrolled {
		return false, nil
	}
	page, err := l.cfg.Roll.Page(ctx, l.enrolling)
	if err != nil {
		l.enrolling = RollPlace{}
		return false, err
	}
	l.enrolling, l.enrolled = page.Next, page.Last
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range page.IDs {
		l.memory.met.add(id)
	}
	l.memory.met.all = page.Last
	return !page.Last, nil
}

// acquaintances are the ids of all jobs that ever were, as a Bloom filter
// (B. H. Bloom, Space/Time Trade-offs in Hash Coding with Allowable Errors,
// 1970) that grows: an id that it does not know is new for certain. One of some
// hundred new ones is taken for an old one, and looked up. It takes 12 bits an
// id: 1.5 MB for a million jobs, up to four times that behind a step of growth.
type acquaintances struct {
	all    bool // none is missing
	layers []layer
}

// Of the filter. With six probes into twelve bits an id, 0.4 % of strangers look
// like somebody.
const (
	firstLayer = 1 << 17 // ids
	nextLayer  = 4       // times as many
	bitsPerID  = 12
	probes     = 6
)

// layer is a filter that holds as many ids as there is room for.
type layer struct {
	words []uint64
	room  int
}

// stranger reports whether there never was a job of that id.
func (a *acquaintances) stranger(id string) bool { return a.all && !a.has(xxhash.Sum64String(id)) }

func (a *acquaintances) has(hash uint64) bool {
	for i := range a.layers {
		if a.layers[i].has(hash) {
			return true
		}
	}
	return false
}

func (a *acquaintances) add(id string) {
	hash := xxhash.Sum64String(id)
	if a.has(hash) {
		return
	}
	last := len(a.layers) - 1
	if last < 0 || a.layers[last].room == 0 {
		ids := firstLayer
		for range a.layers {
			ids *= nextLayer
		}
		a.layers = append(a.layers, layer{words: make([]uint64, ids*bitsPerID/64), room: ids})
		last++
	}
	a.layers[last].add(hash)
}

func (y *layer) has(hash uint64) bool {
	for n := range uint64(probes) {
		word, bit := y.probe(hash, n)
		if y.words[word]&bit == 0 {
			return false
		}
	}
	return true
}

func (y *layer) add(hash uint64) {
	for n := range uint64(probes) {
		word, bit := y.probe(hash, n)
		y.words[word] |= bit
	}
	y.room--
}

// probe returns the n-th bit of a hash (A. Kirsch, M. Mitzenmacher, Less Hashing,
// Same Performance, 2006).
func (y *layer) probe(hash, n uint64) (word int, bit uint64) {
	const odd = 0x9E3779B97F4A7C15
	at, _ := bits.Mul64(hash+n*(hash*odd|1), uint64(len(y.words))*64)
	return int(at / 64), 1 << (at % 64) //nolint:gosec // below the number of bits
}
