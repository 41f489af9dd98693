package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/projections/views"
)

// deaf answers nothing but its error.
type deaf struct {
	views.Store
	eventstore.Log
	err error
}

func (d deaf) Look(context.Context, views.Query) (*views.Look, error) { return nil, d.err }

func (d deaf) Streams(context.Context, []job.Queue) ([]views.Stream, error) { return nil, d.err }

func (d deaf) Get(context.Context, []uint64) ([]history.Raw, error) { return nil, d.err }

func (d deaf) Read(context.Context, uint64, int) ([]history.Raw, error) { return nil, d.err }

func (d deaf) Tip(context.Context) (eventstore.Tip, error) { return eventstore.Tip{}, d.err }

// lifeless is runners of whose signs of life nothing is known but an error.
type lifeless struct{ err error }

func (l lifeless) Page(context.Context, uint64) (map[string]string, uint64, error) {
	return nil, 0, l.err
}

// A reply that Redis sent got lost, and whoever waited for his job was told of
// an "internal error" that never gets better, as if the job had been at fault.
// He is told to ask again.
func TestWhatCannotBeReadNowIsAskedAgain(t *testing.T) {
	halted := domain.Errorf(domain.Halted, "tampered", "an entry is not one that a supervisor wrote")
	tests := []struct {
		err    error
		code   domain.Code
		reason string
	}{
		{err: nil},
		{err: fmt.Errorf("look at views: %w", io.EOF), code: domain.TryAgain, reason: "unread"},
		{err: fmt.Errorf("list queues: %w", views.ErrDamaged), code: domain.TryAgain, reason: "views_damaged"},
		{err: &history.Fault{Seq: 3, Why: halted}, code: domain.Halted, reason: "tampered"},
		{err: context.Canceled, code: domain.Internal},
	}
	for _, test := range tests {
		d := deaf{err: test.err}
		_, look := informed{d, newDesk(nil, &health{})}.Look(t.Context(), views.Query{})
		_, streams := lined{d, newDesk(nil, &health{})}.Streams(t.Context(), nil)
		errs := map[string]error{"look": look, "streams": streams}
		if !errors.Is(test.err, views.ErrDamaged) { // these are no views
			_, errs["tip"] = record{d}.Tip(t.Context())
			_, _, errs["beats"] = beating{lifeless{test.err}}.Page(t.Context(), 0)
			_, errs["get"] = record{d}.Get(t.Context(), nil)
			_, errs["read"] = record{d}.Read(t.Context(), 0, 1)
		}
		for what, got := range errs {
			code, reason := domain.CodeOf(got), domain.ReasonOf(got)
			if test.code == domain.Internal {
				reason = ""
			}
			if (got == nil) != (test.err == nil) || code != test.code || reason != test.reason {
				t.Errorf("%s, when the store says %v: %v (code %v, reason %s), want %v %s", what, test.err, got, code, reason, test.code, test.reason)
			}
		}
	}
}
