package signing_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

func TestCanonicalFormsOfTheReferenceFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/jcs/input/*.json")
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		input, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.Replace(name, "input", "output", 1))
		if err != nil {
			t.Fatal(err)
		}
		got, err := signing.Canonical(input)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
}

// number is the float64 of these bits in the 17 digits that always suffice.
func number(t *testing.T, bits string) (f float64, text string) {
	t.Helper()
	f = math.Float64frombits(binary.BigEndian.Uint64(unhex(t, strings.Repeat("0", 16-len(bits))+bits)))
	return f, strconv.FormatFloat(f, 'e', 16, 64)
}

// checkNumber holds the canonical form of one number against the published one.
// A number of 17 digits beyond ±(2^53−1) is another decimal number than its
// canonical form, so it is refused; the canonical form itself must pass.
func checkNumber(t *testing.T, bits, want string) {
	t.Helper()
	f, long := number(t, bits)
	if got, err := signing.Canonical([]byte(want)); err != nil || string(got) != want {
		t.Errorf("%s: the canonical form %s became %s, %v", bits, want, got, err)
	}
	got, err := signing.Canonical([]byte(long))
	switch {
	case math.Signbit(f) && f == 0:
		wantInvalid(t, "minus zero", err, "number")
	case err == nil && string(got) != want:
		t.Errorf("%s: %s became %s, want %s", bits, long, got, want)
	case err != nil && math.Abs(f) < 1<<53:
		t.Errorf("%s: %s: %v", bits, long, err)
	}
}

func TestCanonicalNumbers(t *testing.T) {
	data, err := os.ReadFile("testdata/jcs/es6-numbers-1000.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(data))
	for _, line := range lines {
		bits, want, _ := strings.Cut(line, ",")
		checkNumber(t, bits, want)
	}
	if len(lines) != 1000 {
		t.Errorf("%d numbers", len(lines))
	}
}

func TestCanonicalFactsOfRFC8785(t *testing.T) {
	var facts struct {
		Samples []struct {
			Bits string  `json:"ieee754_hex"`
			JSON *string `json:"json"`
		} `json:"number_samples"`
		Order struct {
			Keys []string `json:"keys_in_required_order_escaped"`
		} `json:"key_order_sample"`
	}
	readVectors(t, "jcs/number-and-order-facts.json", &facts)
	for _, s := range facts.Samples {
		if s.JSON != nil {
			checkNumber(t, s.Bits, *s.JSON)
			continue
		}
		_, text := number(t, s.Bits)
		_, err := signing.Canonical([]byte(text))
		wantInvalid(t, text, err, "syntax")
	}
	keys := facts.Order.Keys
	var object, want []string
	for i := range keys {
		object = append(object, `"`+keys[(i*3)%len(keys)]+`": 0`)
		var plain string
		if err := json.Unmarshal([]byte(`"`+keys[i]+`"`), &plain); err != nil {
			t.Fatal(err)
		}
		want = append(want, `"`+strings.ReplaceAll(plain, "\r", `\r`)+`":0`)
	}
	got, err := signing.Canonical([]byte("{" + strings.Join(object, ",") + "}"))
	if err != nil || string(got) != "{"+strings.Join(want, ",")+"}" {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestCanonicalRefusesWhatItWouldChange(t *testing.T) {
	for text, reason := range map[string]string{
		"":                           "empty",
		"9007199254740993":           "number",
		`{"a":[9007199254740993.0]}`: "number",
		"18446744073709551615":       "number",
		"1e400":                      "number",
		"1e-400":                     "number",
		"-0":                         "number",
		`{"a":1,"\u0061":2}`:         "duplicate",
		`"\ud800"`:                   "utf8",
		"\"\xff\"":                   "utf8",
		"1 2":                        "trailing",
		strings.Repeat("[", 33):      "depth",
	} {
		_, err := signing.Canonical([]byte(text))
		wantInvalid(t, text, err, reason)
	}
}

func TestCanonicalWithout(t *testing.T) {
	for _, tt := range []struct{ text, member, want string }{
		{`{"b":1,"signatures":[{"x":1}],"a":"<\u0041>"}`, "signatures", `{"a":"<A>","b":1}`},
		{`{"signatures":1}`, "signatures", `{}`},
		{`{}`, "signatures", `{}`},
		{`{"b":1,"a":2}`, "signatures", `{"a":2,"b":1}`},
		{`{"a":{"signatures":1},"Signatures":2}`, "signatures", `{"Signatures":2,"a":{"signatures":1}}`},
		{`{"sig\u006eatures":1,"z":[ 1.50 ]}`, "signatures", `{"z":[1.5]}`},
		{`{"\ud83d\ude00":1,"\ufb33":2,"a":3}`, "a", "{\"😀\":1,\"\ufb33\":2}"},
	} {
		got, err := signing.CanonicalWithout([]byte(tt.text), tt.member)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s without %s: %s, %v, want %s", tt.text, tt.member, got, err, tt.want)
		}
	}
	for text, reason := range map[string]string{`[]`: "type", `1`: "type", `"{"`: "type", `{`: "syntax", `{"signatures":1e400}`: "number"} {
		_, err := signing.CanonicalWithout([]byte(text), "signatures")
		wantInvalid(t, text, err, reason)
	}
}

func FuzzCanonical(f *testing.F) {
	seed := `{"é":[56.0,{"d":true,"10":null}],"\u20ac":"\u0012\/","1":1e3,"a":9007199254740992}`
	seedtest.Add(f, []byte(seed))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := signing.Canonical(data)
		if err != nil {
			if domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) == "" {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		twice, err := signing.Canonical(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q and then %q, %v", data, once, twice, err)
		}
		var before, after any
		if json.Unmarshal(data, &before) != nil || json.Unmarshal(once, &after) != nil {
			t.Fatalf("%q or %q is not JSON", data, once)
		}
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q means %s, its canonical form means %s", data, a, b)
		}
		if once[0] == '{' {
			whole, err := signing.CanonicalWithout(data, "no such member")
			if err != nil || !bytes.Equal(whole, once) {
				t.Fatalf("%q without a member it does not have is %q, %v", data, whole, err)
			}
		}
	})
}
