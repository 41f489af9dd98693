package term_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// Written by hand.
const golden = `{"term":1767366245,"name":"s1","address":"https://s1.example:3030","key":"21fe31dfa154a261626bf854046fd227"}`

func TestTheBeginningHasOneSpelling(t *testing.T) {
	e, err := term.DecodeBegan([]byte(golden))
	want := term.Began{Term: 1767366245, Name: "s1", Address: "https://s1.example:3030", Key: "21fe31dfa154a261626bf854046fd227"}
	if err != nil || e != want {
		t.Fatalf("%+v, %v", e, err)
	}
	if got := string(e.AppendData(nil)); got != golden {
		t.Errorf("written as %s, want %s", got, golden)
	}
	for _, tt := range []struct{ name, old, replacement string }{
		{"a term beyond counting", "1767366245", "9007199254740992"},
		{"a term with a point", "1767366245", "1.5"},
		{"a name in capitals", `"s1"`, `"S1"`},
		{"a key id that is short", "fd227", "fd2"},
		{"an address that is null", `"https://s1.example:3030"`, "null"},
		{"a member more", `"}`, `","beat":1}`},
	} {
		data := strings.Replace(golden, tt.old, tt.replacement, 1)
		if e, err := term.DecodeBegan([]byte(data)); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %+v, %v; want invalid", tt.name, e, err)
		}
	}
}

func TestTermsGrowAndAreSealedByTheirLeader(t *testing.T) {
	const key, other = signing.KeyID("21fe31dfa154a261626bf854046fd227"), signing.KeyID("39f713d0a644253f04529421b9f51b9b")
	now := term.State{Version: 3, Term: 7, Name: "s1", Key: other}
	for _, tt := range []struct {
		name  string
		fact  event.Fact[term.Began]
		seal  signing.Seal
		legal bool
	}{
		{"the next term", event.Fact[term.Began]{Version: 4, Data: term.Began{Term: 8, Key: key}}, signing.Seal{Term: 8, Key: key}, true},
		{"a much later term", event.Fact[term.Began]{Version: 4, Data: term.Began{Term: 8000, Key: key}}, signing.Seal{Term: 8000, Key: key}, true},
		{"the same term", event.Fact[term.Began]{Version: 4, Data: term.Began{Term: 7, Key: key}}, signing.Seal{Term: 7, Key: key}, false},
		{"an earlier term", event.Fact[term.Began]{Version: 4, Data: term.Began{Term: 6, Key: key}}, signing.Seal{Term: 6, Key: key}, false},
		{"a term sealed by another", event.Fact[term.Began]{Version: 4, Data: term.Began{Term: 8, Key: key}}, signing.Seal{Term: 8, Key: other}, false},
		{"a term sealed in another", event.Fact[term.Began]{Version: 4, Data: term.Began{Term: 9, Key: key}}, signing.Seal{Term: 8, Key: key}, false},
		{"a version again", event.Fact[term.Began]{Version: 3, Data: term.Began{Term: 8, Key: key}}, signing.Seal{Term: 8, Key: key}, false},
		{"a version left out", event.Fact[term.Began]{Version: 5, Data: term.Began{Term: 8, Key: key}}, signing.Seal{Term: 8, Key: key}, false},
	} {
		err := term.Legal(now, tt.fact, tt.seal)
		if (err == nil) != tt.legal || err != nil && domain.CodeOf(err) != domain.Halted {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	began := term.Began{Term: 8, Name: "s2", Address: "a", Key: key}
	want := term.State{Version: 4, Term: 8, Name: "s2", Address: "a", Key: key}
	if got := term.Evolve(now, event.Fact[term.Began]{Version: 4, Data: began}); got != want {
		t.Errorf("state %+v, want %+v", got, want)
	}
}

func TestTheNextTermFollowsTheClockAndNeverGoesBack(t *testing.T) {
	for _, tt := range []struct {
		name string
		last uint64
		now  event.Time
		salt uint64
		want uint64
	}{
		{"the first", 0, 1767366245_999999, 7, 1767366245_999},
		{"a millisecond later", 1767366245_000, 1767366245_001000, 0, 1767366245_001},
		{"in the same millisecond", 1767366245_500, 1767366245_500900, 0, 1767366245_501},
		{"in the same millisecond as another", 1767366245_500, 1767366245_500900, 2*term.Spread + 7, 1767366245_508},
		{"with a clock that went back", 1767366245_000, 1000, 0, 1767366245_001},
		{"with a clock before time", 0, -5, 0, 1},
		{"when the store forgot the last one", 0, 1767366300_000000, 7, 1767366300_000},
	} {
		if got := term.Next(tt.last, tt.now, tt.salt); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// FuzzDecodeBegan holds that whatever is read has one spelling.
func FuzzDecodeBegan(f *testing.F) {
	seedtest.Add(f, []byte(golden))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := term.DecodeBegan(data)
		if err != nil {
			return
		}
		if again := e.AppendData(nil); !bytes.Equal(again, data) {
			t.Errorf("%q was read and is written as %q", data, again)
		}
	})
}
