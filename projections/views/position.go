package views

import (
	"math"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// Position is what was projected, and into which generation. The zero Position
// is a partition of which nothing was.
type Position struct {
	// Term is the lease's, written here by whoever takes the lease: from then
	// on no engine of an older term commits.
	Term       uint64
	Seq        uint64       // of the last event that was folded; always the end of a commit
	Seal       signing.Hash // of that commit
	Latest     event.Time   // latest time that any event up to Seq bears
	Live       uint64       // generation that is read
	Filling    uint64       // generation that a rebuild fills; 0 if none does
	Statements uint64       // how many there are up to Seq
	Census     Census
}

// Census is how much there must be. A difference to what there is means that
// somebody removed or added something behind the engine's back.
type Census struct {
	Fields  [NumTables]uint64 // of each table
	Entries uint64            // of all work queues together
	Due     uint64            // times at which something is due
}

// Condemned returns the census of views that must be built again: none agrees
// with it.
func Condemned() (c Census) {
	for i := range c.Fields {
		c.Fields[i] = math.MaxUint64
	}
	return c
}

// PositionFields are the names under which a position is kept, in the order of
// [Position.Values].
func PositionFields() []string {
	return []string{"term", "seq", "seal", "latest", "live", "filling", "statements", "census"}
}

// Values returns the position's values as texts.
func (p *Position) Values() []string {
	return []string{
		number(p.Term), number(p.Seq), p.Seal.String(), number(uint64(max(p.Latest, 0))), //nolint:gosec // not negative
		number(p.Live), number(p.Filling), number(p.Statements), p.Census.String(),
	}
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// ParsePosition reads what Values wrote; a missing value is an empty text. A
// position that is not whole is [ErrDamaged], and what could be read of it is
// returned nevertheless; one that holds a term at most is nobody's yet and no
// error.
func ParsePosition(values []string) (Position, error) {
	var p Position
	if len(values) != len(PositionFields()) {
		return p, ErrDamaged
	}
	good, begun := true, false
	read := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 10, 64)
		good = good && err == nil && number(n) == text
		return n
	}
	for _, v := range values[1:] {
		begun = begun || v != ""
	}
	if values[0] != "" {
		p.Term = read(values[0])
	}
	if !begun {
		return p, damaged(good)
	}
	p.Seq, p.Live, p.Filling, p.Statements = read(values[1]), read(values[4]), read(values[5]), read(values[6])
	p.Latest = event.Time(read(values[3]) & (1<<63 - 1)) //nolint:gosec // masked
	var err1, err2 error
	p.Seal, err1 = signing.ParseHash(values[2])
	p.Census, err2 = parseCensus(values[7])
	return p, damaged(good && values[0] != "" && err1 == nil && err2 == nil)
}

func damaged(good bool) error {
	if good {
		return nil
	}
	return ErrDamaged
}

// String returns the counts in the order of [Tables], then the queue entries and
// the due times, separated by commas.
func (c Census) String() string {
	b := make([]byte, 0, 64)
	for _, n := range c.Fields {
		b = append(strconv.AppendUint(b, n, 10), ',')
	}
	b = append(strconv.AppendUint(b, c.Entries, 10), ',')
	return string(strconv.AppendUint(b, c.Due, 10))
}

func parseCensus(text string) (Census, error) {
	var c Census
	parts := strings.Split(text, ",")
	var n [NumTables + 2]uint64
	if len(parts) != len(n) {
		return c, ErrDamaged
	}
	for i, part := range parts {
		var err error
		if n[i], err = strconv.ParseUint(part, 10, 64); err != nil {
			return c, ErrDamaged
		}
	}
	copy(c.Fields[:], n[:NumTables])
	c.Entries, c.Due = n[NumTables], n[NumTables+1]
	if c.String() != text {
		return c, ErrDamaged
	}
	return c, nil
}

// ErrDamaged means that views or queues are not as they were written: a value
// that cannot be read, a count that differs, a command of a transaction that
// failed alone. Nobody decides upon them until they were built again.
var ErrDamaged error = domain.Errorf(domain.Halted, "views_damaged",
	"the read models are not as they were written; they are built again when the supervisor next takes the lead, or by horus rebuild")
