package term_test

import (
	"fmt"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// A supervisor takes over: its term follows the clock and is above the last
// one, and it seals its own beginning.
func Example() {
	last := term.State{Version: 1, Term: 1767366245000, Name: "s1", Key: "21fe31dfa154a261626bf854046fd227"}
	began := term.Began{
		Term: term.Next(last.Term, 1767366240_000000, 0), // the clock went back
		Name: "s2", Address: "https://s2.example:3030", Key: "39f713d0a644253f04529421b9f51b9b",
	}
	f := event.Fact[term.Began]{Data: began, Version: 2}
	fmt.Println(term.Legal(last, f, signing.Seal{Term: began.Term, Key: began.Key}))
	s := term.Evolve(last, f)
	fmt.Println(s.Name, "leads term", s.Term)
	// Output:
	// <nil>
	// s2 leads term 1767366245001
}
