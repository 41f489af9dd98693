package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/strictjson"
)

// refusal is what a test expects of an error; the zero refusal is none.
type refusal struct{ Reason, Pointer string }

func refusalOf(t *testing.T, err error) refusal {
	t.Helper()
	if err == nil {
		return refusal{}
	}
	e, ok := errors.AsType[*domain.Error](err)
	if !ok || e.Code != domain.Invalid {
		t.Fatalf("error %v (%T) is not an invalid *domain.Error", err, err)
	}
	return refusal{e.Reason, e.Pointer}
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func TestCheckAccepts(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `true`, `"x"`, `0`, `-1`, `1.5`, `1E3`, `0.0`, `0e9`, `0e99999999999999999999`,
		" \t\r\n{\"a\": [1, {\"b\": null}]}\n",
		`"\ud83d\ude00"`, `"ü"`, "\"\u2028\"", `"\u0000"`, `{"":0}`, `{"a":{"a":{"a":1}}}`, `[{"a":1},{"a":1}]`,
		`9007199254740991`, `-9007199254740991`, `9007199254740991.0`, `9.007199254740991e15`, `1e15`, `5e-324`,
		`"` + strings.Repeat("a", 1<<20) + `"`,
		nested(32),
	} {
		if err := strictjson.Check([]byte(text), strictjson.Limits{}); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

type refusalCase struct {
	name, text string
	want       refusal
}

func (tt refusalCase) test(t *testing.T) {
	got := refusalOf(t, strictjson.Check([]byte(tt.text), strictjson.Limits{}))
	if diff := cmp.Diff(tt.want, got); diff != "" {
		t.Errorf("%.60q (-want +got):\n%s", tt.text, diff)
	}
}

func TestCheckRefusesWhatIsNotJSON(t *testing.T) {
	for _, tt := range []refusalCase{
		{"nothing", "", refusal{"empty", ""}},
		{"white space alone", " \t\r\n", refusal{"empty", ""}},
		{"an object that ends too early", `{"a":`, refusal{"syntax", "/a"}},
		{"an array that ends too early", `[1`, refusal{"syntax", ""}},
		{"a string that ends too early", `["a`, refusal{"syntax", "/0"}},
		{"a missing colon", `{"a" 1}`, refusal{"syntax", "/a"}},
		{"a comma too many", `[1,]`, refusal{"syntax", ""}},
		{"a closing bracket of the other kind", `[1}`, refusal{"syntax", ""}},
		{"single quotes", `{'a':1}`, refusal{"syntax", ""}},
		{"a comment", `{}//`, refusal{"trailing", ""}},
		{"a name that is no string", `{1:1}`, refusal{"syntax", ""}},
		{"NaN", `{"a":NaN}`, refusal{"syntax", "/a"}},
		{"a leading zero", `[01]`, refusal{"syntax", ""}},
		{"a leading plus", `[+1]`, refusal{"syntax", "/0"}},
		{"a number without digits", `[-]`, refusal{"syntax", "/0"}},
		{"a bare point", `[1.]`, refusal{"syntax", "/0"}},
		{"a control character in a string", "[\"\x01\"]", refusal{"syntax", "/0"}},
		{"an unknown escape", `["\x41"]`, refusal{"syntax", "/0"}},
		{"UTF-16", "{\x00}\x00", refusal{"syntax", ""}},
		{"a vertical tab between tokens", "[\v1]", refusal{"syntax", "/0"}},
		{"a no-break space between tokens", "[\u00a01]", refusal{"syntax", "/0"}},

		{"a second value", `{} {}`, refusal{"trailing", ""}},
		{"a closing brace too many", `{}}`, refusal{"trailing", ""}},
		{"a NUL at the end", "1\x00", refusal{"trailing", ""}},
		{"a form feed at the end", "1\f", refusal{"trailing", ""}},
	} {
		t.Run(tt.name, tt.test)
	}
}

func TestCheckRefusesWhatReadersTakeDifferently(t *testing.T) {
	for _, tt := range []refusalCase{
		{"a byte order mark", "\ufeff{}", refusal{"utf8", ""}},
		{"UTF-16 with a byte order mark", "\xff\xfe{\x00}\x00", refusal{"utf8", ""}},
		{"a byte that is not UTF-8", "{\"a\":\"\xff\"}", refusal{"utf8", "/a"}},
		{"an overlong encoding", "[\"\xc0\xaf\"]", refusal{"utf8", "/0"}},
		{"a surrogate in UTF-8", "[\"\xed\xa0\x80\"]", refusal{"utf8", "/0"}},
		{"a name that is not UTF-8", "{\"\xff\":1}", refusal{"utf8", ""}},
		{"a lone high surrogate", `{"a":["\ud800"]}`, refusal{"utf8", "/a/0"}},
		{"a lone low surrogate", `["\uDC00"]`, refusal{"utf8", "/0"}},
		{"two high surrogates", `["\uD800\uD800"]`, refusal{"utf8", "/0"}},
		{"a high surrogate before a letter", `["\ud800a"]`, refusal{"utf8", "/0"}},

		{"a name twice", `{"a":1,"a":1}`, refusal{"duplicate", "/a"}},
		{"a name twice, once escaped", `{"method":1,"metho\u0064":2}`, refusal{"duplicate", "/method"}},
		{"a name twice within", `[{"x":{"b/c":1,"b\/c":2}}]`, refusal{"duplicate", "/0/x/b~1c"}},
		{"an empty name twice", `{"":1,"":2}`, refusal{"duplicate", "/"}},

		{"33 arrays", nested(33), refusal{"depth", strings.Repeat("/0", 32)}},
		{"33 objects", strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), refusal{"depth", strings.Repeat("/a", 32)}},

		{"2^53", `{"id":9007199254740992}`, refusal{"number", "/id"}},
		{"-2^53", `[-9007199254740992]`, refusal{"number", "/0"}},
		{"2^53+1", `9007199254740993`, refusal{"number", ""}},
		{"2^53+1 as a fraction", `9007199254740993.0`, refusal{"number", ""}},
		{"2^53+1 with an exponent", `900719925474099.3e1`, refusal{"number", ""}},
		{"a fraction that rounds to 2^53", `9007199254740991.5`, refusal{"number", ""}},
		{"1e16", `1e16`, refusal{"number", ""}},
		{"1e400", `{"a":{"b":[0,1e400]}}`, refusal{"number", "/a/b/1"}},
		{"-1e400", `-1e400`, refusal{"number", ""}},
		{"a huge exponent", `1e99999999999999999999`, refusal{"number", ""}},
		{"400 digits", strings.Repeat("9", 400), refusal{"number", ""}},
		{"-0", `[-0]`, refusal{"number", "/0"}},
		{"-0.0", `-0.0`, refusal{"number", ""}},
		{"-0e0", `-0e0`, refusal{"number", ""}},
		{"a number that reads as zero", `1e-400`, refusal{"number", ""}},
		{"a number far below", `1e-99999999999999999999`, refusal{"number", ""}},
	} {
		t.Run(tt.name, tt.test)
	}
}

func TestCheckKeepsTheDepthItIsGiven(t *testing.T) {
	for depth := 1; depth < 100; depth++ {
		limits := strictjson.Limits{Depth: depth}
		if err := strictjson.Check([]byte(nested(depth)), limits); err != nil {
			t.Errorf("depth %d at the limit: %v", depth, err)
		}
		if got := refusalOf(t, strictjson.Check([]byte(nested(depth+1)), limits)); got.Reason != "depth" {
			t.Errorf("depth %d above the limit: %+v", depth, got)
		}
	}
}

func TestWideNumbersPassWhenNothingIsLost(t *testing.T) {
	for text, good := range map[string]bool{
		"9007199254740992":            true,
		"9007199254740993":            false,
		"-9007199254740993.0":         false,
		"1e16":                        true,
		"10000000000000000.00":        true,
		"0.00001e21":                  true,
		"1E+30":                       true,
		"123456789012345678901234567": false,
		"295147905179352830000":       true, // 2^68 in its fewest digits
		"295147905179352825856":       false,
		"1.7976931348623157e308":      true,
		"1.7976931348623158e308":      false,
		"1e400":                       false,
		"0.1":                         true,
		"-0":                          false,
	} {
		err := strictjson.Check([]byte(text), strictjson.Limits{Wide: true})
		if (err == nil) != good {
			t.Errorf("%s: good %v, got %v", text, good, err)
		}
	}
}

// A text that is nothing but brackets must end at the limit: reading on would
// cost a stack frame a byte, and that is how such a text stops a server.
func TestDeepTextsAreRefusedAtTheLimit(t *testing.T) {
	for _, opening := range []string{"[", `{"a":`, `[{"":`} {
		text := []byte(strings.Repeat(opening, 100_000))
		quickest := time.Hour // of a few, because the machine may be busy
		for range 5 {
			start := time.Now()
			got := refusalOf(t, strictjson.Check(text, strictjson.Limits{}))
			quickest = min(quickest, time.Since(start))
			if got.Reason != "depth" {
				t.Errorf("100,000 × %s: %+v", opening, got)
			}
		}
		if quickest > 10*time.Millisecond {
			t.Errorf("100,000 × %s took %v", opening, quickest)
		}
	}
}

func TestErrorsRepeatLittleOfTheInput(t *testing.T) {
	long := strings.Repeat("secret", 1000)
	for _, text := range []string{
		`{"` + long + `":1e400}`,
		`{"` + long + `":1,"` + long + `":1}`,
		`{"a":{"` + long + `":x}}`,
		`"\u` + long + `"`,
		long,
	} {
		err := strictjson.Decode([]byte(text), new(map[string]int))
		e, _ := errors.AsType[*domain.Error](err)
		if e == nil || len(e.Pointer) > 256 || strings.Count(e.Message, "secret") > 5 {
			t.Errorf("%.20s: %d bytes of pointer, message %.200s", text, len(e.Pointer), e.Message)
		}
	}
}

// FuzzCheck compares with encoding/json, which is lenient about names, numbers
// and Unicode, but not about grammar.
func FuzzCheck(f *testing.F) {
	whole := `{"a":[1,-2.5e3,"\ud83d\ude00é",{"b":null,"c":true}],"":false}`
	seedtest.Add(f, []byte(whole))
	for _, text := range []string{"\xef\xbb\xbf1", "-0", "1e400", "1\f", `"\ud800"`, nested(33), " 1 ", "9007199254740993"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		strict := strictjson.Check(data, strictjson.Limits{})
		if strict == nil && !json.Valid(data) {
			t.Fatalf("accepted %q, which is not JSON", data)
		}
		if strict != nil {
			refusalOf(t, strict)
			return
		}
		if err := strictjson.Check(data, strictjson.Limits{Wide: true}); err != nil {
			t.Fatalf("wider limits refuse %q: %v", data, err)
		}
		var v any
		if err := strictjson.Decode(data, &v); err != nil {
			t.Fatalf("cannot decode %q: %v", data, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"jsonrpc":"2.0","id":17,"method":"jobs.submit","params":{"job":{"id":"0190b5c2-7a44-7cc1-8f2e-0c7f9c0f2a11",` +
		`"caller_id":"caller","context_id":"context","payload":"` + strings.Repeat("x", 200) + `","executor":"sal","timeout":300,` +
		`"env_vars":{"A":"1","B":"2"},"max_attempts":3,"priority":5}}}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := strictjson.Check(text, strictjson.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
