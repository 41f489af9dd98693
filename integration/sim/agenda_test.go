package sim

import (
	"testing"
	"time"
)

// The agenda hands out what is due first, and what was put on it first of what is
// due together.
func TestAgendaIsInOrder(t *testing.T) {
	var a agenda
	for i, at := range []time.Duration{5, 3, 9, 3, 1, 5, 0, 3} {
		a.push(item{at: at, order: uint64(i)}) //nolint:gosec // not negative
	}
	var last item
	for n := 0; len(a) > 0; n++ {
		it := a.pop()
		if n > 0 && (it.at < last.at || it.at == last.at && it.order < last.order) {
			t.Errorf("%d/%d comes behind %d/%d", it.at, it.order, last.at, last.order)
		}
		last = it
	}
}
