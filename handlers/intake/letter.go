package intake

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/runnersdk/queue"
)

// bundle is a letter that was read.
type bundle struct {
	runner.Signed
	*runner.Bundle
	news     bool
	late     int
	stranger bool   // the history does not know its process
	lacks    uint64 // from where on the log lacks what its process has seen; 0 if it does not
}

// joins reports whether the bundle asks to join.
func (b *bundle) joins() bool {
	_, ok := b.Reports[0].(runner.Join)
	return ok
}

// open reads the letters and drops those that nobody may have written. An
// error may pass.
func (in *Intake) open(ctx context.Context, letters []Letter) ([]*bundle, error) {
	bundles := make([]*bundle, 0, len(letters))
	checks := make([]signing.Check, 0, len(letters))
	for _, letter := range letters {
		b, check, err := in.read(ctx, letter)
		switch domain.CodeOf(err) {
		case domain.Invalid, domain.TooLarge, domain.Unauthenticated:
			in.refuse(ctx, b, err)
			continue
		default:
			if err != nil {
				return nil, err
			}
		}
		bundles, checks = append(bundles, b), append(checks, check)
	}
	verdicts := make([]bool, len(checks))
	in.cfg.Verifier.VerifyAll(checks, verdicts)
	good := bundles[:0]
	for i, b := range bundles {
		if !verdicts[i] {
			in.drop(string(b.Runner), domain.Errorf(domain.Unauthenticated, "signature", "a bundle's signature is not its key's"))
			continue
		}
		in.learn(checks[i].Key)
		good = append(good, b)
	}
	return good, nil
}

// read reads a letter. Of one that nobody may have written it returns what could
// be read; nil if nothing could.
func (in *Intake) read(ctx context.Context, letter Letter) (*bundle, signing.Check, error) {
	signed, err := queue.ParseBundle(letter.Fields)
	if err != nil {
		return nil, signing.Check{}, err
	}
	doc, err := runner.ParseBundle(signed.Doc)
	if err != nil {
		return nil, signing.Check{}, err
	}
	if doc.Namespace != string(in.cfg.Namespace) || doc.Partition != in.cfg.Partition {
		return nil, signing.Check{}, domain.Errorf(domain.Invalid, "place", "a bundle is for another partition")
	}
	b := &bundle{Signed: signed, Bundle: doc}
	key, err := in.key(ctx, b)
	if err != nil {
		return b, signing.Check{}, err
	}
	return b, signed.Check(key), nil
}

// key finds the public key of a key id. The id is the key's hash, so it does
// not matter who showed the key; whether it may speak for the runner is decided
// with the runner's state.
func (in *Intake) key(ctx context.Context, b *bundle) (signing.PublicKey, error) {
	if join, ok := b.Reports[0].(runner.Join); ok && join.Key.ID() == b.Key {
		in.learn(join.Key) // the next letter may need it already
		return join.Key, nil
	}
	if key, ok := in.keys[b.Key]; ok {
		return key, nil
	}
	if key, ok := in.cfg.Ledger.Access().Find(b.Key); ok && key.Class == access.Runner {
		return key.Public, nil
	}
	// The process joined before this leader's time with the first key of its
	// id: the runner's events name it.
	var pin signing.PublicKey
	look := eventstore.Work{
		Aggregates: eventstore.Process(b.Runner, b.Process),
		Decide: func(tx *eventstore.Tx) error {
			pin = tx.Runner(b.Runner).Pin
			b.stranger = tx.Process(b.Runner, b.Process).Version == 0
			return nil
		},
	}
	if err := in.cfg.Ledger.Propose(ctx, look).Wait(ctx); err != nil {
		return pin, err
	}
	if pin.IsZero() || pin.ID() != b.Key {
		return pin, domain.Errorf(domain.Unauthenticated, "key", "a bundle is signed with a key that nobody knows")
	}
	return pin, nil
}

func (in *Intake) learn(key signing.PublicKey) {
	if len(in.keys) >= maxKeys {
		clear(in.keys)
	}
	in.keys[key.ID()] = key
}

// olderID reports whether the stream id a is before b.
func olderID(a, b string) bool {
	x, errX := queue.ParseEntryID(a)
	y, errY := queue.ParseEntryID(b)
	if errX != nil || errY != nil {
		return errY == nil // nothing was read yet, and something is there
	}
	return x.Term < y.Term || x.Term == y.Term && x.Seq < y.Seq
}
