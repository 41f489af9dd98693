package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/proofs"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// scan looks for some events, commit by commit, because a commit proves its
// events.
type scan struct {
	api   *API
	query *wire.EventQuery
	page  *wire.EventPage
	bound uint64 // what is behind it is not told
	left  int    // events that still fit the page
	size  int    // bytes of those that are in it
}

// run fills the page. It begins with the commit in which the last page ended.
func (s *scan) run(ctx context.Context) error {
	keys, err := s.api.cfg.Backend.System.Access(ctx)
	if err != nil {
		return err
	}
	log, namespace := s.api.cfg.Backend.Log, keys.Founding.Namespace
	first, err := (&proofs.Source{Log: log, Namespace: namespace}).Commit(ctx, s.page.Next+1)
	if err != nil || first == nil || !s.take(first) {
		return err
	}
	reader := history.NewReader(string(namespace), 0, first.Seal.Last())
	at := first.Seal.Last()
	for scanned := 0; scanned < maxScanned; {
		raws, err := log.Read(ctx, at, eventsAtOnce)
		for _, raw := range raws {
			commit, err := reader.Next(raw)
			if err != nil {
				return s.unless(err)
			}
			if commit != nil && !s.take(commit) {
				return nil
			}
			at = raw.Seq
		}
		if err != nil || len(raws) < eventsAtOnce {
			return s.unless(err)
		}
		scanned += len(raws)
	}
	return nil
}

// unless returns err unless something stands before it.
func (s *scan) unless(err error) error {
	if s.page.Next > s.query.After {
		return nil
	}
	return err
}

// take takes what is wanted of a commit and reports whether there is room for
// more.
func (s *scan) take(c *history.Commit) bool {
	if c.Seal.Last() > s.bound {
		return false
	}
	var leaves []signing.Hash
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Seq <= s.page.Next {
			continue
		}
		if wanted(s.query, e) {
			if s.left == 0 || s.size >= maxEventBytes {
				return false
			}
			if leaves == nil {
				leaves = proofs.Leaves(c)
			}
			s.keep(c, e, signing.Path(leaves, i))
		}
		s.page.Next = e.Seq
	}
	return true
}

func (s *scan) keep(c *history.Commit, e *history.Entry, path []signing.Hash) {
	found := logEvent(history.Raw{Seq: e.Seq, Event: e.Bytes, Seal: c.Seal.Append(nil)})
	found.Path = make([]string, len(path))
	for i, hash := range path {
		found.Path[i] = hash.String()
	}
	s.page.Events = append(s.page.Events, found)
	s.left--
	s.size += sizeOf(e.Bytes)
}
