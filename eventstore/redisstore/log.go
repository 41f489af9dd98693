package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/eventstore"
)

// maxGets is how many entries one pipeline asks for: replies of a few hundred
// kilobytes, so that no other command waits long behind them.
const maxGets = 256

// Store is one partition's log and lease on Redis. It is safe for concurrent
// use.
type Store struct {
	// Mended, if set, is told when something that was no lease or no position
	// stood under one of these keys and was removed. Set it before the store is
	// used.
	Mended func(ctx context.Context, keys ...string)
	// Replicas is how many replicas must have what Sync makes durable; 0 if the
	// store alone is enough. Set it before the store is used.
	Replicas int

	write, read           redis.UniversalClient
	log, leader, position string
}

var (
	_ eventstore.Store  = (*Store)(nil)
	_ eventstore.Syncer = (*Store)(nil)
)

// New returns the store of a partition. The write client must send every
// command once, as [Server.Writer] does; the read client may repeat. Both stay
// the caller's to close.
func New(write, read redis.UniversalClient, keys Keys) *Store {
	return &Store{write: write, read: read, log: keys.Log(), leader: keys.Leader(), position: keys.Position()}
}

// Append adds a commit with one script.
//
// A crash of ours before Redis runs the script leaves the log as it was; after
// it, the commit is whole at its end, and the next leader reads and folds it.
// A crash of Redis leaves what its append-only file kept, which can lack whole
// commits at the end but never half of one: the leader's next Append meets
// another end of the log and begins anew.
func (s *Store) Append(ctx context.Context, term uint64, after eventstore.Tip, c eventstore.Batch) error {
	if err := c.Check(after); err != nil {
		return err
	}
	if err := s.run(ctx, appendScript, []string{s.leader, s.log}, appendArgs(term, after, c)...); err != nil {
		return fmt.Errorf("append %d events from %d to %s: %w", len(c.Events), c.First, s.log, err)
	}
	return nil
}

// appendArgs are the arguments of the script. Everything that grows with the
// commit is in two slices, whose elements' addresses an interface holds without
// an allocation for each.
func appendArgs(term uint64, after eventstore.Tip, c eventstore.Batch) []any {
	args := make([]any, 0, 4+2*len(c.Events))
	args = append(args, strconv.FormatUint(term, 10), tipID(after), after.Seal, c.Seal)
	ids, events := entryIDs(c.First, len(c.Events)), make([]blob, len(c.Events))
	for i, event := range c.Events {
		events[i] = event
		args = append(args, &ids[i], &events[i])
	}
	return args
}

// blob is bytes that are sent as they are.
type blob []byte

// MarshalBinary returns the bytes.
func (b *blob) MarshalBinary() ([]byte, error) { return *b, nil }

// entryIDs returns the ids of consecutive entries, in one text.
func entryIDs(first uint64, n int) []string {
	const longest = len("18446744073709551615-0")
	text, ends := make([]byte, 0, n*longest), make([]int, n)
	for i := range n {
		text = append(strconv.AppendUint(text, first+uint64(i), 10), "-0"...)
		ends[i] = len(text)
	}
	all, ids, start := string(text), make([]string, n), 0
	for i, end := range ends {
		ids[i], start = all[start:end], end
	}
	return ids
}

// tipID is the id of the entry that a log ends with; an empty log has none.
func tipID(t eventstore.Tip) string {
	if t.Seq == 0 {
		return ""
	}
	return entryID(t.Seq)
}

// Tip returns the end of the log. Its error may be a [history.Fault].
func (s *Store) Tip(ctx context.Context) (eventstore.Tip, error) {
	reply, err := s.read.Do(ctx, "XREVRANGE", s.log, "+", "-", "COUNT", "1").Slice()
	if err != nil {
		return eventstore.Tip{}, fmt.Errorf("read the end of %s: %w", s.log, err)
	}
	raws, err := parseEntries(reply)
	if err != nil || len(raws) == 0 {
		return eventstore.Tip{}, err
	}
	return eventstore.Tip{Seq: raws[0].Seq, Seal: string(raws[0].Seal)}, nil
}

// Read returns entries after a place. When one of them is none that a Store
// wrote, those before it come with a [history.Fault] that says where it is.
func (s *Store) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	if limit < 1 {
		return nil, nil
	}
	// From behind the entry on, not from the next number: an entry "7-1" that
	// somebody slipped in must not be passed over.
	reply, err := s.read.Do(ctx, "XRANGE", s.log, "("+entryID(after), "+", "COUNT", limit).Slice()
	if err != nil {
		return nil, fmt.Errorf("read %s after %d: %w", s.log, after, err)
	}
	return parseEntries(reply)
}

// Get returns the entries with those numbers. Its error may be a
// [history.Fault].
func (s *Store) Get(ctx context.Context, seqs []uint64) ([]history.Raw, error) {
	found := make([]history.Raw, 0, len(seqs))
	for len(seqs) > 0 {
		page := seqs[:min(len(seqs), maxGets)]
		seqs = seqs[len(page):]
		raws, err := s.getPage(ctx, page)
		if err != nil {
			return nil, err
		}
		found = append(found, raws...)
	}
	return found, nil
}

func (s *Store) getPage(ctx context.Context, seqs []uint64) ([]history.Raw, error) {
	pipe := s.read.Pipeline()
	replies := make([]*redis.Cmd, len(seqs))
	for i, seq := range seqs {
		replies[i] = pipe.Do(ctx, "XRANGE", s.log, entryID(seq), entryID(seq))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("read %d entries of %s: %w", len(seqs), s.log, err)
	}
	raws := make([]history.Raw, len(seqs))
	for i, seq := range seqs {
		reply, err := replies[i].Slice()
		if err != nil {
			return nil, fmt.Errorf("read entry %d of %s: %w", seq, s.log, err)
		}
		entry, err := parseEntries(reply)
		if err != nil {
			return nil, err
		}
		raws[i].Seq = seq
		if len(entry) == 1 {
			raws[i] = entry[0]
		}
	}
	return raws, nil
}

// parseEntries reads a reply to XRANGE up to the first entry that no Store
// wrote.
func parseEntries(reply []any) ([]history.Raw, error) {
	raws := make([]history.Raw, 0, len(reply))
	for _, item := range reply {
		raw, ok := parseEntry(item)
		if !ok {
			why := domain.Errorf(domain.Halted, "tampered", "an entry of the log is not one that a supervisor wrote")
			return raws, &history.Fault{Seq: raw.Seq, Why: why}
		}
		raws = append(raws, raw)
	}
	return raws, nil
}

// parseEntry reads [id, [e, event]] or [id, [e, event, s, seal]]. Where it
// cannot, it still says the number as far as there is one.
func parseEntry(item any) (raw history.Raw, ok bool) {
	entry, ok := item.([]any)
	if !ok || len(entry) != 2 {
		return raw, false
	}
	id, _ := entry[0].(string)
	number, rest, _ := strings.Cut(id, "-")
	var err error
	raw.Seq, err = strconv.ParseUint(number, 10, 64)
	fields, _ := entry[1].([]any)
	if err != nil || number[0] == '0' || rest != "0" || len(fields) != 2 && len(fields) != 4 {
		return raw, false
	}
	text := make([]string, len(fields))
	for i := range fields {
		text[i], _ = fields[i].(string)
	}
	if text[0] != "e" || text[1] == "" {
		return raw, false
	}
	raw.Event = []byte(text[1])
	if len(text) == 4 {
		raw.Seal = []byte(text[3])
		return raw, text[2] == "s" && text[3] != ""
	}
	return raw, true
}
