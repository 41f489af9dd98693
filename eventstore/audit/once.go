package audit

import (
	"bufio"
	"cmp"
	"container/heap"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// beginning is that an aggregate's first event stands at a place. The aggregate
// is named by a hash with a salt of the audit's own, so that nobody can make
// two ids that look like one: 128 bits of it tell apart what chance would ever
// bring together.
type beginning struct {
	high, low uint64
	seq       uint64
}

func (b beginning) compare(c beginning) int {
	return cmp.Or(cmp.Compare(b.high, c.high), cmp.Compare(b.low, c.low), cmp.Compare(b.seq, c.seq))
}

func (b beginning) same(c beginning) bool { return b.high == c.high && b.low == c.low }

const beginningBytes = 24

// maxBeginnings is how many beginnings are held in memory, at 24 bytes each.
const maxBeginnings = 1 << 18

// once finds aggregates that began twice, over a history of any length in a
// bounded piece of memory. What ended leaves the auditor's memory, so nothing
// else remembers that its id was used.
//
// Beginnings are gathered, sorted, and put aside in a temporary file when there
// are too many; the end merges what was put aside. A log of fewer aggregates
// than fit in memory touches no disk. The file has no name any more when it is
// written to: a crash anywhere leaves nothing behind.
type once struct {
	limit    int // of gathered
	salt     [16]byte
	gathered []beginning
	file     *os.File // nil until something was put aside
	ends     []int64  // where each sorted run in file ends
}

func newOnce() *once {
	o := &once{limit: maxBeginnings}
	_, _ = rand.Read(o.salt[:]) // never fails
	return o
}

// begin remembers that the aggregate with that name began.
func (o *once) begin(name string, seq uint64) error {
	room := make([]byte, 0, 256)
	sum := sha256.Sum256(append(append(room, o.salt[:]...), name...))
	o.gathered = append(o.gathered, beginning{
		high: binary.BigEndian.Uint64(sum[:]), low: binary.BigEndian.Uint64(sum[8:]), seq: seq,
	})
	if len(o.gathered) < o.limit {
		return nil
	}
	if err := o.putAside(); err != nil {
		return fmt.Errorf("put aside which ids were used, in %s (TMPDIR names another place): %w", os.TempDir(), err)
	}
	return nil
}

// putAside writes what was gathered as one sorted run.
func (o *once) putAside() error {
	if o.file == nil {
		file, err := os.CreateTemp("", "horus-audit-")
		if err != nil {
			return err
		}
		o.file = file
		if err := os.Remove(file.Name()); err != nil {
			return err
		}
	}
	slices.SortFunc(o.gathered, beginning.compare)
	w := bufio.NewWriterSize(o.file, 64<<10)
	var record [beginningBytes]byte
	for _, b := range o.gathered {
		binary.BigEndian.PutUint64(record[0:], b.high)
		binary.BigEndian.PutUint64(record[8:], b.low)
		binary.BigEndian.PutUint64(record[16:], b.seq)
		if _, err := w.Write(record[:]); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	last := int64(0)
	if len(o.ends) > 0 {
		last = o.ends[len(o.ends)-1]
	}
	o.ends = append(o.ends, last+int64(len(o.gathered))*beginningBytes)
	o.gathered = o.gathered[:0]
	return nil
}

// again returns the first place at which an aggregate began that had begun
// before, 0 when none did.
func (o *once) again() (first uint64, err error) {
	slices.SortFunc(o.gathered, beginning.compare)
	if o.file == nil {
		var t twice
		for _, b := range o.gathered {
			t.see(b)
		}
		return t.first, nil
	}
	if first, err = o.merge(); err != nil {
		err = fmt.Errorf("read again which ids were used: %w", err)
	}
	return first, err
}

// twice sees beginnings in order and remembers the first repetition by place.
type twice struct {
	last  beginning
	first uint64
}

func (t *twice) see(b beginning) {
	if b.same(t.last) && t.last.seq != 0 && (t.first == 0 || b.seq < t.first) {
		t.first = b.seq
	}
	t.last = b
}

// runBuffer is what is read of a run at once: a history of a thousand million
// jobs has four thousand runs.
const runBuffer = 8 << 10

func (o *once) merge() (uint64, error) {
	var runs runs
	from := int64(0)
	for _, end := range o.ends {
		part := io.NewSectionReader(o.file, from, end-from)
		runs = append(runs, &run{rest: bufio.NewReaderSize(part, runBuffer)})
		from = end
	}
	runs = append(runs, &run{gathered: o.gathered})
	for _, r := range runs {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	runs = slices.DeleteFunc(runs, func(r *run) bool { return r.ended })
	heap.Init(&runs)
	var t twice
	for len(runs) > 0 {
		r := runs[0]
		t.see(r.head)
		if err := r.next(); err != nil {
			return 0, err
		}
		if r.ended {
			heap.Pop(&runs)
		} else {
			heap.Fix(&runs, 0)
		}
	}
	return t.first, nil
}

// close gives the file up.
func (o *once) close() {
	if o.file != nil {
		_ = o.file.Close() // it was only for us, and was read
	}
}

// run is a sorted run of beginnings: what was put aside, or what is in memory.
type run struct {
	head     beginning
	ended    bool
	rest     *bufio.Reader // nil: gathered
	gathered []beginning
}

func (r *run) next() error {
	if r.rest == nil {
		if r.ended = len(r.gathered) == 0; !r.ended {
			r.head, r.gathered = r.gathered[0], r.gathered[1:]
		}
		return nil
	}
	var record [beginningBytes]byte
	if _, err := io.ReadFull(r.rest, record[:]); errors.Is(err, io.EOF) {
		r.ended = true
		return nil
	} else if err != nil {
		return err
	}
	r.head = beginning{
		high: binary.BigEndian.Uint64(record[0:]),
		low:  binary.BigEndian.Uint64(record[8:]),
		seq:  binary.BigEndian.Uint64(record[16:]),
	}
	return nil
}

// runs is a heap by their heads.
type runs []*run

// Len is for the heap, as is what follows.
func (r runs) Len() int { return len(r) }

// Less orders by head.
func (r runs) Less(i, j int) bool { return r[i].head.compare(r[j].head) < 0 }

// Swap exchanges two runs.
func (r runs) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Push adds a run.
func (r *runs) Push(x any) { *r = append(*r, x.(*run)) }

// Pop removes the last run.
func (r *runs) Pop() any {
	old := *r
	last := old[len(old)-1]
	*r = old[:len(old)-1]
	return last
}
