package viewtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/event"
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
		"what is due is read in its order":             due,
		"a queue is looked at without its entries":     streams,
		"an entry that comes too late is damage":       tooLate,
		"generations are apart":                        generations,
		"a dropped generation is filled by nobody":     droppedFill,
		"statements are forgotten when asked":          forget,
		"words about modes are set and taken back":     words,
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
	p.Census.Fields = [views.NumTables]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	p.Census.Entries, p.Census.Due = 9, 10
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
	l := look(t, f, views.Query{Count: true, States: true, Lists: []views.Range{
		{Status: job.Waiting, Limit: 3}, {Status: job.Waiting, Below: 3, Limit: 9}, {Status: job.Running, Below: 12, Limit: 1}, {Status: job.Done, Limit: 1},
	}})
	want := [][]uint64{{12, 10, 9}, {2, 1}, {11}, nil}
	for i := range want {
		if !slices.Equal(want[i], l.Lists[i]) {
			t.Errorf("list %d is %v, want %v", i, l.Lists[i], want[i])
		}
	}
	if l.Listed != 12 || l.States[job.Running] != 1 || l.States[job.Waiting] != 11 || l.States[job.Done] != 0 {
		t.Errorf("%d are listed, want 12; by state %v", l.Listed, l.States)
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

func due(t *testing.T, f *Fixture) {
	w, _ := begin(t, f, 0)
	id := func(n int) job.ID { return historytest.ID(fmt.Sprintf("j%d", n)) }
	tx := &views.Tx{Generation: 1, Position: somewhere()}
	for n := range 12 {
		tx.Due = append(tx.Due, views.DueSet{At: event.Time(1_000_000*(12-n) + 1), Job: id(n)})
	}
	tx.Due[5].At = views.MaxDue
	commit(t, w, tx)
	commit(t, w, &views.Tx{Generation: 1, Position: somewhere(), Due: []views.DueSet{{Job: id(11)}, {At: 2, Job: id(3)}, {Job: historytest.ID("never")}}})
	first := []views.DueEntry{{At: 2, Job: id(3)}, {At: 2_000_001, Job: id(10)}, {At: 3_000_001, Job: id(9)}}
	for _, tt := range []struct {
		until event.Time
		limit int
		want  []views.DueEntry
		next  event.Time
	}{
		{1, 9, nil, 2},
		{2, 9, first[:1], 2_000_001},
		{3_000_001, 9, first, 4_000_001},
		{views.MaxDue, 2, first[:2], 3_000_001},
		{3_000_000, 2, first[:2], 3_000_001},
		{3_000_001, 0, nil, 2},
	} {
		l := look(t, f, views.Query{Due: &views.DueQuery{Until: tt.until, Limit: tt.limit}})
		if !slices.Equal(l.Due, tt.want) || l.NextDue != tt.next {
			t.Errorf("at most %d up to %d: %v and then %d, want %v and %d", tt.limit, tt.until, l.Due, l.NextDue, tt.want, tt.next)
		}
	}
	l := look(t, f, views.Query{Count: true, Due: &views.DueQuery{Until: views.MaxDue, Limit: 20}})
	if l.Timers != 11 || len(l.Due) != 11 || l.NextDue != 0 || l.Due[10] != (views.DueEntry{At: views.MaxDue, Job: id(5)}) {
		t.Errorf("%d due times: %v, and then %d", l.Timers, l.Due, l.NextDue)
	}
	walked := 0
	err := views.WalkDue(t.Context(), f.Views, 1, func(page []views.DueEntry) error {
		walked += len(page)
		return nil
	})
	if err != nil || walked != 11 {
		t.Errorf("walked %d, %v", walked, err)
	}
	at, err := f.Views.DueOf(t.Context(), 1, []string{"j3", "j11", "no job"})
	if err != nil || !slices.Equal(at, []event.Time{2, 0, 0}) {
		t.Errorf("due at %v, %v", at, err)
	}
	if at, err := f.Views.DueOf(t.Context(), 2, []string{"j3"}); err != nil || !slices.Equal(at, []event.Time{0}) {
		t.Errorf("due in another generation at %v, %v", at, err)
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

func words(t *testing.T, f *Fixture) {
	w, _ := begin(t, f, 0)
	expect := func(want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, look(t, f, views.Query{Modes: true}).Modes); diff != "" {
			t.Errorf("words (-want +got):\n%s", diff)
		}
	}
	expect(map[string]string{})
	commit(t, w, &views.Tx{Generation: 1, Position: somewhere(), Modes: []views.Word{
		{Field: "runner:r1", Text: "paused"}, {Field: "queue:executor:sh", Text: "drained"}, {Field: "runner:r2"},
	}})
	expect(map[string]string{"runner:r1": "paused", "queue:executor:sh": "drained"})
	commit(t, w, &views.Tx{Generation: 2, Position: somewhere(), Modes: []views.Word{{Field: "runner:r1"}}})
	expect(map[string]string{"queue:executor:sh": "drained"})
	commit(t, w, &views.Tx{Generation: 2, Position: somewhere(), ResetModes: true, Modes: []views.Word{{Field: "runner:r2", Text: "paused"}}})
	expect(map[string]string{"runner:r2": "paused"})
	commit(t, w, &views.Tx{Generation: 2, Position: somewhere(), ResetModes: true})
	expect(map[string]string{})
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
