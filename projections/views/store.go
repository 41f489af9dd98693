package views

import (
	"context"
	"errors"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
)

// ErrConflict means that nothing was written, because somebody touched the
// position since it was watched.
var ErrConflict = errors.New("conflict: the position was touched")

// Store keeps one partition's views.
type Store interface {
	Reader
	Streams
	Generations
	// Writer returns a writer that is fenced by the partition's position, or
	// by that of a generation which a rebuild fills when fill is not 0.
	Writer(fill uint64) Writer
}

// Writer writes views. It is not safe for concurrent use.
type Writer interface {
	// Watch returns the position and begins to watch it.
	Watch(ctx context.Context) (Position, error)
	// Read returns fields of a generation with their sums, nil where there is
	// none. They are as of the watched position if the next Commit finds that
	// untouched.
	Read(ctx context.Context, generation uint64, fields []Field) ([][]byte, error)
	// Commit writes all of tx if nobody touched the position since it was
	// watched, and nothing otherwise. It then watches the position again and
	// returns it as it found it.
	//
	// nil means that tx was written. ErrConflict means that nothing was, and
	// that nothing is watched. ErrDamaged means that tx was written but for a
	// part that the store refused because of what it found there. Any other
	// error leaves open whether it was written: Watch, and compare.
	Commit(ctx context.Context, tx *Tx) (Position, error)
	// Close gives up what the writer holds.
	Close() error
}

// Tx is everything that one stretch of history changes.
type Tx struct {
	Generation uint64 // that tables and lists belong to

	Set      []Value
	Unset    []Field
	Listed   []Listing
	Unlisted []Listing
	Due      []DueSet

	Forget     bool // remove all statements first
	Statements []Statement

	Clear   []job.Queue  // streams to remove with everything in them; before Groups
	Groups  []job.Queue  // streams whose consumer group is made if it is not there; before Queued
	Queued  []Assignment // entries to add
	Done    []Done       // entries to acknowledge and remove
	Notices []Notice

	ResetModes bool   // remove all words about modes first
	Modes      []Word // that runners read

	Position Position // from here on
}

// Value is a field and what is stored there: what it holds, and the sum.
type Value struct {
	Field
	Data []byte
}

// Put adds a value, and its sum. It may write behind data, as append does.
func (tx *Tx) Put(t Table, name string, data []byte) {
	f := Field{t, name}
	tx.Set = append(tx.Set, Value{f, AppendSum(data, 0, f)})
}

// Statement is a statement's number and what the statements' hash holds of it.
type Statement struct {
	Number uint64
	Data   []byte
}

// Word is what runners read about the mode of a queue or a runner id, or about
// the leader's lease.
type Word struct {
	Field string // as package queue names it
	Text  string // empty, as the mode of what is open is, removes the field
}

// Assignment is an entry of a work queue.
type Assignment struct {
	Queue job.Queue
	queue.Assignment
}

// Done names entries of a work queue whose attempts ended.
type Done struct {
	Queue job.Queue
	IDs   []queue.EntryID
}

// Notice is an entry of a runner's control stream.
type Notice struct {
	Runner domain.Name
	queue.Notice
}

// Reader reads views. It is safe for concurrent use.
type Reader interface {
	// Look answers everything that q asks, as of one instant. ErrDamaged
	// means that the position, a key or a value is not what it should be.
	Look(ctx context.Context, q Query) (*Look, error)
}

// Query is what a reader wants to know besides the position.
type Query struct {
	End        bool        // the end of the log
	Fields     []Field     // values of the live generation
	Whole      []Table     // small tables of it as a whole
	Lists      []Range     // parts of its lists
	Due        *DueQuery   // a part of its due times; nil for none
	Among      bool        // how many fields the tables of Fields have
	Count      bool        // how many fields there are in all tables, members in lists, due times, and statements
	States     bool        // how many jobs are in each state
	Statements bool        // all of them
	Modes      bool        // all words about modes that runners read
	Entries    []job.Queue // streams whose entries are counted
}

// Range is the part of a list below a place, its highest members first. Below
// 0 means all of it.
type Range struct {
	Status job.Status
	Below  uint64
	Limit  int
}

