package history

import "sort"

// maxEnds bounds how many terms are remembered: with one a minute, the last
// month's.
const maxEnds = 1 << 16

// ends says where each term's part of a log ended.
type ends struct {
	unknown uint64 // no term before this one is remembered
	terms   []end  // ascending, and so are their places
}

type end struct{ term, last uint64 }

// extend notes the last place of a commit.
func (e *ends) extend(term, last uint64) {
	if n := len(e.terms); n > 0 && e.terms[n-1].term == term {
		e.terms[n-1].last = last
		return
	}
	if len(e.terms) == maxEnds {
		e.terms = append(e.terms[:0], e.terms[maxEnds/2:]...)
		e.unknown = e.terms[0].term
	}
	e.terms = append(e.terms, end{term, last})
}

// behind returns 1 + the last place that was sealed in the term or one before
// it, and 0 when that is not remembered.
func (e *ends) behind(term uint64) uint64 {
	later := sort.Search(len(e.terms), func(i int) bool { return e.terms[i].term > term })
	switch {
	case term < e.unknown:
		return 0
	case later == 0:
		return 1
	}
	return e.terms[later-1].last + 1
}
