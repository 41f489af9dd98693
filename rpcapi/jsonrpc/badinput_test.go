package jsonrpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Answers for the table below.
const (
	notARequest = `{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}`
	notJSON     = `{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}`
	badID       = `{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request",` +
		`"data":{"reason":"id","retry":"no","pointer":"/id"}},"id":null}`
	twice   = "a member name stands twice in one object, again at byte "
	unknown = `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}`
)

// parseFailure is the answer to what is no JSON as we want it, with the place.
func parseFailure(reason, sentence, pointer string) string {
	if pointer != "" {
		pointer = `,"pointer":"` + pointer + `"`
	}
	return `{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error: ` + sentence + `",` +
		`"data":{"reason":"` + reason + `","retry":"no"` + pointer + `}},"id":null}`
}

func misspelt(nearest string) string {
	return `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found",` +
		`"data":{"reason":"unknown_method","retry":"no","nearest":"` + nearest + `"}},"id":1}`
}

func withID(id string) string {
	return `{"jsonrpc":"2.0","method":"subtract","params":[3,1],"id":` + id + `}`
}

func resultWithID(id string) string { return `{"jsonrpc":"2.0","result":2,"id":` + id + `}` }

// The number of a row says what it guards; rows of one number are variants.
func TestBadMessages(t *testing.T) {
	longest, tooLong := `"`+strings.Repeat("i", 128)+`"`, `"`+strings.Repeat("i", 129)+`"`
	for _, row := range []struct {
		number  int
		name    string
		message string
		want    string
	}{
		{1, "nothing", "", parseFailure("empty", "expected a JSON value, found nothing", "")},
		{1, "white space only", " \r\n\t ", parseFailure("empty", "expected a JSON value, found nothing", "")},
		{2, "an array that never ends", strings.Repeat("[", 100_000), parseFailure("depth", "nested deeper than 32 levels", strings.Repeat("/0", 32))},
		{2, "objects in arrays that never end", strings.Repeat(`[{"":`, 50_000), parseFailure("depth", "nested deeper than 32 levels", strings.Repeat("/0/", 16))},
		{2, "a bare minus", `[-]`, notJSON},
		{2, "no number after one too large", `[1e400,1e5e5]`, notJSON},
		{2, "a leading zero after a number too large", `[1e400,01]`, notJSON},
		{2, "half a string after a number too large", `[1e400,"\"1e400`, notJSON},
		{7, "a name twice after a number too large", `[1e400,{"a":"\\","a":-0}]`, parseFailure("duplicate", twice+"17", "/1/a")},
		{6, "depth 33 after a number too large", `[-0,` + strings.Repeat("[", 32) + strings.Repeat("]", 33), parseFailure("depth", "nested deeper than 32 levels", "/1"+strings.Repeat("/0", 31))},
		{6, "depth 33", strings.Repeat("[", 33) + strings.Repeat("]", 33), parseFailure("depth", "nested deeper than 32 levels", strings.Repeat("/0", 32))},
		{7, "a name twice", `{"jsonrpc":"2.0","method":"sum","method":"sum","id":1}`, parseFailure("duplicate", twice+"32", "/method")},
		{7, "a name twice, once escaped", `{"jsonrpc":"2.0","method":"sum","metho\u0064":"sum","id":1}`, parseFailure("duplicate", twice+"32", "/method")},
		{7, "a name twice deep inside", `{"jsonrpc":"2.0","method":"sum","params":{"a":{"b":1,"b":1}},"id":1}`, parseFailure("duplicate", twice+"53", "/params/a/b")},
		{7, "an escaped name once", `{"jsonrpc":"2.0","metho\u0064":"sum","id":1}`, `{"jsonrpc":"2.0","result":0,"id":1}`},
		{8, "METHOD", `{"jsonrpc":"2.0","METHOD":"sum","id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":1}`},
		{
			8, "Params", `{"jsonrpc":"2.0","method":"sum","Params":[1],"id":1}`,
			`{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":{"reason":"unknown_member","retry":"no","pointer":"/Params"}},"id":1}`,
		},
		{9, "a byte order mark", "\xef\xbb\xbf" + withID("1"), parseFailure("utf8", "JSON must not begin with a byte order mark", "")},
		{9, "UTF-16", "\xff\xfe{\x00}\x00", parseFailure("utf8", "not valid Unicode at byte 0", "")},
		{9, "invalid UTF-8", `{"jsonrpc":"2.0","method":"` + "\xff" + `","id":1}`, parseFailure("utf8", "not valid Unicode at byte 27", "/method")},
		{9, "a lone surrogate", withID(`"\ud800"`), parseFailure("utf8", "not valid Unicode at byte 58", "/id")},
		{10, "two values", withID("1") + withID("2"), parseFailure("trailing", "expected one JSON value, found more after byte 59", "")},
		{10, "white space, a value, and a byte too many", "\n " + withID("1") + " }", parseFailure("trailing", "expected one JSON value, found more after byte 61", "")},
		{10, "a byte too many", withID("1") + "}", parseFailure("trailing", "expected one JSON value, found more after byte 59", "")},
		{11, "no version", `{"method":"sum","id":1}`, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":1}`},
		{11, "version 1.0", `{"jsonrpc":"1.0","method":"sum"}`, notARequest},
		{11, "version as a number", `{"jsonrpc":2.0,"method":"sum"}`, notARequest},
		{12, "an object as id", withID(`{}`), badID},
		{12, "an array as id", withID(`[1]`), badID},
		{12, "a bool as id", withID(`true`), badID},
		{12, "a fraction as id", withID(`1.5`), badID},
		{12, "an exponent as id", withID(`1e2`), badID},
		{12, "more than a float as id", withID(`1e400`), badID},
		{12, "minus zero as id", withID(`-0`), badID},
		{12, "a long string as id", withID(tooLong), badID},
		{12, "the longest string as id", withID(longest), resultWithID(longest)},
		{13, "the first integer that floats lose", withID(`9007199254740993`), badID},
		{13, "the integer before", withID(`-9007199254740992`), badID},
		{13, "the smallest integer", withID(`-9007199254740991`), resultWithID(`-9007199254740991`)},
		{14, "null as id", withID(`null`), resultWithID(`null`)},
		{15, "a notification of a change", `{"jsonrpc":"2.0","method":"submit","params":{"job":{"id":"a"}}}`, ""},
		{16, "an empty batch", `[]`, notARequest},
		{16, "a batch of a scalar", `[1]`, `[` + notARequest + `]`},
		{17, "nested arrays", `[[],[` + withID("1") + `]]`, `[` + notARequest + `,` + notARequest + `]`},
		{
			17, "a batch of 257", `[` + strings.Repeat("0,", 256) + `0]`,
			`{"jsonrpc":"2.0","error":{"code":-32007,"message":"a batch may have 256 requests","data":{"reason":"batch","retry":"no"}},"id":null}`,
		},
		{18, "good and bad together", `[` + withID("1") + `,` + withID("1e400") + `]`, `[` + resultWithID("1") + `,` + badID + `]`},
		{19, "an id twice", `[` + withID("7") + `,` + withID("7") + `]`, `[` + resultWithID("7") + `,` + resultWithID("7") + `]`},
		{20, "no such method", `{"jsonrpc":"2.0","method":"nope","id":1}`, unknown},
		{20, "a reserved name", `{"jsonrpc":"2.0","method":"rpc.x","id":1}`, unknown},
		{20, "a name of JavaScript", `{"jsonrpc":"2.0","method":"__proto__","id":1}`, unknown},
		{20, "no such method, and one that is like it", `{"jsonrpc":"2.0","method":"substract","id":1}`, misspelt("subtract")}, //nolint:misspell // on purpose
		{20, "half a name", `{"jsonrpc":"2.0","method":"notify_he","id":1}`, misspelt("notify_hello")},
		{20, "a name of 10 KB", `{"jsonrpc":"2.0","method":"` + strings.Repeat("m", 10_000) + `","id":1}`, unknown},
	} {
		t.Run(fmt.Sprintf("row %d: %s", row.number, row.name), func(t *testing.T) {
			s := newServer(t, jsonrpc.Options{})
			same(t, string(s.Handle(t.Context(), []byte(row.message))), row.want)
		})
	}
}

// An id comes back as its bytes were, not as its meaning.
func TestIDIsEchoedByteForByte(t *testing.T) {
	s := newServer(t, jsonrpc.Options{})
	for _, id := range []string{`"\u0061\/<&"`, `"9007199254740993"`, `""`, `0`, `"é\n"`} {
		got := string(s.Handle(t.Context(), []byte(withID(id))))
		if want := resultWithID(id); got != want {
			t.Errorf("id %s: got %s, want %s", id, got, want)
		}
	}
}

func TestRefusedNotificationIsCounted(t *testing.T) {
	var j journal
	s := newServer(t, jsonrpc.Options{Observe: j.observe})
	s.Handle(t.Context(), []byte(`{"jsonrpc":"2.0","method":"submit","params":{"job":{"id":"a"}}}`))
	want := []jsonrpc.Observation{{Method: "submit", Code: -32600, Reason: "notification_refused", Notification: true}}
	if diff := cmp.Diff(want, j.seen); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// Who breaks a rule about the form of a text is told the form.
func TestBadFormsAreToldTheGoodOne(t *testing.T) {
	s := newServer(t, jsonrpc.Options{})
	for params, want := range map[string]string{
		`{"job":{"id":"A"}}`:                        "job.id must match ^[a-z0-9]+$",
		`{"job":{"id":"a","tags":["x","Y"]}}`:       "job.tags[1] must match ^[a-z]+$",
		`{"job":{"id":"a","env":{"=":"1"}}}`:        "job.env[=] must match ^[A-Z/~]+$",
		`{"job":{"id":"a","env":{"].x":"1"}}}`:      "job.env[].x] has a form that is not allowed",
		`{"job":{"id":"a","env":{"].A[0].x":"1"}}}`: "job.env[].A[0].x] has a form that is not allowed",
	} {
		var answer struct{ Error jsonrpc.Error }
		reply := s.Handle(t.Context(), []byte(`{"jsonrpc":"2.0","method":"submit","params":`+params+`,"id":1}`))
		if err := json.Unmarshal(reply, &answer); err != nil || answer.Error.Message != want {
			t.Errorf("%s: got %q (%v), want %q", params, answer.Error.Message, err, want)
		}
	}
}

// Rows 21 to 23: what is wrong in parameters is named by a JSON Pointer.
func TestBadParams(t *testing.T) {
	const long = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, row := range []struct {
		name, method, params string
		reason, pointer      string
	}{
		{"row 21: a scalar", "subtract", `1`, "type", ""},
		{"row 21: null", "subtract", `null`, "type", ""},
		{"row 21: an unknown member", "subtract", `{"minuend":1,"Subtrahend":1}`, "unknown_member", "/Subtrahend"},
		{"row 21: an unknown member within", "submit", `{"job":{"id":"a","x":1}}`, "unknown_member", "/job/x"},
		{"row 21: parameters for a method without", "get_data", `{"a":1}`, "unknown_member", "/a"},
		{"row 21: one parameter too many", "subtract", `[1,2,3]`, "too_many", "/2"},
		{"row 21: a parameter for a method without", "get_data", `[1]`, "too_many", "/0"},
		{"row 21: another type", "subtract", `{"minuend":"1"}`, "type", "/minuend"},
		{"row 21: another type by position", "subtract", `[1,"2"]`, "type", "/subtrahend"},
		{"row 21: missing", "submit", `{}`, "missing", "/job"},
		{"row 21: missing within", "submit", `[null,{"timeout":1}]`, "missing", "/job/id"},
		{"row 22: minus zero", "subtract", `[-0]`, "number", "/minuend"},
		{"row 22: an exponent for an integer", "subtract", `[1e2]`, "type", "/minuend"},
		{"row 22: a fraction for an integer", "subtract", `[0.1]`, "type", "/minuend"},
		{"row 22: 2^53", "subtract", `[9007199254740992]`, "number", "/minuend"},
		{"row 22: more than a float", "subtract", `{"minuend":1e400}`, "number", "/minuend"},
		{"row 23: a timeout of 0", "submit", `{"job":{"id":"a","timeout":0}}`, "bounds", "/job/timeout"},
		{"row 23: a negative timeout", "submit", `{"job":{"id":"a","timeout":-1}}`, "bounds", "/job/timeout"},
		{"row 23: a timeout of 10^12", "submit", `{"job":{"id":"a","timeout":1000000000000}}`, "bounds", "/job/timeout"},
		{"row 24: a name for another key", "submit", `{"job":{"id":"a:*"}}`, "pattern", "/job/id"},
		{"row 24: a newline after a name", "submit", `{"job":{"id":"a\n"}}`, "pattern", "/job/id"},
		{"row 24: a long name", "submit", `{"job":{"id":"aaaaaaaaa"}}`, "bounds", "/job/id"},
		{"row 24: a bad element", "submit", `{"job":{"id":"a","tags":["x","Y"]}}`, "pattern", "/job/tags/1"},
		{"row 25: a bad name of a variable", "submit", `{"job":{"id":"a","env":{"=":"1"}}}`, "pattern", "/job/env/="},
		{"row 25: a long variable", "submit", `{"job":{"id":"a","env":{"A/~":"12345"}}}`, "bounds", "/job/env/A~1~0"},
		{"row 25: too many variables", "submit", `{"job":{"id":"a","env":{"A":"","B":"","C":""}}}`, "bounds", "/job/env"},
		{"a pointer that would echo much", "submit", `{"job":{"id":"a","env":{"` + long + `":"1"}}}`, "pattern", "/job/env"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newServer(t, jsonrpc.Options{})
			reply := s.Handle(t.Context(), []byte(`{"jsonrpc":"2.0","method":"`+row.method+`","params":`+row.params+`,"id":1}`))
			failure, ok := parse(t, string(reply)).(map[string]any)["error"].(map[string]any)
			if !ok {
				t.Fatalf("got %s", reply)
			}
			want := map[string]any{"reason": row.reason, "retry": "no"}
			if row.pointer != "" {
				want["pointer"] = row.pointer
			}
			if diff := cmp.Diff(want, failure["data"]); diff != "" || failure["code"] != -32602.0 {
				t.Errorf("code %v, data (-want +got):\n%s", failure["code"], diff)
			}
		})
	}
}
