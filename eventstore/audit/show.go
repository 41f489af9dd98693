package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
)

// MaxShown is how many entries are shown at once.
const MaxShown = 1000

// Shown is an entry of a log, and what an audit of everything up to its commit
// says of it.
type Shown struct {
	Seq   uint64
	Event []byte         // as stored
	Hash  signing.Hash   // Merkle leaf
	Path  []signing.Hash // from the leaf to the root of its commit
	Seal  *signing.Seal  // of its commit; nil when there is none that can be read
	Why   string         // it is not proved; empty when seal, path and all before it hold
}

// Show reads entries of a history, from the first to the last place given, and
// verifies everything up to the commit of the last. What was tampered with is
// shown as it stands. The error has [domain.NotFound] when the log ends before
// the first place, and [domain.Invalid] when the places are not in order or too
// many.
func Show(ctx context.Context, source Source, o Options, from, to uint64) ([]Shown, Verdict, error) {
	if from == 0 || to < from || to-from >= MaxShown {
		return nil, Verdict{}, domain.Errorf(domain.Invalid, "range", "entries are shown from a place to the same or a later one, at most %d at once", MaxShown)
	}
	w := &window{Source: source, from: from, to: to}
	verdict, err := Verify(ctx, w, o)
	if err != nil {
		return nil, verdict, err
	}
	shown := w.shown(o, &verdict)
	if len(shown) == 0 && verdict.Finding != Tampered {
		return nil, verdict, domain.Errorf(domain.NotFound, "seq", "the log ends at seq %d", source.End())
	}
	return shown, verdict, nil
}

// window is a source that ends with the commit of a place, and keeps the
// commits that hold the places from another one on.
type window struct {
	Source

	from, to uint64
	commits  [][]history.Raw // that were kept, and the one that is being read
	ended    bool
}

// End is where the window ends, or the log if that is sooner.
func (w *window) End() uint64 { return min(w.Source.End(), w.to) }

// Next reads a page up to the end of the window.
func (w *window) Next(ctx context.Context) ([]history.Raw, error) {
	if w.ended {
		return nil, io.EOF
	}
	raws, err := w.Source.Next(ctx)
	for i, raw := range raws {
		if w.ended = w.keep(raw); w.ended {
			return raws[:i+1], io.EOF
		}
	}
	return raws, err
}

// keep takes an entry and reports whether it is the last that is needed.
func (w *window) keep(raw history.Raw) (last bool) {
	if len(w.commits) == 0 {
		w.commits = append(w.commits, nil)
	}
	open := &w.commits[len(w.commits)-1]
	*open = append(*open, raw)
	if len(raw.Seal) == 0 {
		return false
	}
	if raw.Seq >= w.to {
		return true
	}
	if raw.Seq >= w.from {
		w.commits = append(w.commits, nil)
	} else {
		*open = (*open)[:0]
	}
	return false
}

// shown returns the entries of the window.
func (w *window) shown(o Options, v *Verdict) []Shown {
	var all []Shown
	for _, commit := range w.commits {
		leaves := make([]signing.Hash, len(commit))
		for i, raw := range commit {
			leaves[i] = signing.LeafHash(raw.Event)
		}
		var seal *signing.Seal
		if len(commit) > 0 {
			if s, err := signing.ParseSeal(string(o.Namespace), o.Partition, commit[len(commit)-1].Seal); err == nil {
				seal = &s
			}
		}
		for i, raw := range commit {
			if raw.Seq < w.from || raw.Seq > w.to {
				continue
			}
			all = append(all, Shown{
				Seq: raw.Seq, Event: bytes.Clone(raw.Event), Hash: leaves[i], Path: signing.Path(leaves, i), Seal: seal,
				Why: doubt(v, commit[len(commit)-1].Seq),
			})
		}
	}
	return all
}

// doubt says why a commit that ends with a place is not proved. It is proved as
// a whole or not at all.
func doubt(v *Verdict, end uint64) string {
	switch {
	case v.Finding.Proved(), v.Finding == Tampered && end < v.Seq:
		return ""
	case v.Finding == Tampered:
		return fmt.Sprintf("tampered at seq %d: %s", v.Seq, v.Why)
	}
	return "cannot tell: " + v.Why
}

// MarshalJSON writes the entry for programs: the event as its exact bytes in a
// string, or in base64 as raw when they are no text.
func (s Shown) MarshalJSON() ([]byte, error) {
	doc := struct {
		Seq      uint64        `json:"seq"`
		Proved   bool          `json:"proved"`
		Why      string        `json:"why,omitempty"`
		Event    string        `json:"event,omitempty"`
		Raw      []byte        `json:"raw,omitempty"`
		Hash     string        `json:"hash"`
		Path     []string      `json:"path"`
		Seal     string        `json:"seal,omitempty"`
		SealHash string        `json:"seal_hash,omitempty"`
		Key      signing.KeyID `json:"key,omitempty"`
	}{Seq: s.Seq, Proved: s.Why == "", Why: s.Why, Hash: s.Hash.String(), Path: make([]string, len(s.Path))}
	if utf8.Valid(s.Event) {
		doc.Event = string(s.Event)
	} else {
		doc.Raw = s.Event
	}
	for i, h := range s.Path {
		doc.Path[i] = h.String()
	}
	if s.Seal != nil {
		doc.Seal, doc.SealHash, doc.Key = string(s.Seal.Append(nil)), s.Seal.Hash().String(), s.Seal.Key
	}
	return json.Marshal(doc)
}

// String says the entry to people, in a few lines.
func (s Shown) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	line := func(name, format string, args ...any) { _, _ = fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	line("seq", "%d%s", s.Seq, s.place())
	if e, err := event.Parse(s.Event); err == nil {
		line("event", "%s, version %d of %s", e.Type, e.Version, e.Aggregate)
		line("time", "%s", e.At)
		line("actor", "%s", printable(string(e.Actor)))
		if e.Cause != "" {
			line("cause", "%s", printable(e.Cause))
		}
		if text, ok := meaning(s.Seq, s.Event); ok {
			line("says", "%s", text)
		}
	}
	line("hash", "%s", s.Hash)
	if s.Seal != nil {
		line("seal", "%s", s.Seal.Hash())
		line("sealed by", "key %s in term %d, behind %d statements", s.Seal.Key, s.Seal.Term, s.Seal.Statements)
	}
	if s.Why == "" {
		line("proved", "seal, key and path hold, and so does everything before")
	} else {
		line("not proved", "%s", s.Why)
	}
	_ = w.Flush() // to memory
	return b.String() + printable(string(s.Event))
}

// place says where in its commit an entry stands.
func (s *Shown) place() string {
	if s.Seal == nil || s.Seq < s.Seal.First || s.Seq > s.Seal.Last() {
		return " (in no commit whose seal can be read)"
	}
	if s.Seal.Count == 1 {
		return " (a commit of its own)"
	}
	return fmt.Sprintf(" (in the commit of %d to %d)", s.Seal.First, s.Seal.Last())
}
