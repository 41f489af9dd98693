package redisviews

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

// maxLooks is how often a look is repeated because another generation went live,
// Redis had forgotten the script or has no memory left: each happens once at most
// where nobody does it on purpose.
const maxLooks = 5

// Look answers a query in one round trip: one MULTI … EXEC. When another
// generation has become live it takes two. A Redis whose memory is full refuses
// whatever stands in a MULTI, even reads: then the query goes without, and counts
// if the position is the same before and after it.
func (s *Store) Look(ctx context.Context, q views.Query) (*views.Look, error) {
	how := manner{run: endScript.EvalSha}
	for range maxLooks {
		live := s.live.Load()
		l := s.ask(ctx, q, live, how)
		switch {
		case redis.HasErrorPrefix(l.failed, "NOSCRIPT"):
			how.run = endScript.Eval
			continue
		case redis.HasErrorPrefix(l.failed, "EXECABORT"):
			how.plain = true
			continue
		case l.failed != nil:
			return nil, fmt.Errorf("look at views: %w", damage(l.failed))
		case how.plain && !slices.Equal(l.position.Val(), l.after.Val()):
			continue
		}
		look, err := l.read()
		if err != nil {
			return nil, fmt.Errorf("look at views: %w", err)
		}
		if look.Position.Live == live {
			return look, nil
		}
		s.live.Store(look.Position.Live)
	}
	return nil, fmt.Errorf("look at views: they change all the time")
}

// manner is how a query is sent: a plain one without MULTI.
type manner struct {
	run   evaluate
	plain bool
}

// looking is a query on its way.
type looking struct {
	failed     error
	position   *redis.SliceCmd
	after      *redis.SliceCmd // the position once more, of a plain query
	end        *redis.Cmd
	tables     [views.NumTables]*redis.SliceCmd
	query      views.Query
	whole      []*redis.MapStringStringCmd
	lists      []*redis.StringSliceCmd
	due, next  *redis.ZSliceCmd
	fields     [views.NumTables]*redis.IntCmd
	listed     []*redis.IntCmd
	states     []*redis.IntCmd
	timers     *redis.IntCmd
	told       *redis.IntCmd
	statements *redis.MapStringStringCmd
	modes      *redis.MapStringStringCmd
	entries    []*redis.IntCmd
}

// ask sends a query about a generation.
func (s *Store) ask(ctx context.Context, q views.Query, live uint64, how manner) *looking {
	l := &looking{query: q}
	k := &s.keys
	pipe := s.read.TxPipeline()
	if how.plain {
		pipe = s.read.Pipeline()
	}
	l.position = pipe.HMGet(ctx, k.position(0), views.PositionFields()...)
	if q.End {
		l.end = how.run(ctx, pipe, []string{k.store.Log()})
	}
	for t, names := range byTable(q.Fields) {
		if len(names) > 0 {
			key := k.table(live, views.Table(t)) //nolint:gosec // a table's number
			l.tables[t] = pipe.HMGet(ctx, key, names...)
			if q.Among {
				l.fields[t] = pipe.HLen(ctx, key)
			}
		}
	}
	for _, t := range q.Whole {
		l.whole = append(l.whole, pipe.HGetAll(ctx, k.table(live, t)))
	}
	for _, r := range q.Lists {
		below := "+inf"
		if r.Below != 0 {
			below = "(" + strconv.FormatUint(r.Below, 10)
		}
		l.lists = append(l.lists, pipe.ZRevRangeByScore(ctx, k.list(live, r.Status), &redis.ZRangeBy{
			Min: "-inf", Max: below, Count: int64(r.Limit),
		}))
	}
	if q.Due != nil {
		l.due, l.next = askDue(ctx, pipe, k.due(live), *q.Due)
	}
	if q.Count {
		l.count(ctx, pipe, k, live)
	}
	if q.States {
		for _, status := range job.Statuses() {
			l.states = append(l.states, pipe.ZCard(ctx, k.list(live, status)))
		}
	}
	if q.Statements {
		l.statements = pipe.HGetAll(ctx, k.Statements())
	}
	if q.Modes {
		l.modes = pipe.HGetAll(ctx, k.Modes())
	}
	for _, name := range q.Entries {
		l.entries = append(l.entries, pipe.XLen(ctx, k.Jobs(name)))
	}
	if how.plain {
		l.after = pipe.HMGet(ctx, k.position(0), views.PositionFields()...)
	}
	_, l.failed = pipe.Exec(ctx)
	return l
}

