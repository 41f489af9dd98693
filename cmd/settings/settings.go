// Package settings fills the flags of a program from its environment and from a
// file, and remembers where each value came from: a flag that was given counts,
// then the variable HORUS_ and its name, then the file, then the default.
//
//	filled, err := settings.Fill(cmd)
//	for _, s := range filled.Told() { fmt.Println(s.Name, s.Value, s.Source) }
//
// The file is TOML. Every flag has a key of the same words with _ for -, in the
// plural where the flag may be given several times. A key that no flag has is an
// error. The file of the original, Hero Supervisor, is read as it is.
package settings

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/flags"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// ConfigFlag is the flag that names the file.
const ConfigFlag = "config"

// Filled are the flags of a program, and where they came from.
type Filled struct {
	// Actors are the processes that the file of the original names.
	Actors []wire.Actor
	// Original reports whether the file is one of the original: it has none but
	// its keys, secrets or actors among them, and what its clients may need.
	Original bool
	// Exposed is the path of a file with secrets that others than its owner may
	// read; empty if there is none.
	Exposed string

	flags   *pflag.FlagSet
	sources map[string]string // by flag; those that are missing have their defaults
	lines   map[string]int    // by flag, of the file
}

// Fill sets every flag that was not given. Errors have exit codes.
func Fill(cmd *cobra.Command) (*Filled, error) {
	filled := &Filled{flags: cmd.Flags(), sources: map[string]string{}, lines: map[string]int{}}
	filled.note(func(*pflag.Flag) string { return "flag" })
	if err := flags.FromEnvironment(cmd, nil); err != nil {
		return nil, err
	}
	filled.note(func(f *pflag.Flag) string { return "environment " + flags.Variable(f.Name) })
	path := ""
	if f := filled.flags.Lookup(ConfigFlag); f != nil {
		path = f.Value.String()
	}
	if path == "" {
		return filled, nil
	}
	if err := filled.read(path); err != nil {
		return nil, err
	}
	filled.note(func(f *pflag.Flag) string { return fmt.Sprintf("file %s, line %d", path, filled.lines[f.Name]) })
	return filled, nil
}

// note remembers where those flags came from that have been set since the last
// time.
func (f *Filled) note(source func(*pflag.Flag) string) {
	f.flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed && f.sources[flag.Name] == "" {
			f.sources[flag.Name] = source(flag)
		}
	})
}

// Given reports whether somebody set a flag.
func (f *Filled) Given(flag string) bool { return f.sources[flag] != "" }

// Adopt sets a flag that nobody set, and says why.
func (f *Filled) Adopt(flag, value, source string) error {
	if f.Given(flag) {
		return nil
	}
	f.sources[flag] = source
	return f.flags.Set(flag, value)
}

// Source says where a flag's value came from, as in "file /etc/horus.toml, line 3".
func (f *Filled) Source(flag string) string {
	if source := f.sources[flag]; source != "" {
		return source
	}
	return "default"
}

// Told returns what is in force, by name, without secrets.
func (f *Filled) Told() []wire.Setting {
	var told []wire.Setting
	f.flags.VisitAll(func(flag *pflag.Flag) {
		if key := keyOf(flag); key != "" {
			told = append(told, wire.Setting{Name: key, Value: masked(flag), Source: f.Source(flag.Name)})
		}
	})
	return told
}

// masked returns a flag's value without what nobody must read.
func masked(f *pflag.Flag) string {
	list, many := f.Value.(pflag.SliceValue)
	switch {
	case isSecret(f) && many && len(list.GetSlice()) > 0:
		return fmt.Sprintf("*** (%d)", len(list.GetSlice()))
	case many:
		return strings.Join(list.GetSlice(), " ")
	}
	value := f.Value.String()
	if address, err := url.Parse(value); err == nil && address.User != nil {
		return address.Redacted()
	}
	return value
}

func isSecret(f *pflag.Flag) bool { return strings.HasSuffix(f.Name, "-secret") }

// keyOf returns the key of a flag in a file, and "" for a flag that has none
// because it is about the one start.
func keyOf(f *pflag.Flag) string {
	switch f.Name {
	case ConfigFlag, "check", "help":
		return ""
	}
	key := strings.ReplaceAll(f.Name, "-", "_")
	if isMany(f) {
		key += "s"
	}
	return key
}
