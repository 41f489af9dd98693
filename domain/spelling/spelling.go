// Package spelling finds the word that somebody meant who wrote another.
package spelling

import "strings"

// maxWord bounds the words that are compared, in bytes: who writes longer ones
// did not mistype a name of ours.
const maxWord = 64

// Nearest returns the known word that is most like one that is not, and "" when
// none is like it. Half a word is like the whole, letters of the other case are
// the same, and one letter in four may be wrong, three at most. The first of
// several that are as near is returned.
func Nearest(word string, known []string) string {
	if word == "" || len(word) > maxWord {
		return ""
	}
	best, least := "", 1+max(1, min(len(word)/4, 3)) // what is that far is not near
	lower := strings.ToLower(word)
	for _, name := range known {
		if d := unlike(lower, strings.ToLower(name), least); d < least {
			best, least = name, d
		}
	}
	return best
}

// unlike is how far a word is from a known one, or limit if it is no nearer.
func unlike(word, name string, limit int) int {
	switch {
	case len(word) > 1 && strings.HasPrefix(name, word):
		return min(1, len(name)-len(word))
	case len(name) > maxWord, len(word)-len(name) >= limit, len(name)-len(word) >= limit:
		return limit
	}
	return distance(word, name)
}

// distance is how many times a letter must be changed, added or taken away, or
// two neighbours exchanged, to make one word of another (Damerau and
// Levenshtein, no letter being touched twice).
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
