// Package nonces is the read model of the nonces that keys have spent, so that a
// leader finds which job has one that is not in its memory.
//
// Its table holds <key id>/<nonce> → the place of the submission that spent it
// last, and until when. Those that are good again have to go, and no event says
// when: so all stand in a line besides, and each time that one is spent, the two
// that stand first are looked at. A nonce that is good again by the time of that
// very event is dropped, any other goes to the end of the line. So the table is
// a function of the log alone, whatever was folded together, and has never more
// than three times as many nonces as were spent at one time. Where no job has a
// nonce nothing is done.
package nonces

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/projections/views"
)

// Looks is how many nonces are looked at whenever one is spent: with one, the
// line would not get shorter when all of them are good again.
const Looks = 2

// ends is the field that says where the line begins and ends. No key id looks
// like it.
const ends = "#"

// Spent is what is known of a nonce.
type Spent struct {
	Seq   uint64     // place of the submission
	Until event.Time // the job's not_after
}

// Append appends "<place> <microseconds>".
func (s Spent) Append(dst []byte) []byte {
	dst = append(strconv.AppendUint(dst, s.Seq, 10), ' ')
	return strconv.AppendInt(dst, int64(s.Until), 10)
}

// Parse reads what Append writes. What it cannot read is [views.ErrDamaged].
func Parse(data []byte) (Spent, error) {
	seq, until, err := pair(string(data))
	return Spent{seq, event.Time(until)}, err //nolint:gosec // pair has it that it is a time
}

// line is where the line begins, and the place behind its end. What stands at a
// place n is in the field #<n>.
type line struct{ first, next uint64 }

func (l line) text() string {
	return strconv.FormatUint(l.first, 10) + " " + strconv.FormatUint(l.next, 10)
}

func slot(n uint64) string { return ends + strconv.FormatUint(n, 10) }

// pair reads two numbers, each of which an [event.Time] can hold.
func pair(text string) (a, b uint64, err error) {
	left, right, _ := strings.Cut(text, " ")
	a, err1 := strconv.ParseUint(left, 10, 63)
	b, err2 := strconv.ParseUint(right, 10, 63)
	if err1 != nil || err2 != nil || (line{a, b}).text() != text {
		return 0, 0, views.ErrDamaged
	}
	return a, b, nil
}

// Book is the part of the table that some spendings change. The zero Book is
// empty.
type Book struct {
	stored, now map[string]string
}

// Missing returns the fields that the book lacks for those nonces to be spent.
// Whoever has read them all, and told [Book.Take], asks again, until none is
// missing: where the line begins, then who stands there, then what is known of
// those. One may be named twice.
func (b *Book) Missing(spent []string) (names []string) {
	want := func(name string) (value string, known bool) {
		if value, known = b.now[name]; !known {
			names = append(names, name)
		}
		return value, known
	}
	for _, nonce := range spent {
		want(nonce)
	}
	if _, known := want(ends); !known {
		return names
	}
	l, err := b.line()
	if err != nil {
		return names // Spend says so
	}
	for n := l.first; n < min(l.next, l.first+uint64(Looks*len(spent))); n++ {
		if nonce, known := want(slot(n)); known && nonce != "" {
			want(nonce)
		}
	}
	return names
}

// Take takes fields that were read; nil for one that is not there.
func (b *Book) Take(names []string, values [][]byte) {
	if b.stored == nil {
		b.stored, b.now = map[string]string{}, map[string]string{}
	}
	for i, name := range names {
		b.stored[name], b.now[name] = string(values[i]), string(values[i])
	}
}

// Spend has a nonce spent at a time, after a look at those that stand first. It
// is [views.ErrDamaged] when somebody stands in the line of whom nothing is
// known.
func (b *Book) Spend(nonce string, s Spent, at event.Time) error {
	l, err := b.line()
	if err != nil {
		return err
	}
	for range min(Looks, l.next-l.first) {
		who := b.now[slot(l.first)]
		known, err := Parse([]byte(b.now[who]))
		if err != nil {
			return err
		}
		b.now[slot(l.first)] = ""
		l.first++
		if known.Until < at {
			b.now[who] = ""
		} else {
			b.join(&l, who)
		}
	}
	if b.now[nonce] == "" {
		b.join(&l, nonce)
	}
	b.now[nonce], b.now[ends] = string(s.Append(nil)), l.text()
	return nil
}

// join puts a nonce at the end of the line.
func (b *Book) join(l *line, nonce string) {
	b.now[slot(l.next)] = nonce
	l.next++
}

func (b *Book) line() (l line, err error) {
	if text := b.now[ends]; text != "" {
		l.first, l.next, err = pair(text)
	}
	return l, err
}

// Change is what a field held and holds, empty where there is none.
type Change struct{ Was, Is string }

// Changed yields the fields that were changed, in order.
func (b *Book) Changed(yield func(name string, c Change) bool) {
	for _, name := range slices.Sorted(maps.Keys(b.now)) {
		if c := (Change{b.stored[name], b.now[name]}); c.Was != c.Is && !yield(name, c) {
			return
		}
	}
}
