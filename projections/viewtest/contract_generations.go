package viewtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
)

func generations(t *testing.T, f *Fixture) {
	w, _ := begin(t, f, 0)
	fill, none := begin(t, f, 4)
	if none != (views.Position{}) {
		t.Errorf("nobody filled generation 4, and it is at %+v", none)
	}
	for g := uint64(1); g <= 2; g++ {
		tx := &views.Tx{Generation: g, Position: somewhere()}
		tx.Put(views.Jobs, "j", []byte(fmt.Sprint(g)))
		tx.Listed = []views.Listing{{Status: job.Done, Seq: g}}
		commit(t, w, tx)
	}
	commit(t, fill, &views.Tx{Generation: 4, Position: views.Position{Live: 4}})
	if stored, err := f.Views.Stored(t.Context()); err != nil || !slices.Equal(stored, []uint64{1, 2, 4}) {
		t.Errorf("stored %v, %v", stored, err)
	}
	if err := f.Views.Drop(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if stored, err := f.Views.Stored(t.Context()); err != nil || !slices.Equal(stored, []uint64{1, 4}) {
		t.Errorf("stored %v, %v", stored, err)
	}
	if l := look(t, f, views.Query{Fields: []views.Field{{Table: views.Jobs, Name: "j"}}, Lists: []views.Range{{Status: job.Done, Limit: 9}}}); string(l.Values[0]) != "1" || !slices.Equal(l.Lists[0], []uint64{1}) {
		t.Errorf("the live generation has %q and %v", l.Values[0], l.Lists[0])
	}
	moved := somewhere()
	moved.Live = 4
	commit(t, w, &views.Tx{Generation: 4, Position: moved})
	if l := look(t, f, views.Query{Fields: []views.Field{{Table: views.Jobs, Name: "j"}}}); l.Values[0] != nil {
		t.Errorf("a reader still sees %q of the old generation", l.Values[0])
	}
	stop := errors.New("stop")
	if err := views.Walk(t.Context(), f.Views, 1, views.Jobs, func([]views.Value) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a walk ends with %v", err)
	}
}

func droppedFill(t *testing.T, f *Fixture) {
	fill, _ := begin(t, f, 4)
	commit(t, fill, &views.Tx{Generation: 4, Position: views.Position{Live: 4}})
	if err := f.Views.Drop(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	tx := &views.Tx{Generation: 4, Position: views.Position{Live: 4, Seq: 1}}
	tx.Put(views.Jobs, "j", []byte("late"))
	if _, err := fill.Commit(t.Context(), tx); !errors.Is(err, views.ErrConflict) {
		t.Errorf("%v, want a conflict", err)
	}
	if stored, err := f.Views.Stored(t.Context()); err != nil || len(stored) != 0 {
		t.Errorf("stored %v, %v", stored, err)
	}
}

func forget(t *testing.T, f *Fixture) {
	w, _ := begin(t, f, 0)
	commit(t, w, &views.Tx{Generation: 1, Position: somewhere(), Statements: []views.Statement{{Number: 1, Data: []byte("a")}, {Number: 2, Data: []byte("b")}}})
	l := look(t, f, views.Query{Statements: true, Count: true})
	if diff := cmp.Diff(map[string][]byte{"1": []byte("a"), "2": []byte("b")}, l.Statements); diff != "" || l.Told != 2 {
		t.Errorf("%d statements (-want +got):\n%s", l.Told, diff)
	}
	commit(t, w, &views.Tx{Generation: 2, Position: somewhere(), Forget: true, Statements: []views.Statement{{Number: 1, Data: []byte("c")}}})
	l = look(t, f, views.Query{Statements: true})
	if diff := cmp.Diff(map[string][]byte{"1": []byte("c")}, l.Statements); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}
