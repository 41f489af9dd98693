package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/signing"
)

// Options say which history is meant and what is known about it beforehand.
type Options struct {
	Namespace domain.Name // required
	Partition uint16
	// Trust is the fingerprint of the founding, as [Fingerprint] computes it.
	// The zero Hash trusts any founding, and the verdict says so.
	Trust signing.Hash
	// Head is a place that an earlier audit proved; nil if nobody remembers
	// one. A log that lacks it is found to be tampered with.
	Head *Head
	// Progress, if set, is told now and then how many entries were read, and
	// how many there are.
	Progress func(done, total uint64)
	// Seen, if set, is told every commit that fits what came before it. Whether
	// its signatures hold is known with the verdict only.
	Seen func(*history.Commit)
}

// Fingerprint names a history by its founding, the first event of its log: the
// Merkle leaf hash (RFC 6962) of the event's bytes.
func Fingerprint(founding []byte) signing.Hash { return signing.LeafHash(founding) }

// rememberedKeys bounds the keys whose tables are kept, at 1.5 KiB each. More
// keys than these in turn make checks slower and change nothing else.
const rememberedKeys = 1024

var errEmpty = errors.New("the log is empty")

// Verify reads a history from its founding to the source's end and judges it.
// Everything that it meets there is a verdict, also that reading failed or ctx
// ended ([CannotTell]); an error, which has [domain.Invalid], is about the
// options.
//
// It holds in memory a few pages of the log and the state of what is open: jobs
// without an outcome, runner ids and processes that did not say that they left.
// Of what ended it keeps a few bytes, which go to a temporary file when there
// are very many.
func Verify(ctx context.Context, source Source, o Options) (Verdict, error) {
	if _, err := domain.ParseName(string(o.Namespace)); err != nil {
		return Verdict{}, err
	}
	if h := o.Head; h != nil && (h.Namespace != o.Namespace || h.Partition != o.Partition) {
		return Verdict{}, domain.Errorf(domain.Invalid, "head", "the head that was remembered is of %s, not of %s",
			place(h.Namespace, h.Partition), place(o.Namespace, o.Partition))
	}
	if f, ok := source.(*File); ok && (f.Namespace != o.Namespace || f.Partition != o.Partition) {
		return Verdict{}, domain.Errorf(domain.Invalid, "export", "the file is of %s, not of %s",
			place(f.Namespace, f.Partition), place(o.Namespace, o.Partition))
	}
	verifier := signing.NewVerifier(rememberedKeys)
	a := &auditor{
		options: o,
		source:  source,
		reader:  history.NewReader(string(o.Namespace), o.Partition, 0),
		chain:   history.NewChain(string(o.Namespace), o.Partition, verifier),
		notary:  newNotary(verifier),
		begun:   newOnce(),
		jobs:    Jobs{Failed: map[string]uint64{}},
	}
	defer a.begun.close()
	return a.verdict(a.settle(a.read(ctx))), nil
}

// auditor is one audit on its way.
type auditor struct {
	options Options
	source  Source
	reader  *history.Reader
	chain   *history.Chain
	notary  *notary
	begun   *once // jobs and processes

	jobs                Jobs         // that ended
	gaps                []Gap        // that were declared
	missed              error        // the head that was remembered is not in the log
	founding            signing.Hash // fingerprint of the log's; zero before it was met
	commits, signatures uint64
}

// read reads and examines the log up to its end, or to the first thing that is
// wrong; signatures may be left to the notary.
func (a *auditor) read(ctx context.Context) error {
	ahead := readAhead(ctx, a.source)
	defer ahead.stop()
	for {
		page, err := ahead.next()
		for _, raw := range page {
			if err := a.take(raw); err != nil {
				return err
			}
		}
		if a.options.Progress != nil && len(page) > 0 {
			a.options.Progress(page[len(page)-1].Seq, a.source.End())
		}
		switch {
		case errors.Is(err, io.EOF):
			return a.end()
		case err != nil:
			return err
		}
	}
}

// take reads an entry, and examines the commit that it ends.
func (a *auditor) take(raw history.Raw) error {
	commit, err := a.reader.Next(raw)
	if err != nil || commit == nil {
		return err
	}
	signatures, err := a.chain.Examine(commit)
	a.commits++
	a.signatures += uint64(len(signatures.Checks))
	if full := a.retire(commit, err); err == nil {
		err = full
	}
	if forged := a.notary.ask(signatures); err == nil {
		err = forged
	}
	if err != nil {
		return err
	}
	if commit.Seal.First == 1 {
		if err := a.meet(commit.Entries[0].Hash); err != nil {
			return err
		}
	}
	if a.options.Seen != nil {
		a.options.Seen(commit)
	}
	a.compare(&commit.Seal)
	return nil
}

// retire remembers what began in a commit and forgets what ended. wrong is what
// was found in it: up to there its events stand. Its error is that of a full or
// broken disk.
func (a *auditor) retire(commit *history.Commit, wrong error) error {
	end, tampered := history.IsFault(wrong)
	for i := range commit.Entries {
		e := &commit.Entries[i]
		if tampered && e.Seq >= end {
			return nil
		}
		if e.Begins() && (e.Aggregate.Kind == event.Job || e.Aggregate.Kind == event.Report) {
			if err := a.begun.begin(e.Aggregate.String(), e.Seq); err != nil {
				return err
			}
		}
		if lost, ok := e.Data.(loss.Lost); ok {
			a.gaps = append(a.gaps, Gap{lost.From, lost.Seal.Last(), lost.Seal.Hash().String(), e.Seq, e.Actor, e.At})
		}
		if j, ended := a.chain.State.Forget(e); ended {
			a.jobs.add(j)
		}
	}
	return nil
}

