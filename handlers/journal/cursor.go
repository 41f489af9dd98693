package journal

import (
	"context"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

// Cursor is how far a subscription has come: a place in the log and the seal of
// the commit around it. The seal tells whether the log is still the one in which
// the place was: numbers are given again when Redis lost the end of a log. The zero
// Cursor is before the first event.
type Cursor struct {
	Seq  uint64
	Seal signing.Seal
}

// IsZero reports whether the cursor is before the first event.
func (c Cursor) IsZero() bool { return c.Seq == 0 }

// Append appends the cursor's one spelling: the place, a space, and the seal.
func (c Cursor) Append(dst []byte) []byte {
	return c.Seal.Append(append(strconv.AppendUint(dst, c.Seq, 10), ' '))
}

// ParseCursor reads what Append writes, of a partition's log. Its error is
// [domain.Invalid] with the reason cursor.
func ParseCursor(namespace domain.Name, partition uint16, text string) (Cursor, error) {
	place, wire, _ := strings.Cut(text, " ")
	seq, err := strconv.ParseUint(place, 10, 64)
	if err != nil {
		return Cursor{}, badCursor()
	}
	seal, err := signing.ParseSeal(string(namespace), partition, []byte(wire))
	c := Cursor{seq, seal}
	if err != nil || seq < seal.First || seq > seal.Last() || string(c.Append(nil)) != text {
		return Cursor{}, badCursor()
	}
	return c, nil
}

func badCursor() error {
	return domain.Errorf(domain.Invalid, "cursor", "a cursor is a place and the seal of the commit around it")
}

// Cursors keeps cursors by the names of subscriptions. It is safe for concurrent
// use.
type Cursors interface {
	// Load returns a cursor; the zero one, and false, when there is none that can
	// be read.
	Load(ctx context.Context, name domain.Name) (c Cursor, found bool, err error)
	// Save keeps a cursor if term is the lease's. [eventstore.ErrConflict] means
	// that it is not, and that nothing was written.
	Save(ctx context.Context, term uint64, name domain.Name, c Cursor) error
}
