package fixedjson_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/seedtest"
)

func TestAppendStringWritesTheShortestEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"plain":             `"plain"`,
		"":                  `""`,
		"a\"b\\c":           `"a\"b\\c"`,
		"\b\t\n\f\r":        `"\b\t\n\f\r"`,
		"\x00\x1f\x7f":      `"\u0000\u001f` + "\x7f" + `"`,
		"<&>€\u2028":        `"<&>€` + "\u2028" + `"`,
		"bad \xff utf8":     `"bad ` + "\uFFFD" + ` utf8"`,
		"emoji \U0001F600!": `"emoji ` + "\U0001F600" + `!"`,
	} {
		if got := string(fixedjson.AppendString(nil, in)); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestReaderRefusesASecondSpelling(t *testing.T) {
	uints := []string{"00", "01", "-1", "+1", "1.0", "1e2", "", "9007199254740992", "99999999999999999999"}
	for _, in := range uints {
		r := fixedjson.NewReader([]byte(in))
		if n := r.Uint(); r.End() == nil {
			t.Errorf("Uint(%q) = %d, want an error", in, n)
		}
	}
	strings := []string{
		`"\u0041"`, `"\/"`, `"\u000a"`, `"\u001F"`, `"\ud83d\ude00"`, `"a`, `a"`, `"\x"`, `"\u00"`,
		"\"\xff\"", "\"\n\"", `"\"`,
	}
	for _, in := range strings {
		r := fixedjson.NewReader([]byte(in))
		if s := r.String(); r.End() == nil {
			t.Errorf("String(%s) = %q, want an error", in, s)
		}
	}
}

// Strings are looked at eight bytes at a time, so every byte is tried at every
// place.
func TestReaderFindsWhatAStringMayNotHold(t *testing.T) {
	for size := range 20 {
		for at := range size {
			for b := range 256 {
				body := bytes.Repeat([]byte("]"), size) // the neighbour of a backslash
				body[at] = byte(b)
				r := fixedjson.NewReader(append(append([]byte{'"'}, body...), '"'))
				s := r.String()
				good := b >= ' ' && b != '"' && b != '\\' && b < 0x80
				if (r.End() == nil) != good || good && s != string(body) {
					t.Fatalf("byte %#x at %d of %d: %q, %v", b, at, size, s, r.End())
				}
			}
		}
	}
}

func TestReaderReadsTheLargestSafeInteger(t *testing.T) {
	for _, n := range []uint64{0, 7, 10, 9007199254740991} {
		r := fixedjson.NewReader(fixedjson.AppendUint(nil, n))
		if got := r.Uint(); got != n || r.End() != nil {
			t.Errorf("Uint = %d, %v; want %d", got, r.End(), n)
		}
	}
}

func TestValueLeavesForeignBytesAlone(t *testing.T) {
	for _, value := range []string{
		`{ "a" : [1, 2, {"b":"}\""}] }`, `[]`, `"x,]"`, `12`, `true`, `{}`, `-1.5e3`,
	} {
		doc := `{"doc":` + value + `,"n":1}`
		r := fixedjson.NewReader([]byte(doc))
		r.Literal(`{"doc":`)
		got := r.Value()
		r.Literal(`,"n":1}`)
		if err := r.End(); err != nil || string(got) != value {
			t.Errorf("Value in %s = %s, %v", doc, got, err)
		}
	}
	deep := bytes.Repeat([]byte("["), 40)
	r := fixedjson.NewReader(deep)
	if r.Value(); r.Err() == nil {
		t.Error("forty open brackets were read")
	}
}

func TestStringsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		quoted := fixedjson.AppendString(nil, s)
		r := fixedjson.NewReader(quoted)
		if got := r.String(); got != s || r.End() != nil {
			t.Fatalf("%q came back as %q, %v", s, got, r.End())
		}
		var std string
		if err := json.Unmarshal(quoted, &std); err != nil || std != s {
			t.Fatalf("encoding/json reads %s as %q, %v", quoted, std, err)
		}
	})
}

func FuzzReader(f *testing.F) {
	seedtest.Add(f, []byte(`{"a":"x\n","n":12,"d":{"k":[1,"2"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := fixedjson.NewReader(data)
		r.Literal(`{"a":`)
		s := r.String()
		r.Literal(`,"n":`)
		n := r.Uint()
		r.Literal(`,"d":`)
		d := r.Value()
		r.Literal(`}`)
		if r.End() != nil {
			return
		}
		again := fixedjson.AppendString([]byte(`{"a":`), s)
		again = fixedjson.AppendUint(append(again, `,"n":`...), n)
		again = append(append(append(again, `,"d":`...), d...), '}')
		if !bytes.Equal(again, data) {
			t.Fatalf("two spellings of one document:\n%s\n%s", data, again)
		}
	})
}
