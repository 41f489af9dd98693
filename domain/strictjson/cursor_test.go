package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
)

// What a cursor reads must be what everybody else reads, so that it is never
// the reason why a text is accepted.
func FuzzCursor(f *testing.F) {
	seedtest.Add(f, []byte(`{"a":{"b":[1,-2,"\u00e9\n",{}],"c":true},"d":"x","e":null}`))
	for _, text := range []string{
		`{"a":1,"a":2}`, `{"a":1,}`, `[1,]`, `{,}`, `{"a" 1}`, `{"\u0061":1,"a":2}`, `"\ud800"`, `"\ud83d\ude00"`, `"\x"`, `"\u12g4"`,
		`-0`, `01`, `1.0`, `1e2`, `-`, `1234567890123456`, "\"\x1f\"", "\"\xff\"", "\"\x7f\"", `"`, `"\`, `"\u`, `tru`, `[`, `{"a":`, ` [ ] `, `{} {}`,
		strings.Repeat("[", 32) + strings.Repeat("]", 32), strings.Repeat("[", 33) + strings.Repeat("]", 33), "[]\x00", "\ufeff1",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !passes(data, defaultDepth) {
			return
		}
		if err := judge(data, Limits{Depth: defaultDepth}); err != nil {
			t.Fatalf("a cursor reads %q: %v", data, err)
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("a cursor reads %q: %v", data, err)
		}
		c := NewCursor(data)
		if got := valueOf(&c); !c.Done() || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q was read as %v, not as %v", data, got, want)
		}
	})
}

// valueOf reads a value as encoding/json does.
func valueOf(c *Cursor) any {
	switch c.peek() {
	case '"':
		return c.Text()
	case '{':
		object := map[string]any{}
		for c.Object(); c.Member(); {
			name := string(c.Name())
			object[name] = valueOf(c)
		}
		return object
	case '[':
		array := []any{}
		for c.Array(); c.Element(); {
			array = append(array, valueOf(c))
		}
		return array
	case 't', 'f':
		return string(c.Skip()) == "true"
	case 'n':
		c.Skip()
		return nil
	}
	return float64(c.Int())
}

// A cursor that knew less than it should would only be slow, so nobody would see
// it.
func TestACursorReadsWhatIsCommon(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, ` { "a" : [ 1 , -20 , "x" ] , "b" : { } } `, `"a\"\\\/\b\f\n\r\t\u00e9\u003cb"`, `"é"`, `true`, `[false,null]`, `999999999999999`,
		strings.Repeat("[", 32) + strings.Repeat("]", 32),
	} {
		if !passes([]byte(text), defaultDepth) {
			t.Errorf("%s is beyond it", text)
		}
	}
}

// Whoever stops in the middle has not read the text.
func TestACursorIsNotDoneInside(t *testing.T) {
	c := NewCursor([]byte(`{"a":1`))
	if c.Object(); c.Member() {
		c.Int()
	}
	if c.Done() {
		t.Error("done behind the last byte, but inside of an object")
	}
}
