package redisviews

import (
	"slices"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// controlLength is about how many notices a control stream keeps: a process
// that missed one asks again.
const controlLength = 1000

// sender makes the commands of a transaction, in as few of them as there are
// keys.
//
// Arguments are pointers to what the transaction or the sender holds, and the
// sender's room is used again for the next transaction: a value in an interface
// is an allocation of its own, and there were thirty a job.
type sender struct {
	keys *keys
	of   generationKeys // of the last transaction
	tx   *views.Tx

	commands  [][]any
	arguments []any         // of all commands
	some      []any         // of one that is not made yet
	room      []byte        // that words and fields are written into
	words     [][]byte      // what the transaction holds in another form
	fields    []queue.Field // of entries
}

// word is an argument that is pointed to.
type word []byte

// MarshalBinary returns the argument.
func (w *word) MarshalBinary() ([]byte, error) { return *w, nil }

// maxRoom is how many bytes of room are kept for the next transaction.
const maxRoom = 1 << 20

// reset forgets the transaction.
func (s *sender) reset() {
	s.tx = nil
	s.commands, s.arguments, s.some = emptied(s.commands), emptied(s.arguments), emptied(s.some)
	s.words, s.fields = emptied(s.words), emptied(s.fields)
	if s.room = s.room[:0]; cap(s.room) > maxRoom {
		s.room = nil
	}
}

// emptied returns the room of a slice, with nothing in it that is held on to.
func emptied[T any](s []T) []T {
	clear(s)
	return s[:0]
}

// send makes all commands between MULTI and EXEC.
func (s *sender) send(tx *views.Tx, position string) {
	s.tx = tx
	if s.of.generation != tx.Generation {
		s.of = s.keys.named(tx.Generation)
	}
	s.tables()
	s.lists()
	s.due()
	s.statements()
	s.queues()
	s.notices()
	s.modes()
	names, values := views.PositionFields(), tx.Position.Values()
	for i := range names {
		s.with(&names[i], &values[i])
	}
	s.do("HSET", position)
}

// with adds arguments to the next command.
func (s *sender) with(arguments ...any) { s.some = append(s.some, arguments...) }

// add writes an argument that the transaction holds in another form. Its caller
// has appended it to the room, from start on.
func (s *sender) add(start int) {
	s.words = append(s.words, s.room[start:])
	s.with((*word)(&s.words[len(s.words)-1]))
}

func (s *sender) addID(id queue.EntryID) {
	start := len(s.room)
	s.room = id.Append(s.room)
	s.add(start)
}

// maxArgs bounds the arguments of one command, which Redis does too. It is even:
// some come in pairs.
const maxArgs = 100_000

// do makes a command of all arguments that were added since the one before.
func (s *sender) do(command ...any) {
	s.again(command...)
	s.some = emptied(s.some)
}

// again makes a command of them, and keeps them for the next one. Without any
// there is nothing to do.
func (s *sender) again(command ...any) {
	for some := range slices.Chunk(s.some, maxArgs) {
		start := len(s.arguments)
		s.arguments = append(append(s.arguments, command...), some...)
		s.commands = append(s.commands, s.arguments[start:len(s.arguments):len(s.arguments)])
	}
}

func (s *sender) tables() {
	for _, t := range views.Tables() {
		key := &s.of.tables[t]
		for i := range s.tx.Set {
			if v := &s.tx.Set[i]; v.Table == t {
				s.with(&v.Name, (*word)(&v.Data))
			}
		}
		s.do("HSET", key)
		for i := range s.tx.Unset {
			if f := &s.tx.Unset[i]; f.Table == t {
				s.with(&f.Name)
			}
		}
		s.do("HDEL", key)
	}
}

func (s *sender) lists() {
	for _, status := range job.Statuses() {
		key := &s.of.lists[status]
		for i := range s.tx.Unlisted {
			if l := &s.tx.Unlisted[i]; l.Status == status {
				s.with(&l.Seq)
			}
		}
		s.do("ZREM", key)
		for i := range s.tx.Listed {
			if l := &s.tx.Listed[i]; l.Status == status {
				s.with(&l.Seq, &l.Seq) // score and member
			}
		}
		s.do("ZADD", key)
	}
}

func (s *sender) due() {
	for i := range s.tx.Due {
		if d := &s.tx.Due[i]; d.At.IsZero() {
			s.with(d.Job.String())
		}
	}
	s.do("ZREM", &s.of.due)
	for i := range s.tx.Due {
		if d := &s.tx.Due[i]; !d.At.IsZero() {
			s.with((*int64)(&d.At), d.Job.String()) // score and member
		}
	}
	s.do("ZADD", &s.of.due)
}

func (s *sender) statements() {
	if s.tx.Forget {
		s.with(s.keys.Statements())
		s.do("UNLINK")
	}
	for i := range s.tx.Statements {
		st := &s.tx.Statements[i]
		s.with(queue.StatementField(st.Number), (*word)(&st.Data))
	}
	if len(s.some) > 0 {
		s.do("HSET", s.keys.Statements())
	}
}

func (s *sender) queues() {
	for _, q := range s.tx.Clear {
		s.with(s.keys.Jobs(q))
		s.do("UNLINK")
	}
	for _, q := range s.tx.Groups {
		s.with("CREATE", s.keys.Jobs(q), queue.Group, "0", "MKSTREAM")
		s.do("XGROUP")
	}
	s.queued()
	for i := range s.tx.Done {
		d := &s.tx.Done[i]
		for _, id := range d.IDs {
			s.addID(id)
		}
		key := s.keys.Jobs(d.Queue)
		s.again("XACK", key, queue.Group)
		s.do("XDEL", key)
	}
}

// queued adds entries to queues, a command each: Redis has none for several.
func (s *sender) queued() {
	streams := map[job.Queue]*string{}
	for i := range s.tx.Queued {
		a := &s.tx.Queued[i]
		key := streams[a.Queue]
		if key == nil {
			name := s.keys.Jobs(a.Queue)
			key, streams[a.Queue] = &name, &name
		}
		s.addID(a.ID)
		first := len(s.fields)
		s.fields, s.room = a.AppendFields(s.fields, s.room)
		for n := first; n < len(s.fields); n++ {
			s.with(&s.fields[n].Name, (*word)(&s.fields[n].Value))
		}
		s.do("XADD", key)
	}
}

func (s *sender) notices() {
	for i := range s.tx.Notices {
		n := &s.tx.Notices[i]
		for _, text := range n.Fields() {
			s.with(text)
		}
		s.do("XADD", s.keys.Control(n.Runner), "MAXLEN", "~", controlLength, "*")
	}
}

func (s *sender) modes() {
	if !s.tx.ResetModes && len(s.tx.Modes) == 0 {
		return
	}
	key := s.keys.Modes()
	if s.tx.ResetModes {
		s.with(key)
		s.do("UNLINK")
	}
	for _, w := range s.tx.Modes {
		if w.Text != "" {
			s.with(w.Field, w.Text)
		}
	}
	s.do("HSET", key)
	for _, w := range s.tx.Modes {
		if w.Text == "" {
			s.with(w.Field)
		}
	}
	s.do("HDEL", key)
}
