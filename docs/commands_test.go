package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is a call of one of our programs: which, and with which flags.
type command struct {
	name  string // with the subcommand, as in "horus keys add"
	flags []string
	where string
}

// nouns are the commands of horus that have commands below them.
var nouns = []string{"audit", "contexts", "dead", "events", "job", "keys", "poison", "queues", "runners", "secrets", "system"}

var (
	called     = regexp.MustCompile(`(?:^|[\s'"($])(?:bin/|go run \./cmd/)?(horus|supervisor|runner_sh)((?: +[^|;&#<>]+)?)`)
	everywhere = regexp.MustCompile(`--(address|context|namespace|redis-url|state-dir|tls-ca|trust|json)\b( +[^ -][^ ]*)?`) // flags of all commands
	subcommand = regexp.MustCompile(`^[a-z]+$`)
	flag0      = regexp.MustCompile(`^--?[a-z][a-z0-9-]*`)
)

// commandsIn finds the calls of our programs in a line.
func commandsIn(where, line string) (found []command) {
	for _, m := range called.FindAllStringSubmatch(line, -1) {
		words := strings.Fields(everywhere.ReplaceAllString(m[2], ""))
		c := command{name: m[1], where: where + ": " + strings.TrimSpace(line)}
		if c.name == "horus" {
			depth := 0
			for _, word := range words {
				if !subcommand.MatchString(word) || depth == 2 || depth == 1 && !slices.Contains(nouns, strings.TrimPrefix(c.name, "horus ")) {
					continue
				}
				c.name += " " + word
				depth++
			}
		}
		for _, word := range words {
			if name := flag0.FindString(word); name != "" {
				c.flags = append(c.flags, name)
			}
		}
		found = append(found, c)
	}
	return found
}

func linesOf(t *testing.T, pattern string, each func(name, line string)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			each(filepath.Base(file), line)
		}
	}
}

// Whoever types what a page says must see it work: each command of ours in a page,
// and each flag that it is shown with, is played by a story.
func TestEveryCommandOfThePagesIsPlayed(t *testing.T) {
	played := map[string]map[string]bool{}
	linesOf(t, "../integration/testdata/script/*.txtar", func(name, line string) {
		for _, c := range commandsIn(name, line) {
			if played[c.name] == nil {
				played[c.name] = map[string]bool{}
			}
			for _, flag := range c.flags {
				played[c.name][flag] = true
			}
		}
	})
	shown := 0
	look := func(name, line string) {
		line, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "$ ")
		if !ok {
			return
		}
		for _, c := range commandsIn(name, line) {
			shown++
			if played[c.name] == nil {
				t.Errorf("no story plays %q\n\t%s", c.name, c.where)
			}
			for _, flag := range c.flags {
				if played[c.name] != nil && !played[c.name][flag] {
					t.Errorf("no story plays %q with %s\n\t%s", c.name, flag, c.where)
				}
			}
		}
	}
	linesOf(t, "../README.md", look)
	linesOf(t, "*.md", look)
	if shown < 30 {
		t.Errorf("only %d commands were found in the pages", shown)
	}
}

// A make target that a page names must be there.
func TestEveryTargetOfThePagesIsThere(t *testing.T) {
	targets := map[string]bool{}
	linesOf(t, "../Makefile", func(_, line string) {
		if name, _, ok := strings.Cut(line, ":"); ok && subcommandOrTarget.MatchString(name) {
			targets[name] = true
		}
	})
	named := regexp.MustCompile("(?:^|[`$] ?)make ([a-z-]+)")
	look := func(name, line string) {
		for _, m := range named.FindAllStringSubmatch(line, -1) {
			if !targets[m[1]] {
				t.Errorf("%s names make %s, which is not there", name, m[1])
			}
		}
	}
	linesOf(t, "../README.md", look)
	linesOf(t, "*.md", look)
}

var subcommandOrTarget = regexp.MustCompile(`^[a-z-]+$`)
