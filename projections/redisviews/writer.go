package redisviews

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/projections/views"
)

// writer owns one connection, on which it watches one position.
type writer struct {
	store *Store
	key   string      // of the position
	conn  *redis.Conn // nil before the first use and after trouble
	ready bool        // the caller knows the position as it is watched

	sender   sender
	commands []redis.Cmder // room for those of a transaction
	place    []any         // arguments that ask for the position
}

// Writer returns a writer.
func (s *Store) Writer(fill uint64) views.Writer {
	key := s.keys.position(fill)
	place := []any{"HMGET", key}
	for _, name := range views.PositionFields() {
		place = append(place, name)
	}
	return &writer{store: s, key: key, sender: sender{keys: &s.keys}, place: place}
}

// connect takes a connection of its own for the writer.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	client, err := node(ctx, w.store.write, w.key)
	if err != nil {
		return err
	}
	w.conn = client.Conn()
	return nil
}

// drop gives up the connection, and with it the watch. A cluster may have moved
// the key: its map is read again.
func (w *writer) drop(ctx context.Context) {
	_ = w.Close() // whatever is wrong with it, it is not used any more
	if cluster, ok := w.store.write.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}

// Close gives up the connection.
func (w *writer) Close() error {
	w.ready = false
	if w.conn == nil {
		return nil
	}
	conn := w.conn
	w.conn = nil
	return conn.Close()
}

// Watch returns the position and begins to watch it. An older watch is given up
// first: Redis does not renew one.
func (w *writer) Watch(ctx context.Context) (views.Position, error) {
	w.ready = false
	if err := w.connect(ctx); err != nil {
		return views.Position{}, err
	}
	pipe := w.conn.Pipeline()
	unwatch, watch, position := redis.NewStatusCmd(ctx, "UNWATCH"), w.watch(ctx), w.position(ctx)
	_ = pipe.BatchProcess(ctx, unwatch, watch, position) // only queues them
	if _, err := pipe.Exec(ctx); err != nil {
		w.drop(ctx)
		return views.Position{}, fmt.Errorf("watch %s: %w", w.key, damage(err))
	}
	w.ready = true
	return views.ParsePosition(position.Val())
}

func (w *writer) watch(ctx context.Context) *redis.StatusCmd {
	return redis.NewStatusCmd(ctx, "WATCH", w.key)
}

// position asks for the position; what it lacks is an empty text.
func (w *writer) position(ctx context.Context) *redis.StringSliceCmd {
	return redis.NewStringSliceCmd(ctx, w.place...)
}

// Read returns fields of a generation, on the writer's own connection.
func (w *writer) Read(ctx context.Context, generation uint64, fields []views.Field) ([][]byte, error) {
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	var tables [views.NumTables]*redis.SliceCmd
	pipe := w.conn.Pipeline()
	for t, names := range byTable(fields) {
		if len(names) > 0 {
			tables[t] = pipe.HMGet(ctx, w.store.keys.table(generation, views.Table(t)), names...) //nolint:gosec // a table's number
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		if err := damage(err); errors.Is(err, views.ErrDamaged) {
			return nil, err
		}
		w.drop(ctx)
		return nil, fmt.Errorf("read views: %w", err)
	}
	return values(fields, &tables)
}

// Commit sends a transaction and the next watch in one pipeline.
//
// Redis carries out MULTI … EXEC whole or not at all, also across a crash: its
// append-only file loses a half-written one. A crash of ours leaves one of the
// two, and the next engine sees by the position which.
func (w *writer) Commit(ctx context.Context, tx *views.Tx) (views.Position, error) {
	if !w.ready {
		return views.Position{}, views.ErrConflict // nobody compared the position that is watched, if one is
	}
	w.ready = false
	exec, position := redis.NewCmd(ctx, "EXEC"), w.position(ctx)
	replies, err := w.pipeline(ctx, tx, exec, position)
	outcome := exec.Err()
	switch {
	case errors.Is(outcome, redis.Nil):
		return views.Position{}, views.ErrConflict
	case outcome != nil && isReply(outcome):
		// Redis refused a command when it was queued, and so all of them.
		return views.Position{}, fmt.Errorf("nothing was written: %w", firstError(replies))
	case outcome != nil:
		w.drop(ctx)
		return views.Position{}, fmt.Errorf("no answer to a transaction: %w", outcome)
	}
	if err := refusals(exec); err != nil {
		return views.Position{}, err
	}
	if err != nil { // of the watch behind EXEC
		w.drop(ctx)
		return views.Position{}, fmt.Errorf("watch %s: %w", w.key, damage(err))
	}
	w.ready = true
	return views.ParsePosition(position.Val())
}

// pipeline sends a transaction and the next watch. Within MULTI all replies are
// the word QUEUED, so that is what is expected of the commands.
func (w *writer) pipeline(ctx context.Context, tx *views.Tx, exec, position redis.Cmder) ([]redis.Cmder, error) {
	w.sender.send(tx, w.key)
	w.commands = append(w.commands, redis.NewStatusCmd(ctx, "MULTI"))
	for _, args := range w.sender.commands {
		w.commands = append(w.commands, redis.NewStatusCmd(ctx, args...))
	}
	w.commands = append(w.commands, exec, w.watch(ctx), position)
	pipe := w.conn.Pipeline()
	_ = pipe.BatchProcess(ctx, w.commands...) // only queues them
	replies, err := pipe.Exec(ctx)
	w.commands = emptied(w.commands)
	w.sender.reset()
	return replies, err
}

// isReply reports whether an error is Redis' own word.
func isReply(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// firstError returns why a transaction was refused: the error of the command
// that was, rather than that of EXEC.
func firstError(replies []redis.Cmder) error {
	for _, r := range replies {
		if err := r.Err(); err != nil {
			return err
		}
	}
	return nil
}

// refusals returns [views.ErrDamaged] if a command within the transaction
// failed alone. A group that is there already is what was wanted.
func refusals(exec *redis.Cmd) error {
	replies, err := exec.Slice()
	if err != nil {
		return fmt.Errorf("read the replies of a transaction: %w", err)
	}
	for _, reply := range replies {
		if err, ok := reply.(error); ok && !redis.HasErrorPrefix(err, "BUSYGROUP") {
			return fmt.Errorf("%w: %w", views.ErrDamaged, err)
		}
	}
	return nil
}
