package jsonrpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// document is a text of a corpus, named after what is wrong with it (n_) or right
// (y_).
type document struct{ name, text string }

// sample has one of everything that JSON has.
const sample = `{"a":[1,-2.5e+3,true,false,null,"x\u00e9\n"],"b":{"c":{}},"d":[[]]}`

// malformed is a corpus of texts that are no JSON.
func malformed() []document {
	var all []document
	add := func(family string, texts ...string) {
		for i, text := range texts {
			all = append(all, document{fmt.Sprintf("n_%s_%d", family, i+1), text})
		}
	}
	for end := range len(sample) {
		add(fmt.Sprint("cut_at_", end), sample[:end])
	}
	for c := range 0x20 {
		add(fmt.Sprintf("control_character_%02x", c), `["a`+string(rune(c))+`"]`)
	}
	for c := byte('!'); c < 0x7f; c++ {
		if !strings.ContainsRune(`"\/bfnrtu`, rune(c)) {
			add(fmt.Sprintf("escape_of_%02x", c), `["\`+string(c)+`"]`)
		}
	}
	add("number", `[+1]`, `[01]`, `[-01]`, `[-]`, `[--1]`, `[1.]`, `[.5]`, `[-.5]`, `[1.e1]`, `[1e]`, `[1e+]`, `[1e-]`, `[1e1.5]`, `[1E+-1]`,
		`[0x10]`, `[0b1]`, `[0o7]`, `[1_000]`, `[1,000.5.5]`, `[NaN]`, `[-NaN]`, `[Infinity]`, `[-Infinity]`, `[Inf]`, `[1a]`, `[1 2]`, `[- 1]`, `[１]`, `[0e]`, `[00]`, `[1f]`, `[2.]`, `[1.2.3]`)
	add("literal", `[True]`, `[TRUE]`, `[tru]`, `[truee]`, `[nul]`, `[Null]`, `[nil]`, `[undefined]`, `[fals]`, `[FALSE]`, `[t]`, `[None]`, `[yes]`, `[nulll]`)
	add("string", `["]`, `[']`, `['a']`, `["a]`, `[a]`, `["\u12"]`, `["\u12G4"]`, `["\u"]`, `["\x41"]`, `["\`, `["a""b"]`, "[`a`]", `["\u 041"]`, `["\U0041"]`, `["\u{41}"]`, `["\0"]`, "[\"a\nb\"]", "[\"a\tb\"]", "[\u201ca\u201d]")
	add("array", `[`, `]`, `[1,]`, `[,1]`, `[1,,2]`, `[,]`, `[1 true]`, `[1;2]`, `[1:2]`, `[[]`, `[]]`, `[1}`, `(1)`, `[1,2`, `[...]`, `[1 /* a */]`, "[1 // a\n]", "[1 # a\n]")
	add("object", `{`, `}`, `{]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a":1,,"b":2}`, `{"a" 1}`, `{"a"::1}`, `{"a"=1}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{[]:1}`, `{"a":1 "b":2}`, `{"a":1;"b":2}`, `{"a":1`, `{"a":1]`, `{:1}`, `{"a":1}}`, `{"a":{}`, `{"a":undefined}`, `{/**/}`)
	add("white_space", "[1,\u00a02]", "[\u20281]", "[\v1]", "[\f1]", "\u3000[1]", "[1]\u0085", "[\x001]")
	add("utf8", "[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xe0\x80\xaf\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xc3\"]", "[\"\xe2\x82\"]", "[\"\x80\"]", "[\"\xf8\x88\x80\x80\x80\"]", "\xef\xbb\xbf[]", "\xfe\xff\x00[\x00]", "[\xc3\xa9]", "{\"\xff\":1}")
	add("two_values", `1 2`, `{}{}`, `[][]`, `"a""b"`, `null null`, `{} ]`, `[] ,`, `1,2`, `{};`)
	add("deep", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), strings.Repeat(`[{"":`, 50_000), strings.Repeat("[", 5000)+strings.Repeat("]", 4999))
	return all
}

// wellFormed is a corpus of texts that are JSON, and that every reader takes for
// the same.
func wellFormed() []document {
	var all []document
	for i, text := range []string{
		sample, `0`, `-1`, `1e2`, `1E+2`, `1.5e-3`, `-0.5`, `9007199254740991`, `true`, `false`, `null`, `""`, `"a"`, `"\"\\\/\b\f\n\r\t"`,
		`"\u0000"`, `"\u0041"`, `"\ud83d\ude00"`, `"\u2028"`, `"é"`, `"😀"`, `"` + "\u007f" + `"`, `[]`, `[ ]`, `[1]`, ` [ 1 , 2 ] `, "\t[\r\n]", `[[],{}]`,
		`{}`, `{ }`, `{"":0}`, `{"a":1,"b":2}`, `{"a":{"a":1}}`, `{"\u0061":1,"b":1}`, `[null,1,"1",{},[]]`, `"` + strings.Repeat("x", 10_000) + `"`,
		strings.Repeat("[", 30) + strings.Repeat("]", 30),
	} {
		all = append(all, document{fmt.Sprintf("y_%d", i+1), text})
	}
	return all
}

// Row 2: whatever is no JSON is -32700, at once and without harm. The names say
// what is wrong. encoding/json says that it is so.
func TestWhatIsNoJSON(t *testing.T) {
	s := newServer(t, jsonrpc.Options{})
	corpus := malformed()
	if len(corpus) < 188 {
		t.Errorf("only %d documents", len(corpus))
	}
	for _, d := range corpus {
		if json.Valid([]byte(d.text)) && !strings.Contains(d.name, "utf8") {
			t.Errorf("%s: that is JSON: %.100q", d.name, d.text)
		}
		begun := time.Now()
		for _, message := range []string{d.text, `{"jsonrpc":"2.0","id":1,"method":"subtract","params":` + d.text + `}`} {
			if json.Valid([]byte(message)) && !strings.Contains(d.name, "utf8") {
				continue // cut so that the frame closes it
			}
			got := string(s.Handle(t.Context(), []byte(message)))
			if !strings.HasPrefix(got, `{"jsonrpc":"2.0","error":{"code":-32700,`) || !strings.HasSuffix(got, `"id":null}`) {
				t.Errorf("%s: %.100q: %s", d.name, message, got)
			}
		}
		if took := time.Since(begun); strings.Contains(d.name, "deep") && took > time.Second {
			t.Errorf("%s took %v", d.name, took)
		}
	}
}

// What is JSON is never answered -32700: as a message it is no request, and as
// parameters it is none that the method has, or the call works.
func TestWhatIsJSON(t *testing.T) {
	s := newServer(t, jsonrpc.Options{})
	for _, d := range wellFormed() {
		for _, message := range []string{d.text, `{"jsonrpc":"2.0","id":1,"method":"subtract","params":` + d.text + `}`} {
			if got := string(s.Handle(t.Context(), []byte(message))); strings.Contains(got, `-32700`) || strings.Contains(got, `-32603`) {
				t.Errorf("%s: %.100q: %s", d.name, message, got)
			}
		}
	}
}
