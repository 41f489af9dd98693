// Package proofs reads whole commits from a log around a place in it, so that
// what stands there can be proved to somebody who trusts nothing but keys.
//
//	commit, err := source.Commit(ctx, seq)
//	proof := proofs.Of(commit, seq)
package proofs

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// Log is read for proofs.
type Log interface {
	Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error)
}

// Source is a partition's log.
type Source struct {
	Log       Log
	Namespace domain.Name
	Partition uint16
}

// Commit returns the commit that holds the event at a place, or nil when there
// is none that is whole: a log that ends before the place, or within the
// commit. It compares the events with the seal's root. Whether the seal is good
// is for whoever knows the keys to say.
//
// Entries that are no events, and a root that does not fit, are
// [*history.Fault]s.
func (s *Source) Commit(ctx context.Context, seq uint64) (*history.Commit, error) {
	if seq == 0 {
		return nil, nil
	}
	raws, err := s.Log.Read(ctx, seq-1, signing.MaxSealed)
	end := slices.IndexFunc(raws, func(r history.Raw) bool { return len(r.Seal) > 0 })
	if _, isFault := history.IsFault(err); err != nil && (!isFault || end < 0) {
		return nil, err // a fault behind the seal is not this commit's
	}
	if end < 0 || raws[0].Seq != seq {
		return nil, nil
	}
	seal, err := signing.ParseSeal(string(s.Namespace), s.Partition, raws[end].Seal)
	if err != nil {
		return nil, &history.Fault{Seq: raws[end].Seq, Why: err}
	}
	if seal.Last() != raws[end].Seq || seal.First > seq {
		return nil, fault(raws[end].Seq, "a seal of the events %d to %d stands at %d", seal.First, seal.Last(), raws[end].Seq)
	}
	raws = raws[:end+1]
	if seal.First < seq {
		if raws, err = s.Log.Read(ctx, seal.First-1, int(seal.Count)); err != nil {
			return nil, err
		}
	}
	return s.join(raws, seal)
}

// join puts the entries of one commit together.
func (s *Source) join(raws []history.Raw, seal signing.Seal) (*history.Commit, error) {
	reader := history.NewReader(string(s.Namespace), s.Partition, seal.First-1)
	var commit *history.Commit
	for _, raw := range raws {
		if commit != nil {
			return nil, fault(raw.Seq, "the events up to %d have a seal within", seal.Last())
		}
		var err error
		if commit, err = reader.Next(raw); err != nil {
			return nil, err
		}
	}
	if commit == nil || commit.Seal != seal || signing.Root(Leaves(commit)) != seal.Root {
		return nil, fault(seal.First, "the events up to %d are not those that were sealed", seal.Last())
	}
	return commit, nil
}

// Leaves returns the leaves of a commit's tree.
func Leaves(c *history.Commit) []signing.Hash {
	leaves := make([]signing.Hash, len(c.Entries))
	for i := range c.Entries {
		leaves[i] = c.Entries[i].Hash
	}
	return leaves
}

// Of proves the event at a place of a commit.
func Of(c *history.Commit, seq uint64) signing.Proof {
	i := int(seq - c.Seal.First) //nolint:gosec // below MaxSealed
	return signing.Proof{Event: c.Entries[i].Bytes, Seq: seq, Path: signing.Path(Leaves(c), i), Seal: c.Seal}
}

func fault(seq uint64, format string, args ...any) error {
	return &history.Fault{Seq: seq, Why: domain.Errorf(domain.Halted, "tampered", format, args...)}
}
