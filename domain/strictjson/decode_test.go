package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/strictjson"
)

// color refuses what it does not know with an error of its own.
type color string

func (c *color) UnmarshalText(text []byte) error {
	if string(text) != "red" {
		return domain.Errorf(domain.Forbidden, "color", "only red")
	}
	*c = color(text)
	return nil
}

type job struct {
	ID       string            `json:"id"`
	Attempts uint8             `json:"attempts"`
	Offset   int16             `json:"offset"`
	Big      int64             `json:"big"`
	Ratio    float64           `json:"ratio"`
	Wait     *bool             `json:"wait"`
	Env      map[string]string `json:"env"`
	Tags     []string          `json:"tags"`
	Color    color             `json:"color"`
	Blob     []byte            `json:"blob"`
	Next     *job              `json:"next"`
}

func TestDecodeStoresWhatFits(t *testing.T) {
	yes := true
	text := `{"id":"a","attempts":255,"offset":-32768,"big":-9007199254740991,"ratio":2.5e-1,"wait":true,` +
		`"env":{"A":"1"},"tags":["x","y"],"color":"red","blob":"aGk=","next":{"id":"b"}}`
	want := job{
		ID: "a", Attempts: 255, Offset: -32768, Big: -9007199254740991, Ratio: 0.25, Wait: &yes,
		Env: map[string]string{"A": "1"}, Tags: []string{"x", "y"}, Color: "red", Blob: []byte("hi"), Next: &job{ID: "b"},
	}
	var got job
	if err := strictjson.Decode([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text, reason, pointer, message string
	}{
		{"an unknown member", `{"idd":"a"}`, "unknown_member", "/idd", `member "/idd" is not known here; did you mean id?`},
		{"another case", `{"ID":"a"}`, "unknown_member", "/ID", `member "/ID" is not known here; did you mean id?`},
		{"a misspelt member within", `{"next":{"attemts":1}}`, "unknown_member", "/next/attemts", `member "/next/attemts" is not known here; did you mean attempts?`}, //nolint:misspell // on purpose
		{"an unknown member within", `{"next":{"x":1}}`, "unknown_member", "/next/x", `member "/next/x" is not known here`},
		{
			"a long unknown member", `{"` + strings.Repeat("é", 40) + `":1}`, "unknown_member", "/" + strings.Repeat("é", 40),
			`member "/` + strings.Repeat("é", 15) + `"… is not known here`,
		},
		{"a number for a string", `{"id":1}`, "type", "/id", `member "/id" must be a string`},
		{"a string for a number", `{"attempts":"1"}`, "type", "/attempts", `member "/attempts" must be an integer from 0 to 255`},
		{"an exponent for an integer", `{"attempts":1e2}`, "type", "/attempts", `member "/attempts" must be an integer from 0 to 255`},
		{"a fraction for an integer", `{"attempts":0.1}`, "type", "/attempts", `member "/attempts" must be an integer from 0 to 255`},
		{"an integer as a fraction", `{"attempts":1.0}`, "type", "/attempts", `member "/attempts" must be an integer from 0 to 255`},
		{"a negative number for an unsigned one", `{"attempts":-1}`, "type", "/attempts", `member "/attempts" must be an integer from 0 to 255`},
		{"an integer too large for its field", `{"offset":32768}`, "type", "/offset", `member "/offset" must be an integer from -32768 to 32767`},
		{"a string for a large integer", `{"big":""}`, "type", "/big", `member "/big" must be an integer from -9007199254740991 to 9007199254740991`},
		{"minus zero", `{"attempts":-0}`, "number", "/attempts", "zero must be written as zero, without a minus"},
		{"an integer no reader holds", `{"big":9007199254740992}`, "number", "/big", "a number beyond ±(2^53−1): send it as a string"},
		{"a string for a fraction", `{"ratio":"1"}`, "type", "/ratio", `member "/ratio" must be a number`},
		{"a number for a boolean", `{"wait":0}`, "type", "/wait", `member "/wait" must be true or false`},
		{"an array for an object", `{"env":[]}`, "type", "/env", `member "/env" must be an object`},
		{"a number within an object", `{"env":{"A":1}}`, "type", "/env/A", `member "/env/A" must be a string`},
		{"an object for an array", `{"tags":{}}`, "type", "/tags", `member "/tags" must be an array`},
		{"a number within an array", `{"tags":["a",2]}`, "type", "/tags/1", `member "/tags/1" must be a string`},
		{"a number for a text of its own form", `{"color":1}`, "type", "/color", `member "/color" must be a string in the form that belongs here`},
		{"bytes that are no base64", `{"blob":"?"}`, "type", "/blob", `member "/blob" must be a string in base64`},
		{"an array for everything", `[]`, "type", "", `the value must be an object`},
		{"a fault of grammar after one of type", `{"id":1,`, "syntax", "", "the JSON text ends too early"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := strictjson.Decode([]byte(tt.text), new(job))
			e, _ := errors.AsType[*domain.Error](err)
			want := &domain.Error{Code: domain.Invalid, Reason: tt.reason, Pointer: tt.pointer, Message: tt.message}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestDecodeKeepsTheErrorOfATypesOwn(t *testing.T) {
	err := strictjson.Decode([]byte(`{"next":{"color":"blue"}}`), new(job))
	want := &domain.Error{Code: domain.Forbidden, Reason: "color", Message: "only red", Pointer: "/next/color"}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeBlamesTheCallerForABadTarget(t *testing.T) {
	for _, into := range []any{nil, job{}, (*job)(nil)} {
		if err := strictjson.Decode([]byte(`{}`), into); err == nil || domain.CodeOf(err) != domain.Internal {
			t.Errorf("decoding into %T: %v", into, err)
		}
	}
}