// count asks how much a generation holds.
func (l *looking) count(ctx context.Context, pipe redis.Pipeliner, k *keys, live uint64) {
	for i, t := range views.Tables() {
		l.fields[i] = pipe.HLen(ctx, k.table(live, t))
	}
	for _, status := range job.Statuses() {
		l.listed = append(l.listed, pipe.ZCard(ctx, k.list(live, status)))
	}
	l.timers = pipe.ZCard(ctx, k.due(live))
	l.told = pipe.HLen(ctx, k.Statements())
}

// byTable returns the names of fields by their table.
func byTable(fields []views.Field) (names [views.NumTables][]string) {
	for _, f := range fields {
		names[f.Table] = append(names[f.Table], f.Name)
	}
	return names
}

// read reads the replies, all of which came.
func (l *looking) read() (*views.Look, error) {
	look := &views.Look{}
	var err error
	if look.Position, err = views.ParsePosition(texts(l.position.Val())); err != nil {
		return nil, err
	}
	if l.end != nil {
		id, _ := l.end.Val().(string)
		if look.End, err = parseEnd(id); err != nil {
			return nil, err
		}
	}
	if look.Values, err = values(l.query.Fields, &l.tables); err != nil {
		return nil, err
	}
	for i, f := range l.query.Fields {
		if look.Values[i], err = f.Value(look.Values[i]); err != nil {
			return nil, err
		}
	}
	for i, reply := range l.whole {
		table, err := opened(l.query.Whole[i], reply.Val())
		if err != nil {
			return nil, err
		}
		look.Whole = append(look.Whole, table)
	}
	for _, reply := range l.lists {
		seqs, err := places(reply.Val())
		if err != nil {
			return nil, err
		}
		look.Lists = append(look.Lists, seqs)
	}
	if l.due != nil {
		if look.Due, look.NextDue, err = readDue(l.due.Val(), l.next.Val(), l.query.Due.Limit); err != nil {
			return nil, err
		}
	}
	for t, reply := range l.fields {
		if reply != nil {
			look.Fields[t] = uint64(reply.Val()) //nolint:gosec // a count
		}
	}
	if l.told != nil {
		for _, reply := range l.listed {
			look.Listed += uint64(reply.Val()) //nolint:gosec // a count
		}
		look.Timers = uint64(l.timers.Val()) //nolint:gosec // a count
		look.Told = uint64(l.told.Val())     //nolint:gosec // a count
	}
	if l.states != nil {
		look.States = map[job.Status]uint64{}
		for i, status := range job.Statuses() {
			look.States[status] = uint64(l.states[i].Val()) //nolint:gosec // a count
		}
	}
	if l.statements != nil {
		look.Statements = toBytes(l.statements.Val())
	}
	if l.modes != nil {
		look.Modes = l.modes.Val()
	}
	for _, reply := range l.entries {
		look.Entries += uint64(reply.Val()) //nolint:gosec // a count
	}
	return look, nil
}

// values puts the replies of all tables into the order of the fields.
func values(fields []views.Field, tables *[views.NumTables]*redis.SliceCmd) ([][]byte, error) {
	found := make([][]byte, len(fields))
	var next [views.NumTables]int
	for i, f := range fields {
		reply := tables[f.Table].Val()
		if next[f.Table] >= len(reply) {
			return nil, views.ErrDamaged
		}
		if text, ok := reply[next[f.Table]].(string); ok {
			found[i] = []byte(text)
		}
		next[f.Table]++
	}
	return found, nil
}

// texts makes texts of a reply's values; nothing becomes the empty text.
func texts(reply []any) []string {
	found := make([]string, len(reply))
	for i, v := range reply {
		found[i], _ = v.(string)
	}
	return found
}

// opened returns a table's values without their sums.
func opened(t views.Table, reply map[string]string) (map[string][]byte, error) {
	found := toBytes(reply)
	for name, stored := range found {
		var err error
		if found[name], err = (views.Field{Table: t, Name: name}).Value(stored); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func toBytes(m map[string]string) map[string][]byte {
	found := make(map[string][]byte, len(m))
	for k, v := range m {
		found[k] = []byte(v)
	}
	return found
}

func places(members []string) ([]uint64, error) {
	seqs := make([]uint64, len(members))
	for i, m := range members {
		var err error
		if seqs[i], err = strconv.ParseUint(m, 10, 64); err != nil || strconv.FormatUint(seqs[i], 10) != m {
			return nil, views.ErrDamaged
		}
	}
	return seqs, nil
}

// parseEnd reads the id of the log's last entry, <seq>-0.
func parseEnd(id string) (uint64, error) {
	if id == "" {
		return 0, nil
	}
	entry, err := queue.ParseEntryID(id) // any stream's ids have this form
	if err != nil {
		return 0, fmt.Errorf("read the end of the log: %w", err)
	}
	return entry.Term, nil
}
