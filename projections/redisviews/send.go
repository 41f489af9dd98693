package redisviews

import (
	"slices"
	"strconv"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// controlLength is about how many notices a control stream keeps: a process
// that missed one asks again.
const controlLength = 1000

// sender puts a transaction into a pipeline, in as few commands as there are
// keys. Replies within MULTI are the word QUEUED, so all commands are untyped.
type sender struct {
	do   func(args ...any)
	keys *keys
	tx   *views.Tx
}

// send sends everything between MULTI and EXEC.
func (s *sender) send(position string) {
	s.tables()
	s.lists()
	s.due()
	s.statements()
	s.queues()
	s.notices()
	s.modes()
	args := []any{"HSET", position}
	values := s.tx.Position.Values()
	for i, name := range views.PositionFields() {
		args = append(args, name, values[i])
	}
	s.do(args...)
}

func (s *sender) tables() {
	var set, unset [views.NumTables][]any
	for i := range s.tx.Set {
		v := &s.tx.Set[i]
		set[v.Table] = append(set[v.Table], v.Name, v.Data)
	}
	for _, f := range s.tx.Unset {
		unset[f.Table] = append(unset[f.Table], f.Name)
	}
	for _, t := range views.Tables() {
		key := s.keys.table(s.tx.Generation, t)
		s.variadic(set[t], "HSET", key)
		s.variadic(unset[t], "HDEL", key)
	}
}

// maxArgs bounds the arguments of one command, which Redis does too. It is even:
// some come in pairs.
const maxArgs = 100_000

// variadic sends a command with all its arguments, if there are any.
func (s *sender) variadic(args []any, command ...any) {
	for some := range slices.Chunk(args, maxArgs) {
		s.do(slices.Concat(command, some)...)
	}
}

func (s *sender) lists() {
	remove, add := map[job.Status][]any{}, map[job.Status][]any{}
	for _, l := range s.tx.Unlisted {
		remove[l.Status] = append(remove[l.Status], strconv.FormatUint(l.Seq, 10))
	}
	for _, l := range s.tx.Listed {
		seq := strconv.FormatUint(l.Seq, 10)
		add[l.Status] = append(add[l.Status], seq, seq) // score and member
	}
	for _, status := range job.Statuses() {
		key := s.keys.list(s.tx.Generation, status)
		s.variadic(remove[status], "ZREM", key)
		s.variadic(add[status], "ZADD", key)
	}
}

func (s *sender) due() {
	var remove, add []any
	for _, d := range s.tx.Due {
		if d.At.IsZero() {
			remove = append(remove, d.Job.String())
		} else {
			add = append(add, strconv.FormatInt(int64(d.At), 10), d.Job.String()) // score and member
		}
	}
	key := s.keys.due(s.tx.Generation)
	s.variadic(remove, "ZREM", key)
	s.variadic(add, "ZADD", key)
}

func (s *sender) statements() {
	key := s.keys.Statements()
	if s.tx.Forget {
		s.do("UNLINK", key)
	}
	var set []any
	for _, st := range s.tx.Statements {
		set = append(set, queue.StatementField(st.Number), st.Data)
	}
	s.variadic(set, "HSET", key)
}

func (s *sender) queues() {
	for _, q := range s.tx.Clear {
		s.do("UNLINK", s.keys.Jobs(q))
	}
	for _, q := range s.tx.Groups {
		s.do("XGROUP", "CREATE", s.keys.Jobs(q), queue.Group, "0", "MKSTREAM")
	}
	streams := map[job.Queue]string{}
	for i := range s.tx.Queued {
		a := &s.tx.Queued[i]
		key := streams[a.Queue]
		if key == "" {
			key = s.keys.Jobs(a.Queue)
			streams[a.Queue] = key
		}
		s.do(append([]any{"XADD", key, a.ID.String()}, anys(a.Fields())...)...)
	}
	for _, d := range s.tx.Done {
		ids := make([]any, len(d.IDs))
		for i, id := range d.IDs {
			ids[i] = id.String()
		}
		key := s.keys.Jobs(d.Queue)
		s.variadic(ids, "XACK", key, queue.Group)
		s.variadic(ids, "XDEL", key)
	}
}

func (s *sender) notices() {
	for i := range s.tx.Notices {
		n := &s.tx.Notices[i]
		args := []any{"XADD", s.keys.Control(n.Runner), "MAXLEN", "~", controlLength, "*"}
		s.do(append(args, anys(n.Fields())...)...)
	}
}

func (s *sender) modes() {
	key := s.keys.Modes()
	if s.tx.ResetModes {
		s.do("UNLINK", key)
	}
	var set, unset []any
	for _, w := range s.tx.Modes {
		if w.Text == "" {
			unset = append(unset, w.Field)
		} else {
			set = append(set, w.Field, w.Text)
		}
	}
	s.variadic(set, "HSET", key)
	s.variadic(unset, "HDEL", key)
}

func anys(texts []string) []any {
	found := make([]any, len(texts))
	for i, t := range texts {
		found[i] = t
	}
	return found
}
