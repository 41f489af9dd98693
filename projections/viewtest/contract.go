package viewtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// runContract holds a store to what its interfaces promise.
func runContract(t *testing.T, open func(t *testing.T) *Fixture) {
	for name, test := range map[string]func(*testing.T, *Fixture){
		"a transaction is read back as it was written": readBack,
		"a touched position refuses everything":        touched,
		"nothing is committed without a watch":         unwatched,
		"lists are read from their highest members":    lists,
		"a queue is looked at without its entries":     streams,
		"an entry that comes too late is damage":       tooLate,
		"generations are apart":                        generations,
		"a dropped generation is filled by nobody":     droppedFill,
		"statements are forgotten when asked":          forget,
		"the end of the log is seen with the position": end,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// begin returns a writer that watches the partition's position.
func begin(t *testing.T, f *Fixture, fill uint64) (views.Writer, views.Position) {
	t.Helper()
	w := f.Views.Writer(fill)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := w.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w, p
}

func commit(t *testing.T, w views.Writer, tx *views.Tx) views.Position {
	t.Helper()
	p, err := w.Commit(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func look(t *testing.T, f *Fixture, q views.Query) *views.Look {
	t.Helper()
	l, err := f.Views.Look(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// somewhere is a position with something in every field.
func somewhere() views.Position {
	p := views.Position{
		Term: 7, Seq: 12, Seal: signing.LeafHash([]byte("seal")), Latest: 1767366245_000006, Live: 1, Filling: 3, Statements: 2,
	}
	p.Census.Fields = [views.NumTables]uint64{1, 2, 3, 4, 5, 6}
	p.Census.Entries = 9
	return p
}

func readBack(t *testing.T, f *Fixture) {
	w, p := begin(t, f, 0)
	if p != (views.Position{}) {
		t.Fatalf("an empty store is at %+v", p)
	}
	want := somewhere()
	tx := &views.Tx{Generation: 1, Position: want}
	tx.Put(views.Jobs, "j1", []byte("one"))
	tx.Put(views.Jobs, "j2", []byte{0, 0xff})
	tx.Put(views.Open, "j1", []byte("open"))
	if got := commit(t, w, tx); got != want {
		t.Errorf("the position behind a commit is %+v, want %+v", got, want)
	}
	tx = &views.Tx{Generation: 1, Position: want, Unset: []views.Field{{Table: views.Jobs, Name: "j1"}}}
	commit(t, w, tx) // the watch behind a commit holds for the next one
	fields := []views.Field{
		{Table: views.Jobs, Name: "j1"}, {Table: views.Open, Name: "j1"}, {Table: views.Jobs, Name: "j2"}, {Table: views.Tips, Name: "x"},
	}
	l := look(t, f, views.Query{Fields: fields, Whole: []views.Table{views.Jobs}, Count: true})
	if l.Position != want {
		t.Errorf("a reader sees %+v, want %+v", l.Position, want)
	}
	among := look(t, f, views.Query{Fields: fields, Among: true}).Fields
	if want := [views.NumTables]uint64{views.Jobs: 1, views.Open: 1}; among != want {
		t.Errorf("tables that were asked have %v fields, want %v", among, want)
	}
	values := [][]byte{nil, []byte("open"), {0, 0xff}, nil}
	if diff := cmp.Diff(values, l.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]byte{"j2": {0, 0xff}}, l.Whole[0]); diff != "" {
		t.Errorf("the whole table (-want +got):\n%s", diff)
	}
	if counted := [views.NumTables]uint64{1, 1}; l.Fields != counted {
		t.Errorf("fields %v, want %v", l.Fields, counted)
	}
	read, err := w.Read(t.Context(), 1, fields)
	for i, f := range fields {
		if err == nil {
			read[i], err = f.Value(read[i])
		}
	}
	if diff := cmp.Diff(values, read); diff != "" || err != nil {
		t.Errorf("the writer reads (-want +got, %v):\n%s", err, diff)
	}
}

func touched(t *testing.T, f *Fixture) {
	q1, q2 := job.RunnerQueue("r1"), job.ExecutorQueue("sh")
	a, _ := begin(t, f, 0)
	b, _ := begin(t, f, 0)
	tx := &views.Tx{Generation: 1, Position: somewhere(), Groups: []job.Queue{q1}}
	tx.Put(views.Jobs, "j1", []byte("a"))
	commit(t, a, tx)
	late := &views.Tx{Generation: 1, Position: somewhere(), Groups: []job.Queue{q2}}
	late.Put(views.Jobs, "j1", []byte("b"))
	for _, what := range []string{"late", "again, without a watch"} {
		if _, err := b.Commit(t.Context(), late); !errors.Is(err, views.ErrConflict) {
			t.Errorf("%s: %v, want a conflict", what, err)
		}
	}
	f.Fence(99)
	if _, err := a.Commit(t.Context(), tx); !errors.Is(err, views.ErrConflict) {
		t.Errorf("behind a new term: %v, want a conflict", err)
	}
	l := look(t, f, views.Query{Fields: []views.Field{{Table: views.Jobs, Name: "j1"}}})
	if string(l.Values[0]) != "a" || l.Position.Term != 99 || l.Position.Seq != 12 {
		t.Errorf("%q at %+v, want a, untouched but for the term", l.Values[0], l.Position)
	}
	p, err := b.Watch(t.Context())
	if err != nil || p.Term != 99 {
		t.Fatalf("watched again: %+v, %v", p, err)
	}
	late.Position.Term = 99
	commit(t, b, late)
}

func unwatched(t *testing.T, f *Fixture) {
	w := f.Views.Writer(0)
	if _, err := w.Commit(t.Context(), &views.Tx{Generation: 1, Position: somewhere()}); !errors.Is(err, views.ErrConflict) {
		t.Errorf("%v, want a conflict", err)
	}
	if l := look(t, f, views.Query{}); l.Position != (views.Position{}) {
		t.Errorf("the position is %+v", l.Position)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func lists(t *testing.T, f *Fixture) {
	w, _ := begin(t, f, 0)
	tx := &views.Tx{Generation: 1, Position: somewhere()}
	for seq := range uint64(12) {
		tx.Listed = append(tx.Listed, views.Listing{Status: job.Waiting, Seq: seq + 1})
	}
	commit(t, w, tx)
	commit(t, w, &views.Tx{
		Generation: 1, Position: somewhere(),
		Unlisted: []views.Listing{{Status: job.Waiting, Seq: 11}, {Status: job.Running, Seq: 5}},
		Listed:   []views.Listing{{Status: job.Running, Seq: 11}},
	})
	l := look(t, f, views.Query{Count: true, Lists: []views.Range{
		{Status: job.Waiting, Limit: 3}, {Status: job.Waiting, Below: 3, Limit: 9}, {Status: job.Running, Below: 12, Limit: 1}, {Status: job.Done, Limit: 1},
	}})
	want := [][]uint64{{12, 10, 9}, {2, 1}, {11}, nil}
	for i := range want {
		if !slices.Equal(want[i], l.Lists[i]) {
			t.Errorf("list %d is %v, want %v", i, l.Lists[i], want[i])
		}
	}
	if l.Listed != 12 {
		t.Errorf("%d are listed, want 12", l.Listed)
	}
	var walked []uint64
	err := views.WalkList(t.Context(), f.Views, 1, job.Running, func(page []uint64) error {
		walked = append(walked, page...)
		return nil
	})
	if err != nil || !slices.Equal(walked, []uint64{11}) {
		t.Errorf("walked %v, %v", walked, err)
	}
	listed, err := f.Views.Listed(t.Context(), 1, []views.Listing{{Status: job.Running, Seq: 11}, {Status: job.Waiting, Seq: 11}, {Status: job.Done, Seq: 1}})
	if err != nil || !slices.Equal(listed, []bool{true, false, false}) {
		t.Errorf("listed %v, %v", listed, err)
	}
}

// assignment is an entry with something in it.
func assignment(q job.Queue, id queue.EntryID) views.Assignment {
	return views.Assignment{Queue: q, Assignment: queue.Assignment{ID: id, Grant: signing.Proof{Event: []byte("{}"), Seq: id.Seq}}}
}

func streams(t *testing.T, f *Fixture) {
	q1, q2 := job.RunnerQueue("r1"), job.ExecutorQueue("sh")
	w, _ := begin(t, f, 0)
	at := func(seq uint64) queue.EntryID { return queue.EntryID{Term: 7, Seq: seq} }
	tx := &views.Tx{Generation: 1, Position: somewhere(), Groups: []job.Queue{q1}}
	for seq := uint64(1); seq <= 5; seq++ {
		tx.Queued = append(tx.Queued, assignment(q1, at(seq)))
	}
	commit(t, w, tx)
	f.Deliver(q1, at(2))
	commit(t, w, &views.Tx{Generation: 1, Position: somewhere(), Groups: []job.Queue{q1, q2}, Done: []views.Done{{Queue: q1, IDs: []queue.EntryID{at(1), at(5)}}}})
	f.Add(job.RunnerQueue("r9"), at(8)) // without a group
	found, err := f.Views.Streams(t.Context(), []job.Queue{q1, q2, job.RunnerQueue("r9"), job.RunnerQueue("never")})
	want := []views.Stream{
		{Group: true, Length: 3, First: at(2), Last: at(5), Waiting: at(3)},
		{Group: true},
		{Length: 1, First: at(8), Last: at(8)},
		{},
	}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("streams (-want +got, %v):\n%s", err, diff)
	}
	missing, err := f.Views.Missing(t.Context(), q1, []queue.EntryID{at(1), at(2), at(3), at(6), {Term: 8, Seq: 3}})
	if diff := cmp.Diff([]queue.EntryID{at(1), at(6), {Term: 8, Seq: 3}}, missing); diff != "" || err != nil {
		t.Errorf("missing (-want +got, %v):\n%s", err, diff)
	}
	if ids, err := f.Views.Entries(t.Context(), q1, at(2), 1); err != nil || !slices.Equal(ids, []queue.EntryID{at(3)}) {
		t.Errorf("behind the second stands %v, %v", ids, err)
	}
	if ids, err := f.Views.Entries(t.Context(), q2, queue.EntryID{}, 9); err != nil || len(ids) != 0 {
		t.Errorf("an empty queue has %v, %v", ids, err)
	}
	if l := look(t, f, views.Query{Entries: []job.Queue{q1, q2, job.RunnerQueue("never")}}); l.Entries != 3 {
		t.Errorf("%d entries, want 3", l.Entries)
	}
	commit(t, w, &views.Tx{Generation: 1, Position: somewhere(), Clear: []job.Queue{q1}, Groups: []job.Queue{q1}})
	found, err = f.Views.Streams(t.Context(), []job.Queue{q1})
	if diff := cmp.Diff([]views.Stream{{Group: true}}, found); diff != "" || err != nil {
		t.Errorf("a cleared queue (-want +got, %v):\n%s", err, diff)
	}
}

func tooLate(t *testing.T, f *Fixture) {
	q1 := job.RunnerQueue("r1")
	w, _ := begin(t, f, 0)
	at := queue.EntryID{Term: 7, Seq: 5}
	commit(t, w, &views.Tx{Generation: 1, Position: somewhere(), Groups: []job.Queue{q1}, Queued: []views.Assignment{assignment(q1, at)}})
	tx := &views.Tx{Generation: 1, Position: somewhere(), Queued: []views.Assignment{assignment(q1, at)}}
	tx.Position.Seq = 13
	if _, err := w.Commit(t.Context(), tx); !errors.Is(err, views.ErrDamaged) {
		t.Errorf("%v, want damage", err)
	}
	if l := look(t, f, views.Query{Entries: []job.Queue{q1}}); l.Position.Seq != 13 || l.Entries != 1 {
		t.Errorf("%d entries at %d, want the rest of the transaction", l.Entries, l.Position.Seq)
	}
}

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

func end(t *testing.T, f *Fixture) {
	if l := look(t, f, views.Query{End: true}); l.End != 0 {
		t.Errorf("an empty log ends at %d", l.End)
	}
	p := historytest.Found(f.Namespace)
	f.Append(p.Commits[0])
	if l := look(t, f, views.Query{End: true}); l.End != p.Seq() {
		t.Errorf("the log ends at %d, want %d", l.End, p.Seq())
	}
}
