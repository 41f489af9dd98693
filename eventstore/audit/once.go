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

	"github.com/herocode/horus/domain/event"
)

// trace is what stays of an aggregate's life when the auditor has forgotten it:
// where it began and what its last event was then, or that one came after that.
// The aggregate is named by a hash with a salt of the audit's own, so that nobody
// can make two ids that look like one: 128 bits of it tell apart what chance
// would ever bring together.
type trace struct {
	name
	seq  uint64 // of its first event, or of the one that came after
	left uint64 // the version of its last event then, or of that one, above two bits
}

type name struct{ high, low uint64 }

// The two bits.
const (
	final = 1 // nothing may follow
	after = 2 // it is of an event of a job that had been forgotten
)

func traceOf(n name, seq, version, bits uint64) trace { return trace{n, seq, version<<2 | bits} }

func (t trace) version() uint64 { return t.left >> 2 }

func (t trace) compare(u trace) int {
	return cmp.Or(cmp.Compare(t.high, u.high), cmp.Compare(t.low, u.low), cmp.Compare(t.seq, u.seq))
}

const traceBytes = 32

// maxTraces is how many traces are held in memory, at 32 bytes each.
const maxTraces = 1 << 17

// once finds, over a history of any length and in a bounded piece of memory,
// what nobody remembers any more who forgets what ended: aggregates that began
// twice, and events of forgotten jobs that do not follow the last one.
//
// Traces are gathered, sorted, and put aside in a temporary file when there are
// too many; the end merges what was put aside. A log of fewer aggregates than
// fit in memory touches no disk. The file has no name any more when it is
// written to: a crash anywhere leaves nothing behind.
type once struct {
	limit    int // of gathered
	salt     [16]byte
	open     map[name]uint64 // where those began that are not forgotten
	gathered []trace
	file     *os.File // nil until something was put aside
	ends     []int64  // where each sorted run in file ends
}

func newOnce() *once {
	o := &once{limit: maxTraces, open: map[name]uint64{}}
	_, _ = rand.Read(o.salt[:]) // never fails
	return o
}

func (o *once) name(a event.Aggregate) name {
	text := append(make([]byte, 0, 256), o.salt[:]...)
	text = append(append(append(text, a.Kind...), '/'), a.ID...)
	sum := sha256.Sum256(text)
	return name{binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])}
}

// begin remembers where an aggregate began.
func (o *once) begin(a event.Aggregate, seq uint64) { o.open[o.name(a)] = seq }

// end remembers that an aggregate is forgotten, whose last event has a version.
// last says that nothing can follow.
func (o *once) end(a event.Aggregate, version uint64, last bool) error {
	n := o.name(a)
	t := traceOf(n, o.open[n], version, 0)
	delete(o.open, n)
	return o.gather(t, last)
}

// follow remembers an event of an aggregate that was forgotten.
func (o *once) follow(a event.Aggregate, seq, version uint64, last bool) error {
	return o.gather(traceOf(o.name(a), seq, version, after), last)
}

func (o *once) gather(t trace, last bool) error {
	if last {
		t.left |= final
	}
	o.gathered = append(o.gathered, t)
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
	slices.SortFunc(o.gathered, trace.compare)
	w := bufio.NewWriterSize(o.file, 64<<10)
	var record [traceBytes]byte
	for _, t := range o.gathered {
		for i, field := range [...]uint64{t.high, t.low, t.seq, t.left} {
			binary.BigEndian.PutUint64(record[8*i:], field)
		}
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
	o.ends = append(o.ends, last+int64(len(o.gathered))*traceBytes)
	o.gathered = o.gathered[:0]
	return nil
}

// wrong returns the first place at which something stands that does not follow
// what was there of its aggregate before, 0 when there is none; begins says that
// it is a beginning.
func (o *once) wrong() (seq uint64, begins bool, err error) {
	for n, began := range o.open {
		if err := o.gather(traceOf(n, began, 0, 0), true); err != nil { // what still comes is judged by who remembers
			return 0, false, err
		}
	}
	clear(o.open)
	slices.SortFunc(o.gathered, trace.compare)
	var r reading
	if o.file == nil {
		for _, t := range o.gathered {
			r.see(t)
		}
	} else if err := o.merge(&r); err != nil {
		return 0, false, fmt.Errorf("read again which ids were used: %w", err)
	}
	return r.wrong, r.begins, nil
}

// reading sees traces in order and remembers the first by place that does not
// follow the one before it.
type reading struct {
	last   trace
	any    bool
	wrong  uint64
	begins bool
}

func (r *reading) see(t trace) {
	same := r.any && t.name == r.last.name
	begins := t.left&after == 0
	good := begins && !same || !begins && same && r.last.left&final == 0 && t.version() == r.last.version()+1
	if !good && (r.wrong == 0 || t.seq < r.wrong) {
		r.wrong, r.begins = t.seq, begins
	}
	r.last, r.any = t, true
}

// runBuffer is what is read of a run at once: a history of a thousand million
// jobs has four thousand runs.
const runBuffer = 8 << 10

func (o *once) merge(into *reading) error {
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
			return err
		}
	}
	runs = slices.DeleteFunc(runs, func(r *run) bool { return r.ended })
	heap.Init(&runs)
	for len(runs) > 0 {
		r := runs[0]
		into.see(r.head)
		if err := r.next(); err != nil {
			return err
		}
		if r.ended {
			heap.Pop(&runs)
		} else {
			heap.Fix(&runs, 0)
		}
	}
	return nil
}

// close gives the file up.
func (o *once) close() {
	if o.file != nil {
		_ = o.file.Close() // it was only for us, and was read
	}
}

// run is a sorted run of traces: what was put aside, or what is in memory.
type run struct {
	head     trace
	ended    bool
	rest     *bufio.Reader // nil: gathered
	gathered []trace
}

func (r *run) next() error {
	if r.rest == nil {
		if r.ended = len(r.gathered) == 0; !r.ended {
			r.head, r.gathered = r.gathered[0], r.gathered[1:]
		}
		return nil
	}
	var record [traceBytes]byte
	if _, err := io.ReadFull(r.rest, record[:]); errors.Is(err, io.EOF) {
		r.ended = true
		return nil
	} else if err != nil {
		return err
	}
	field := func(i int) uint64 { return binary.BigEndian.Uint64(record[8*i:]) }
	r.head = trace{name{field(0), field(1)}, field(2), field(3)}
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
