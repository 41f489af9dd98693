package flags

import (
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// Level is the value of the flag --log: the least level that is logged.
type Level struct {
	level slog.Level
	given bool
}

// Log defines the flag --log of a service that logs on stderr.
func Log(f *pflag.FlagSet) *Level {
	l := &Level{level: slog.LevelInfo}
	f.Var(l, "log", "what to log on stderr: debug, info, warn or error")
	return l
}

// Level returns the level that was given, or else that of RUST_LOG, which the
// services understood whose place these take. Other words of that variable mean
// nothing here.
func (l *Level) Level() slog.Level {
	var old slog.Level
	if !l.given && old.UnmarshalText([]byte(os.Getenv("RUST_LOG"))) == nil {
		return old
	}
	return l.level
}

// Set reads a level's word, in capitals or not.
func (l *Level) Set(word string) error {
	l.given = true
	if l.level.UnmarshalText([]byte(word)) != nil {
		return errors.New("want debug, info, warn or error")
	}
	return nil
}

// String returns the level's word.
func (l *Level) String() string { return strings.ToLower(l.level.String()) }

// Type says in a usage what the flag takes.
func (*Level) Type() string { return "level" }
