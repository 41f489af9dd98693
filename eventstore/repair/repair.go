// Package repair is what can be done about a log that does not verify: see where
// it is good to, put back from a copy what was changed, or go on behind a cut.
//
// It never guesses. What is put back is what the seals say it was; what is cut
// off is a loss, and the next leader declares it in the history, because it
// remembers the seal that the log then lacks.
package repair

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
)

// Diagnosis says how much of a log is good.
type Diagnosis struct {
	// Verdict is the auditor's; of no meaning when the log is empty.
	Verdict audit.Verdict
	// Good is the end of what verifies, before the first thing that is wrong:
	// the end of the whole log when nothing is. Zero when not even the founding
	// does.
	Good eventstore.Tip
	End  uint64 // of the log
	// Evidence is the last seal behind Good that a supervisor signed, as far as
	// the good part knows supervisors; nil if there is none. It shows later that
	// the log held more.
	Evidence *signing.Seal
}

// Diagnose audits a log. Its errors are those of [audit.Verify] and of reading.
func Diagnose(ctx context.Context, log eventstore.Log, o audit.Options) (Diagnosis, error) {
	source, err := audit.FromLog(ctx, log)
	if err != nil {
		return Diagnosis{}, err
	}
	d := Diagnosis{End: source.End()}
	if d.End == 0 {
		return d, nil
	}
	if d.Verdict, err = audit.Verify(ctx, source, o); err != nil {
		return d, err
	}
	switch d.Verdict.Finding {
	case audit.Tampered:
		err = d.explore(ctx, log, o)
	case audit.CannotTell:
		err = domain.Errorf(domain.TryAgain, "unread", "the log cannot be judged: %s", d.Verdict.Why)
	default:
		d.Good, err = log.Tip(ctx)
	}
	return d, err
}

// explore finds the end of the good part, and what signs of more there are
// behind it.
func (d *Diagnosis) explore(ctx context.Context, log eventstore.Log, o audit.Options) error {
	chain := history.NewChain(string(o.Namespace), o.Partition, signing.NewVerifier(rememberedKeys))
	reader := history.NewReader(string(o.Namespace), o.Partition, 0)
	for at := uint64(0); ; {
		raws, err := log.Read(ctx, at, page)
		_, strange := history.IsFault(err)
		if err != nil && !strange {
			return fmt.Errorf("read the log behind seq %d: %w", at, err)
		}
		for _, raw := range raws {
			at = raw.Seq
			if raw.Seq >= d.Verdict.Seq {
				d.witness(raw, o, chain)
				continue
			}
			commit, err := reader.Next(raw)
			if err == nil && commit != nil {
				err = chain.Follow(commit)
			}
			switch {
			case err != nil: // a follower meets no more than the auditor found
				return nil //nolint:nilerr // what is good ends here
			case commit != nil:
				d.Good = eventstore.Tip{Seq: raw.Seq, Seal: string(raw.Seal)}
			}
		}
		if strange || len(raws) < page {
			return nil
		}
	}
}

const (
	page           = 256 // entries of one read
	rememberedKeys = 64
)

// witness keeps the seal of an entry if a supervisor signed it.
func (d *Diagnosis) witness(raw history.Raw, o audit.Options, good *history.Chain) {
	seal, err := signing.ParseSeal(string(o.Namespace), o.Partition, raw.Seal)
	if err != nil || seal.Last() <= d.Good.Seq {
		return
	}
	key, known := good.State.Access.Find(seal.Key)
	check := seal.Check(key.Public)
	if known && key.Class == access.Supervisor && !key.Revoked() && signing.Verify(check.Key, check.Message, check.Signature) {
		d.Evidence = &seal
	}
}

// Cut makes a log end with what is good. The next leader goes on there, and
// declares the loss if it, or the state directory that it has, remembers a seal
// behind it. Errors are [domain.Conflict] when nothing at all is good, or the log
// has grown since the diagnosis, and those of the store.
//
// The caller holds the lease with that term, so that nobody appends meanwhile.
func (d *Diagnosis) Cut(ctx context.Context, store eventstore.Store, term uint64) error {
	if d.Good.Seq == 0 {
		return errNothingGood
	}
	if err := d.upToDate(ctx, store); err != nil {
		return err
	}
	return store.Cut(ctx, term, d.Good)
}

// upToDate refuses to treat a log that was added to since it was looked at: what
// was added would be gone, and in no copy. The caller holds the lease.
func (d *Diagnosis) upToDate(ctx context.Context, log eventstore.Log) error {
	tip, err := log.Tip(ctx)
	if _, strange := history.IsFault(err); err != nil && !strange {
		return err
	}
	if tip.Seq > d.End {
		return domain.Errorf(domain.Conflict, "grown",
			"a supervisor wrote up to seq %d since the log was looked at, when it ended at %d: nothing was changed, run the same again", tip.Seq, d.End)
	}
	return nil
}
