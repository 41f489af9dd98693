package events

import (
	"slices"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
)

// Types says which events somebody wants to hear of. The zero Types is none.
type Types struct {
	words []string // as they were given: names, kind.*, *
	names map[string]bool
}

// maxWords bounds a list of types.
const maxWords = 64

// ParseTypes reads names of events, with commas between them: job.completed,
// job.* for all of a kind, * for all there are. A word that no event bears is
// [domain.Invalid] with the reason types.
func ParseTypes(text string) (Types, error) {
	t := Types{words: strings.Split(text, ","), names: map[string]bool{}}
	if len(t.words) > maxWords {
		return Types{}, badTypes("%d words; the limit is %d", len(t.words), maxWords)
	}
	known := history.Types()
	for i, word := range t.words {
		kind, all := strings.CutSuffix(word, "*")
		found := false
		for _, name := range known {
			if name == word || all && strings.HasPrefix(name, kind) && (kind == "" || strings.HasSuffix(kind, ".")) {
				t.names[name], found = true, true
			}
		}
		switch {
		case !found:
			return Types{}, badTypes("no event is called %.64q; there are %s, and %s or * for many of them",
				word, strings.Join(known, ", "), strings.Join(kinds(known), ", "))
		case slices.Contains(t.words[:i], word):
			return Types{}, badTypes("%s stands there twice", word)
		}
	}
	return t, nil
}

func badTypes(format string, args ...any) error {
	return domain.Errorf(domain.Invalid, "types", format, args...)
}

// kinds returns the words for all events of a kind.
func kinds(names []string) []string {
	var words []string
	for _, name := range names {
		kind, _, _ := strings.Cut(name, ".")
		words = append(words, kind+".*")
	}
	return slices.Compact(words)
}

// Has reports whether events of that name are among them.
func (t Types) Has(name string) bool { return t.names[name] }

// IsZero reports whether there are none.
func (t Types) IsZero() bool { return len(t.words) == 0 }

// String returns what ParseTypes reads.
func (t Types) String() string { return strings.Join(t.words, ",") }
