package rpcapi

import (
	"reflect"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/strictjson"
)

// Parameters that are scanned must be those that Decode reads.
func FuzzScanParams(f *testing.F) {
	seedtest.Add(f, []byte(`{"job":{"id":"j1","payload":"x","executor":"sh"},"secret":"s"}`))
	for _, text := range []string{
		`{"jobs":[{"id":"j1"},"x",null,[1]],"bulk":{"payload":"cA==","payloadType":"t","signatures":[{"keyid":"k","sig":"s"}]},"secret":"\n"}`,
		`{"jobs":[],"bulk":{"signatures":[]}}`, `{"jobs":[],"bulk":null}`, `{"job":null}`, `{"job":{"a":1,"a":2}}`, `{"job":1.0}`, `{"bulk":{"payload":null}}`,
		`{"Job":1}`, `{"jobs":[1,]}`, `{}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		type bareSubmit submitParams // has no method that scans
		compare[submitParams, bareSubmit](t, data)
		type bareMany submitManyParams
		compare[submitManyParams, bareMany](t, data)
	})
}

// compare reads data as what scans itself and as the same without that.
func compare[Scanning, Bare any](t *testing.T, data []byte) {
	t.Helper()
	var scanned Scanning
	c := strictjson.NewCursor(data)
	if any(&scanned).(strictjson.Scanner).ScanJSON(&c); !c.Done() {
		return
	}
	var decoded Bare
	if err := strictjson.Decode(data, &decoded); err != nil {
		t.Fatalf("%q is scanned, and Decode says %v", data, err)
	}
	if want := reflect.ValueOf(decoded).Convert(reflect.TypeFor[Scanning]()).Interface(); !reflect.DeepEqual(any(scanned), want) {
		t.Fatalf("%q is scanned as %+v and is %+v", data, scanned, want)
	}
}

// Parameters that are not scanned are only slow to read, so nobody would see it.
func TestCommonParametersAreScanned(t *testing.T) {
	for text, into := range map[string]strictjson.Scanner{
		`{"job":{"id":"j1","payload":"x","executor":"sh"}}`:                                                         new(submitParams),
		`{"job":{"payload":"eA==","payloadType":"t","signatures":[]},"secret":"s"}`:                                 new(submitParams),
		`{"jobs":[{"id":"j1"}],"bulk":{"payload":"cA==","payloadType":"t","signatures":[{"keyid":"k","sig":"s"}]}}`: new(submitManyParams),
	} {
		c := strictjson.NewCursor([]byte(text))
		if into.ScanJSON(&c); !c.Done() {
			t.Errorf("%s is not scanned into %T", text, into)
		}
	}
}
