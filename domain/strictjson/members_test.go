package strictjson_test

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/strictjson"
)

func TestMembersYieldsTheBytesAsTheyStand(t *testing.T) {
	data := []byte(" {\"a\" : { \"x\": 1.0 , \"y\":\"<&>\\u0041\" } ,\n\"b\\n\":[ 1,2 ], \"\":null , \"n\":-1 }\n")
	want := []string{"a=" + `{ "x": 1.0 , "y":"<&>\u0041" }`, "b\n=[ 1,2 ]", "=null", "n=-1"}
	var got []string
	for m, err := range strictjson.Members(data) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Name+"="+string(m.Value))
		offset := uintptr(unsafe.Pointer(&m.Value[0])) - uintptr(unsafe.Pointer(&data[0]))
		if int(offset) >= len(data) || cap(m.Value) != len(m.Value) {
			t.Errorf("value of %q is no clipped part of data", m.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMembersEndsAtTheFirstError(t *testing.T) {
	for _, tt := range []struct {
		text, members string
		want          refusal
	}{
		{`{}`, "", refusal{}},
		{`[]`, "", refusal{"type", ""}},
		{`1`, "", refusal{"type", ""}},
		{``, "", refusal{"syntax", ""}},
		{`{"a":1`, "a", refusal{"syntax", ""}},
		{`{"a":1,"b":x}`, "a", refusal{"syntax", "/b"}},
		{`{"a":1,"a":2}`, "a", refusal{"duplicate", "/a"}},
		{`{"a":{"b":1,"b":2}}`, "", refusal{"duplicate", "/a/b"}},
		{`{"a":1}{}`, "a", refusal{"trailing", ""}},
	} {
		var names string
		var last error
		for m, err := range strictjson.Members([]byte(tt.text)) {
			if last != nil {
				t.Errorf("%s: a member after an error", tt.text)
			}
			names, last = names+m.Name, err
		}
		if got := refusalOf(t, last); got != tt.want || names != tt.members {
			t.Errorf("%s: members %q and %+v, want %q and %+v", tt.text, names, got, tt.members, tt.want)
		}
	}
}

func TestMembersStopsWhenAsked(t *testing.T) {
	for m, err := range strictjson.Members([]byte(`{"a":1,"b":2}`)) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != "a" {
			t.Errorf("went on to %q", m.Name)
		}
		break
	}
}

func ExampleMembers() {
	signed := []byte(`{"job": {"timeout": 3e1}, "note": "<b>"}`)
	var out strings.Builder
	for m, err := range strictjson.Members(signed) {
		if err != nil {
			return
		}
		fmt.Fprintf(&out, "%s is %s\n", m.Name, m.Value)
	}
	fmt.Print(out.String())
	// Output:
	// job is {"timeout": 3e1}
	// note is "<b>"
}
