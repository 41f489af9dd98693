package redisviews

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/runnersdk/queue"
)

var (
	//go:embed end.lua
	endSource string
	//go:embed stream.lua
	streamSource string
	//go:embed missing.lua
	missingSource string
	//go:embed mend.lua
	mendSource string
	//go:embed entries.lua
	entriesSource string
)

var (
	endScript     = redis.NewScript(endSource)
	streamScript  = redis.NewScript(streamSource)
	missingScript = redis.NewScript(missingSource)
	mendScript    = redis.NewScript(mendSource)
	entriesScript = redis.NewScript(entriesSource)
)

// Streams returns how each queue's stream is, in one round trip.
func (s *Store) Streams(ctx context.Context, queues []job.Queue) ([]views.Stream, error) {
	replies, err := s.lookAtStreams(ctx, queues, streamScript.EvalSha)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		replies, err = s.lookAtStreams(ctx, queues, streamScript.Eval)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %d queues: %w", len(queues), err)
	}
	found := make([]views.Stream, len(queues))
	for i, reply := range replies {
		texts, err := reply.StringSlice()
		if err != nil {
			return nil, fmt.Errorf("look at queue %s: %w", queues[i], err)
		}
		if found[i], err = parseStream(texts); err != nil {
			return nil, fmt.Errorf("look at queue %s: %w", queues[i], err)
		}
	}
	return found, nil
}

// evaluate runs a script by its hash or by its text.
type evaluate func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func (s *Store) lookAtStreams(ctx context.Context, queues []job.Queue, run evaluate) ([]*redis.Cmd, error) {
	if len(queues) == 0 {
		return nil, nil
	}
	pipe := s.read.Pipeline()
	replies := make([]*redis.Cmd, len(queues))
	for i, q := range queues {
		replies[i] = run(ctx, pipe, []string{s.keys.Jobs(q)}, queue.Group)
	}
	_, err := pipe.Exec(ctx)
	return replies, err
}

// parseStream reads what stream.lua replies.
func parseStream(texts []string) (views.Stream, error) {
	var st views.Stream
	if len(texts) != 5 {
		return st, fmt.Errorf("the script answers with %d texts", len(texts))
	}
	var err error
	if st.Length, err = strconv.ParseUint(texts[1], 10, 64); err != nil {
		return st, err
	}
	st.Group = texts[0] == "1"
	for i, id := range []*queue.EntryID{&st.First, &st.Last, &st.Waiting} {
		if text := texts[i+2]; text != "" {
			if *id, err = queue.ParseEntryID(text); err != nil {
				return st, err
			}
		}
	}
	return st, nil
}

// Missing returns the entries that are not in the queue's stream. A key that is
// no stream has none of them.
func (s *Store) Missing(ctx context.Context, q job.Queue, ids []queue.EntryID) ([]queue.EntryID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id.String()
	}
	return s.ids(ctx, missingScript, q, args...)
}

// Mend removes what stands under the key of a control stream and is none. It
// needs no fence: nobody writes or reads such a key, whoever leads.
func (s *Store) Mend(ctx context.Context, runners []domain.Name) ([]domain.Name, error) {
	if len(runners) == 0 {
		return nil, nil
	}
	keys := make([]string, len(runners))
	for i, id := range runners {
		keys[i] = s.keys.Control(id)
	}
	removed, err := mendScript.Run(ctx, s.write, keys).Int64Slice()
	if err != nil {
		return nil, fmt.Errorf("look at %d control streams: %w", len(runners), err)
	}
	var whose []domain.Name
	for _, i := range removed {
		if i >= 1 && int(i) <= len(runners) {
			whose = append(whose, runners[i-1])
		}
	}
	return whose, nil
}

// Entries returns the ids of entries behind a place.
func (s *Store) Entries(ctx context.Context, q job.Queue, after queue.EntryID, limit int) ([]queue.EntryID, error) {
	return s.ids(ctx, entriesScript, q, after.String(), limit)
}

func (s *Store) ids(ctx context.Context, script *redis.Script, q job.Queue, args ...any) ([]queue.EntryID, error) {
	texts, err := script.Run(ctx, s.read, []string{s.keys.Jobs(q)}, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("look at entries of %s: %w", q, damage(err))
	}
	ids := make([]queue.EntryID, len(texts))
	for i, text := range texts {
		if ids[i], err = queue.ParseEntryID(text); err != nil {
			return nil, fmt.Errorf("look at entries of %s: %w", q, err)
		}
	}
	return ids, nil
}
