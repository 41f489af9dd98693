package job

import (
	"reflect"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/strictjson"
)

// A member whose rule plain forgets would be accepted whatever it holds. Here
// every member gets every length and number near a bound, and what plain passes
// must be what the validator passes.
func TestAPlainDocumentBreaksNoRule(t *testing.T) {
	base := Document{Payload: "x", Runner: "r1"}
	var passed, refused int
	for i := range reflect.TypeFor[Document]().NumField() {
		name := reflect.TypeFor[Document]().Field(i).Name
		for _, value := range valuesOf(t, reflect.TypeFor[Document]().Field(i).Type) {
			d := base
			reflect.ValueOf(&d).Elem().Field(i).Set(reflect.ValueOf(value))
			broken := documentValidator().Struct(&d)
			if plain := d.plain(); plain && broken != nil {
				t.Errorf("%s of %.20v… passes as plain: %v", name, value, broken)
			} else if plain {
				passed++
			} else {
				refused++
			}
		}
	}
	if passed < 50 || refused < 10 {
		t.Errorf("%d documents were plain and %d were not: the test sees too few of either", passed, refused)
	}
	for _, d := range []Document{{}, {Payload: "x"}, {Runner: "r1"}, {Executor: "sh"}} {
		if d.plain() {
			t.Errorf("%+v lacks something and passes as plain", d)
		}
	}
}

// valuesOf returns values of a member that lie around every bound.
func valuesOf(t *testing.T, kind reflect.Type) []any {
	t.Helper()
	switch kind {
	case reflect.TypeFor[string]():
		var texts []any
		for _, n := range []int{0, 1, 63, 64, 65, 127, 128, 129, 255, 256, 257, MaxPayloadBytes, MaxPayloadBytes + 1} {
			texts = append(texts, strings.Repeat("x", n), strings.Repeat("é", n))
		}
		return texts
	case reflect.TypeFor[*int64]():
		return []any{new(int64(-1)), new(int64(0)), new(int64(1)), new(int64(25)), new(int64(86401))}
	case reflect.TypeFor[[]string]():
		return []any{[]string{}, []string{"error"}, []string{"error", "error"}, []string{"lost"}}
	case reflect.TypeFor[*DocumentBackoff]():
		return []any{new(DocumentBackoff{}), new(DocumentBackoff{InitialMs: new(int64(9))})}
	case reflect.TypeFor[map[string]string]():
		return []any{map[string]string{}, map[string]string{"A": "b"}, map[string]string{"PATH": "b"}}
	case reflect.TypeFor[[]DocumentSignature]():
		return []any{[]DocumentSignature{}, []DocumentSignature{{}}, make([]DocumentSignature, maxSignatures+1)}
	case reflect.TypeFor[event.Time]():
		return []any{event.Time(0), event.Time(1)}
	}
	t.Fatalf("no values of type %s are known here", kind)
	return nil
}

func scan(data []byte) (d Document, ok bool) {
	c := strictjson.NewCursor(data)
	d.ScanJSON(&c)
	return d, c.Done()
}

// A document that is scanned must be the one that Decode reads.
func FuzzScanDocument(f *testing.F) {
	seedtest.Add(f, []byte(`{"id":"j1","caller_id":"c","context_id":"x","payload":"echo \n","executor":"sh","runner":"r1","timeout":5,`+
		`"max_attempts":2,"env_vars":{"A":"b"},"audience":"horus","created_at":"","updated_at":"","not_after":"2026-01-02T15:04:05Z"}`))
	for _, text := range []string{
		`{}`, `{"payload":null}`, `{"payload":"x","payload":"y"}`, `{"timeout":1.0}`, `{"env_vars":{"A":"b","A":"c"}}`, `{"env_vars":{}}`,
		`{"not_after":""}`, `{"not_after":"yesterday"}`, `{"other":1}`, `{"Payload":"x"}`, `[]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		scanned, ok := scan(data)
		if !ok {
			return
		}
		type bare Document // has no method that scans
		var decoded bare
		if err := strictjson.Decode(data, &decoded); err != nil || !reflect.DeepEqual(scanned, Document(decoded)) {
			t.Fatalf("%q was scanned as %+v and is %+v, %v", data, scanned, decoded, err)
		}
	})
}

// A document that is not scanned is only slow to read, so nobody would see it.
func TestCommonDocumentsAreScanned(t *testing.T) {
	for _, text := range []string{
		`{"id":"j1","payload":"echo \"hello\"\n","executor":"sh","timeout":60,"env_vars":{"A":"b"}}`,
		`{ "payload": "x", "runner": "r1", "not_after": "2026-01-02T15:04:05Z", "audience": "horus", "max_attempts": 3 }`,
	} {
		if d, ok := scan([]byte(text)); !ok || !d.plain() {
			t.Errorf("%s is scanned: %t, and plain: %t", text, ok, d.plain())
		}
	}
}
