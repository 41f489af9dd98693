package engine

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/nonces"
	"github.com/herocode/horus/projections/views"
)

// readNonces reads what the table of nonces must have for some to be spent.
func (b *batch) readNonces(ctx context.Context, spent []string) error {
	for {
		names := b.nonces.Missing(spent)
		if len(names) == 0 {
			return nil
		}
		fields := make([]views.Field, len(names))
		for i, name := range names {
			fields[i] = views.Field{Table: views.Nonces, Name: name}
		}
		values, err := b.readFields(ctx, fields)
		if err != nil {
			return err
		}
		b.nonces.Take(names, values)
	}
}

// applyNonces folds in that a job was submitted which has a nonce.
func (b *batch) applyNonces(e *history.Entry, data job.Submitted) error {
	spent, until := data.Spends()
	for _, nonce := range spent {
		if err := b.nonces.Spend(nonce, nonces.Spent{Seq: e.Seq, Until: until}, e.At); err != nil {
			return fmt.Errorf("%w: the line of the nonces", err)
		}
	}
	return nil
}

// text is a value that is written as it is.
type text string

// Append appends the text.
func (t text) Append(dst []byte) []byte { return append(dst, t...) }

func (b *batch) emitNonces() {
	for name, change := range b.nonces.Changed {
		b.census.Fields[views.Nonces] += count01(change.Is != "") - count01(change.Was != "")
		if change.Is == "" {
			b.unset(views.Nonces, name)
		} else {
			b.put(views.Nonces, name, text(change.Is))
		}
	}
}
