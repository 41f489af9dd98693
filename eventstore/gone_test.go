package eventstore_test

import (
	"context"
	"slices"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore/memstore"
)

// hollow is a store from which somebody deleted one entry.
type hollow struct {
	*memstore.Store
	gone uint64
}

func (h hollow) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	raws, err := h.Store.Read(ctx, after, limit)
	return slices.DeleteFunc(raws, func(r history.Raw) bool { return r.Seq == h.gone }), err
}

// A commit of one event that was deleted is damage to the log, which no
// rebuilding of the views mends.
func TestADeletedEntryIsDamageToTheLog(t *testing.T) {
	h := open(t)
	h.must(h.execute(submit("j1", "x"))) // 3, in a commit of its own
	h.must(h.execute(submit("j2", "x")))
	h.store = hollow{h.mem, 3}
	h.succeed()
	if err := h.execute(submit("j1", "x")); domain.ReasonOf(err) != "log_damaged" {
		t.Errorf("%v, want that the log is damaged", err)
	}
	h.must(h.execute(submit("j2", "x")))
}