// meet compares the founding with the one that is trusted.
func (a *auditor) meet(founding signing.Hash) error {
	a.founding = founding
	if trust := a.options.Trust; !trust.IsZero() && founding != trust {
		return fault(1, "the history was founded by %s, and %s is trusted: is this the right Redis, namespace and state directory?", founding, trust)
	}
	return nil
}

// compare looks for the head that was remembered. A commit that contains its
// place has its seal, or the log went another way since; whether it says so is
// known at its end.
func (a *auditor) compare(s *signing.Seal) {
	h := a.options.Head
	if h == nil || h.Seq < s.First || h.Seq > s.Last() || h.Seq == s.Last() && h.Seal == s.Hash() {
		return
	}
	a.missed = fault(s.First, "the seal that was remembered at seq %d is not in the log, which was rewritten here or before", h.Seq)
}

// end judges the end of the log.
func (a *auditor) end() error {
	if err := a.reader.End(); err != nil {
		return err
	}
	last := a.chain.Head().Seq
	if h := a.options.Head; h != nil && last < h.Seq {
		a.missed = fault(last+1, "the log ends at seq %d; the head that was remembered is %d", last, h.Seq)
	}
	if last == 0 {
		return errEmpty
	}
	return nil
}

// unexplained returns what is wrong with the end that was remembered, unless a
// declared gap holds its place. The end of a gap is its seal's.
func (a *auditor) unexplained() error {
	h := a.options.Head
	if a.missed == nil || slices.ContainsFunc(a.gaps, func(g Gap) bool {
		return g.From <= h.Seq && (h.Seq < g.To || h.Seq == g.To && h.Seal.String() == g.Seal)
	}) {
		return nil
	}
	return a.missed
}

// settle waits for what is found out beside the reading: signatures that do not
// hold, and ids that were used twice. That is a fault whatever else ended the
// reading, and perhaps the earlier one.
func (a *auditor) settle(err error) error {
	again, unread := a.begun.again()
	repeated := unread
	if again != 0 {
		repeated = fault(again, "a job or a process begins here that had begun before")
	}
	for _, found := range []error{repeated, a.notary.settle(), a.unexplained()} {
		_, was := history.IsFault(err)
		_, is := history.IsFault(found)
		switch {
		case is && !was:
			err = found
		case is:
			err = history.Earlier(found, err)
		case err == nil:
			err = found
		}
	}
	return err
}

// verdict says what was found; err is what ended the reading.
func (a *auditor) verdict(err error) Verdict {
	v := Verdict{
		Namespace: a.options.Namespace, Partition: a.options.Partition,
		Founding: a.founding, Trusted: !a.founding.IsZero() && a.founding == a.options.Trust,
	}
	seq, tampered := history.IsFault(err)
	switch {
	case tampered:
		v.Finding, v.Seq, v.Why = Tampered, seq, why(err)
	case err != nil:
		v.Finding, v.Why = CannotTell, printable(err.Error())
	default:
		head := a.chain.Head()
		v.Finding, v.Seq, v.Seal, v.Time = Valid, head.Seq, head.Seal, head.Latest
		if v.Counts, v.Gaps = a.count(), a.gaps; len(a.gaps) > 0 {
			v.Finding = Lost
		}
	}
	return v
}

// count counts what the log says.
func (a *auditor) count() Counts {
	state := a.chain.State
	c := Counts{
		Events: a.chain.Head().Seq, Commits: a.commits, Signatures: a.signatures,
		Keys: map[string]uint64{}, Jobs: a.jobs,
	}
	for _, key := range state.Access.Keys() {
		if key.Number != 0 { // one that was revoked need not have been admitted
			c.Keys[string(key.Class)]++
		}
	}
	for _, r := range state.Runners {
		if !r.Pin.IsZero() {
			c.FirstUse++
		}
	}
	for _, j := range state.Jobs {
		c.Jobs.add(j)
	}
	return c
}

// add counts a job; one that nobody submitted is none.
func (c *Jobs) add(j job.State) {
	if j.Status == job.None {
		return
	}
	c.Total++
	switch j.Status {
	case job.Done:
		c.Completed++
	case job.Broken:
		c.Failed[string(j.Failure)]++
	case job.None, job.Created, job.Waiting, job.Running:
		c.Open++
	}
}

func fault(seq uint64, format string, args ...any) error {
	return &history.Fault{Seq: seq, Why: domain.Errorf(domain.Halted, "tampered", format, args...)}
}

// why is a fault's reason without its place, which the verdict names itself.
func why(err error) string {
	if f, ok := errors.AsType[*history.Fault](err); ok {
		err = f.Why
	}
	return printable(err.Error())
}

// place names a partition for people.
func place(namespace domain.Name, partition uint16) string {
	return fmt.Sprintf("%s p%03d", namespace, partition)
}
