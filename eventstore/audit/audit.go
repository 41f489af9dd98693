package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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
		once:    newOnce(),
		jobs:    Jobs{Failed: map[string]uint64{}, States: map[string]uint64{}},
	}
	defer a.once.close()
	return a.verdict(a.settle(a.read(ctx))), nil
}

// auditor is one audit on its way.
type auditor struct {
	options Options
	source  Source
	reader  *history.Reader
	chain   *history.Chain
	notary  *notary
	once    *once // jobs and processes

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
		for i := range page {
			if err := a.take(&page[i]); err != nil {
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
func (a *auditor) take(entry *history.Parsed) error {
	commit, err := a.reader.Take(entry)
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
	forgotten := map[event.Aggregate]uint64{} // jobs of this commit, and up to which version nobody need be asked about them
	for i := range commit.Entries {
		e := &commit.Entries[i]
		if tampered && e.Seq >= end {
			return nil
		}
		switch data := e.Data.(type) {
		case loss.Lost:
			a.gaps = append(a.gaps, Gap{data.From, data.Seal.Last(), data.Seal.Hash().String(), e.Seq, e.Actor, e.At})
		case job.ReportRefused:
			a.jobs.Refused++
		}
		kind := e.Aggregate.Kind
		if kind != event.Job && kind != event.Report {
			continue
		}
		if e.Begins() {
			a.once.begin(e.Aggregate, e.Seq)
			forgotten[e.Aggregate] = math.MaxUint64 // until it ends: a commit that is wrong may not have been folded
		}
		j, ended := a.chain.State.Forget(e)
		var err error
		switch {
		case ended:
			a.jobs.add(endedBy(e, j))
			forgotten[e.Aggregate] = j.Version
			err = a.once.end(e.Aggregate, j.Version, kind == event.Report || j.Status == job.Erased)
		case kind == event.Job && !a.knows(e) && e.Version > forgotten[e.Aggregate]:
			_, last := e.Data.(job.Deleted)
			err = a.once.follow(e.Aggregate, e.Seq, e.Version, last)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endedBy returns a job as its end left it that was deleted in the same commit.
func endedBy(e *history.Entry, j job.State) job.State {
	if j.Status != job.Erased {
		return j
	}
	switch e.Data.(type) {
	case job.Completed:
		j.Status = job.Done
	case job.Stopped:
		j.Status = job.Halted
	case job.Dropped:
		j.Status = job.Shelved
	}
	return j
}

// knows reports whether a job is remembered.
func (a *auditor) knows(e *history.Entry) bool {
	id, _ := job.ParseID(e.Aggregate.ID) // was one when it was examined
	_, ok := a.chain.State.Jobs[id]
	return ok
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
// hold, and ids that were used twice, or for what never was. That is a fault whatever else ended the
// reading, and perhaps the earlier one.
func (a *auditor) settle(err error) error {
	seq, begins, odd := a.once.wrong()
	switch {
	case seq != 0 && begins:
		odd = fault(seq, "a job or a process begins here that had begun before")
	case seq != 0:
		odd = fault(seq, "what happens here to a job that had ended does not follow what happened to it before")
	}
	for _, found := range []error{odd, a.notary.settle(), a.unexplained()} {
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
	case job.Broken, job.Erased: // else it was forgotten before, with another outcome
		c.Failed[string(j.Failure)]++
	case job.Shelved:
		c.Failed[string(j.Failure)]++
		c.Dropped++
	case job.Halted:
		c.Stopped++
	case job.None, job.Created, job.Planned, job.Waiting, job.Running, job.Retrying, job.Ending:
		c.Open++
		c.States[j.Status.String()]++
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
