package redisstore

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/eventstore"
)

var (
	//go:embed append.lua
	appendSource string
	//go:embed take.lua
	takeSource string
	//go:embed beat.lua
	beatSource string
	//go:embed release.lua
	releaseSource string
	//go:embed cut.lua
	cutSource string
	//go:embed sync.lua
	syncSource string
)

var (
	appendScript = redis.NewScript(appendSource)
	takeScript   = redis.NewScript(takeSource)
	beatScript   = redis.NewScript(beatSource)
	syncScript   = redis.NewScript(syncSource)
	// The same for a Redis whose memory is full: a beat takes none, and a leader
	// that is well must not look dead. Redis before 7.0, and the embedded one, do
	// not know the word.
	beatFullScript = redis.NewScript(allowFull + beatSource)
	syncFullScript = redis.NewScript(allowFull + syncSource)
	releaseScript  = redis.NewScript(releaseSource)
	cutScript      = redis.NewScript(cutSource)
)

const allowFull = "#!lua flags=allow-oom\n"

// errMore is a script's word that it did a part and is to be run again.
var errMore = errors.New("there is more to do")

// errMended is the answer of take.lua when it took the lease and removed what
// was none.
var errMended = errors.New("keys were not what they should be")

// run runs a script and reads its one word. Redis forgets scripts as it likes:
// where it does not know one it has run nothing, and gets the whole text.
func (s *Store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) error {
	return meaning(script.Run(ctx, s.write, keys, args...).Text())
}

// way is a way to run a script.
type way func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

// beatWays and syncWays are ways to raise the beat: each is tried when the one
// before it met [again].
func beatWays() []way { return []way{beatScript.EvalSha, beatScript.Eval, beatFullScript.Eval} }

func syncWays() []way { return []way{syncScript.EvalSha, syncScript.Eval, syncFullScript.Eval} }

// again reports whether Redis ran nothing of a script, but may in another way:
// it does not know it, or has no memory for what it might write.
func again(err error) bool {
	return redis.HasErrorPrefix(err, "NOSCRIPT") || redis.HasErrorPrefix(err, "OOM ")
}

// meaning is what a script's one word, or its error, means.
func meaning(word string, err error) error {
	switch {
	case refused(err):
		return fmt.Errorf("%w: %w", eventstore.ErrRefused, err)
	case tailDeleted(err):
		return fmt.Errorf("%w: %w", eventstore.ErrTruncated, err)
	case err != nil:
		return err
	}
	switch word {
	case "ok":
		return nil
	case "more":
		return errMore
	case "mended":
		return errMended
	case "term":
		return fmt.Errorf("%w: the lease is of another term", eventstore.ErrConflict)
	case "end":
		return fmt.Errorf("%w: the log ends with something else", eventstore.ErrConflict)
	case "held":
		return fmt.Errorf("%w: the lease is not as it was seen", eventstore.ErrConflict)
	}
	return fmt.Errorf("the script answers %.40q", word)
}

// refused reports whether err is Redis' word that it wrote nothing because it
// cannot, or may not for us, now. Of a script's writes only the first can meet
// one of these.
func refused(err error) bool {
	prefixes := []string{
		"OOM ", "LOADING ", "READONLY ", "MISCONF ", "NOREPLICAS ", "MASTERDOWN ", "BUSY ",
		"CLUSTERDOWN ", "TRYAGAIN ", "MOVED ", "ASK ", // the cluster is being changed
		"NOAUTH ", "NOPERM ", "WRONGPASS ", "max number of clients reached",
	}
	return slices.ContainsFunc(prefixes, func(p string) bool { return redis.HasErrorPrefix(err, p) })
}

// tailDeleted reports whether err is what XADD says when the stream once had a
// higher id than its last entry has. That is a stream from whose end somebody
// deleted; one that Redis itself lost the end of is whole.
func tailDeleted(err error) bool {
	return redis.HasErrorPrefix(err, "The ID specified in XADD is equal or smaller")
}