// Look is what was found, at one instant.
type Look struct {
	Position   Position
	End        uint64              // place of the log's last event; 0 if not asked for
	Values     [][]byte            // of Query.Fields; nil where there is none
	Whole      []map[string][]byte // of Query.Whole
	Lists      [][]uint64          // of Query.Lists
	Due        []DueEntry          // of Query.Due, in the order of their times
	NextDue    event.Time          // the earliest that Due lacks; zero when there is none, or none was asked for
	Fields     [NumTables]uint64   // how many each table has that was counted
	Listed     uint64              // how many members all lists have together
	Timers     uint64              // how many due times there are
	Told       uint64              // how many statements there are
	States     map[job.Status]uint64
	Statements map[string][]byte // by the text of their number
	Modes      map[string]string // by field
	Entries    uint64            // of the streams in Query.Entries together
}

// CheckAmong compares the tables of some fields with the census, and returns
// ErrDamaged when one has more or less: a field that is not there may have been
// removed. Query.Among was set, with those fields.
func (l *Look) CheckAmong(fields []Field) error {
	for _, f := range fields {
		if l.Fields[f.Table] != l.Position.Census.Fields[f.Table] {
			return ErrDamaged
		}
	}
	return nil
}

// Check compares what was counted with the census, and returns ErrDamaged when
// there is more or less. Query.Count was set.
func (l *Look) Check() error {
	c := &l.Position.Census
	if l.Fields != c.Fields || l.Listed != l.Fields[Jobs] || l.Timers != c.Due || l.Told != l.Position.Statements {
		return ErrDamaged
	}
	return nil
}

// Streams looks at the streams of work queues. It is safe for concurrent use.
type Streams interface {
	// Streams returns how each queue's stream is.
	Streams(ctx context.Context, queues []job.Queue) ([]Stream, error)
	// Missing returns those of the entries, at most [MaxMissing], that are not
	// in the queue's stream. What is in them does not travel.
	Missing(ctx context.Context, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error)
	// Mend removes what stands under the key of a runner's control stream and is
	// none, and returns whose that was.
	Mend(ctx context.Context, runners []domain.Name) ([]domain.Name, error)
	// Entries returns the ids of at most limit entries behind a place, in
	// order.
	Entries(ctx context.Context, q job.Queue, after queue.EntryID, limit int) ([]queue.EntryID, error)
}

// MaxMissing bounds what one question is about: a script with all of them must
// not hold up others for long.
const MaxMissing = 500

// Stream is how a work queue's stream is. The zero Stream is one that is not
// there, or not a stream.
type Stream struct {
	Group   bool          // the runners' consumer group is there
	Length  uint64        // how many entries there are
	First   queue.EntryID // the lowest one; zero if there is none
	Last    queue.EntryID // the highest id that was ever given
	Waiting queue.EntryID // the lowest one that no runner was given yet; zero if there is none
}

// Generations is what it takes to compare and to remove whole generations.
type Generations interface {
	// Stored returns the generations of which anything is kept, in order.
	Stored(ctx context.Context) ([]uint64, error)
	// Drop removes everything of a generation.
	Drop(ctx context.Context, generation uint64) error
	// Page returns some fields of a table, values with their sums, and where
	// to go on; 0 is the beginning, and the end. Fields that are there all the
	// time are in some page, and perhaps in two.
	Page(ctx context.Context, generation uint64, t Table, cursor uint64) (fields []Value, next uint64, err error)
	// PageList does the same with a list.
	PageList(ctx context.Context, generation uint64, s job.Status, cursor uint64) (seqs []uint64, next uint64, err error)
	// PageDue does the same with due times.
	PageDue(ctx context.Context, generation, cursor uint64) (due []DueEntry, next uint64, err error)
	// DueOf returns when something is due in the jobs of those names; zero for
	// never, and [NoTime] for whatever no [Tx] wrote.
	DueOf(ctx context.Context, generation uint64, names []string) ([]event.Time, error)
	// Listed reports which of the members are in their lists, at their places.
	Listed(ctx context.Context, generation uint64, members []Listing) ([]bool, error)
}

// Walk calls yield with every page of a table, and returns its error.
func Walk(ctx context.Context, g Generations, generation uint64, t Table, yield func([]Value) error) error {
	for cursor := uint64(0); ; {
		page, next, err := g.Page(ctx, generation, t, cursor)
		if err == nil {
			err = yield(page)
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// WalkList does the same with a list.
func WalkList(ctx context.Context, g Generations, generation uint64, s job.Status, yield func([]uint64) error) error {
	for cursor := uint64(0); ; {
		page, next, err := g.PageList(ctx, generation, s, cursor)
		if err == nil {
			err = yield(page)
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}
