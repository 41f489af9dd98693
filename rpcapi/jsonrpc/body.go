package jsonrpc

import (
	"errors"
	"io"
	"sync/atomic"
)

// freeBody is how much of each body needs no share: connections bound how many
// of them there are.
const freeBody = 64 << 10

// errNoShare says that bodies have all the memory that they may have.
var errNoShare = errors.New("too many bodies at the same time")

// budget is how many bytes of bodies there may still be. A few strangers who
// send much, slowly, would have all memory without it.
type budget struct{ left atomic.Int64 }

// share is a body that takes from a budget as it comes in: an announcement costs
// nothing.
type share struct {
	of    *budget
	body  io.Reader
	free  int   // bytes that needed no share
	taken int64 // until it is given back
}

// Read implements [io.Reader].
func (s *share) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	free := min(n, freeBody-s.free)
	s.free += free
	if n > free {
		s.taken += int64(n - free)
		if s.of.left.Add(-int64(n-free)) < 0 {
			return 0, errNoShare
		}
	}
	return n, err
}

func (s *share) giveBack() { s.of.left.Add(s.taken) }
