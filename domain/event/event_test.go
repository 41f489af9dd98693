package event_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

// raw is an event whose name and data are what a test says.
type raw struct{ name, data string }

func (r raw) EventName() string            { return r.name }
func (r raw) AppendData(dst []byte) []byte { return append(dst, r.data...) }

// Written by hand: an envelope has this spelling for ever.
const (
	plainGolden = `{"v":1,"ns":"horus","p":0,"agg":"leader","n":1,"type":"term.began",` +
		`"at":"2026-01-02T15:04:05.000006Z","actor":"system:leader","data":{"term":1767366245}}`
	fullGolden = `{"v":1,"ns":"horus","p":65535,"agg":"job/Nightly.Backup_1-a","n":9007199254740991,"type":"job.started",` +
		`"at":"2024-02-29T23:59:59.999999Z","actor":"runner:r1","cause":"report/r1/8f3a/7/0",` +
		`"trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"attempt":1,"process":"8f3a"}}`
)

func TestAnEnvelopeHasOneSpelling(t *testing.T) {
	tests := []struct {
		name   string
		golden string
		header event.Header
		data   raw
	}{
		{
			name: "without cause and trace", golden: plainGolden,
			header: event.Header{
				Namespace: "horus", Aggregate: event.Aggregate{Kind: event.Leader}, Version: 1,
				At: 1767366245*second + 6, Actor: event.BySystem("leader"),
			},
			data: raw{"term.began", `{"term":1767366245}`},
		},
		{
			name: "with cause and trace", golden: fullGolden,
			header: event.Header{
				Namespace: "horus", Partition: 65535,
				Aggregate: event.Aggregate{Kind: event.Job, ID: "Nightly.Backup_1-a"}, Version: 1<<53 - 1,
				At: 19783*day - 1, Actor: event.ByRunner("r1"), Cause: "report/r1/8f3a/7/0",
				Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			},
			data: raw{"job.started", `{"attempt":1,"process":"8f3a"}`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(event.Append([]byte("before"), tt.header, tt.data)); got != "before"+tt.golden {
				t.Errorf("Append wrote\n%s, want\n%s", got, "before"+tt.golden)
			}
			got, err := event.Parse([]byte(tt.golden))
			want := event.Recorded{Header: tt.header, Type: tt.data.name, Data: []byte(tt.data.data)}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefusesASecondSpelling(t *testing.T) {
	change := func(old, replacement string) string {
		if !strings.Contains(fullGolden, old) {
			t.Fatalf("the golden event has no %s", old)
		}
		return strings.Replace(fullGolden, old, replacement, 1)
	}
	for name, text := range map[string]string{
		"another version":        change(`"v":1`, `"v":2`),
		"members in other order": change(`"ns":"horus","p":65535`, `"p":65535,"ns":"horus"`),
		"a space":                change(`"ns":"horus"`, `"ns": "horus"`),
		"white space around":     fullGolden + "\n",
		"more after it":          fullGolden + fullGolden,
		"an escape too many":     change(`"ns":"horus"`, `"ns":"h\u006frus"`),
		"a partition too far":    change(`"p":65535`, `"p":65536`),
		"a negative partition":   change(`"p":65535`, `"p":-1`),
		"a leading zero":         change(`"p":65535`, `"p":01`),
		"version 0":              change(`"n":9007199254740991`, `"n":0`),
		"version 2^53":           change(`"n":9007199254740991`, `"n":9007199254740992`),
		"a version with a point": change(`"n":9007199254740991`, `"n":1.0`),
		"an unknown aggregate":   change(`"agg":"job/`, `"agg":"cat/`),
		"an escaped aggregate":   change(`"agg":"job/N`, `"agg":"job/\u004e`),
		"no type":                change(`"type":"job.started"`, `"type":""`),
		"no actor":               change(`"actor":"runner:r1"`, `"actor":""`),
		"an empty cause":         change(`"cause":"report/r1/8f3a/7/0"`, `"cause":""`),
		"an empty trace":         change(`"trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`, `"trace":""`),
		"a null cause":           change(`"cause":"report/r1/8f3a/7/0"`, `"cause":null`),
		"a time with an offset":  change(`999999Z"`, `999999+00:00"`),
		"no data":                change(`{"attempt":1,"process":"8f3a"}`, ``),
		"a member twice":         change(`"n":9007199254740991`, `"n":1,"n":1`),
		"nothing":                "",
	} {
		if _, err := event.Parse([]byte(text)); err == nil {
			t.Errorf("%s was read: %s", name, text)
		} else if domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: code %v, want invalid", name, domain.CodeOf(err))
		}
	}
}

// The name of an event is written as it is and was read with escapes, so that
// an event named "a\"b" came back in bytes that were no JSON any more.
func TestATypeThatNeedsEscapesIsNoType(t *testing.T) {
	for _, name := range []string{`job.\"`, `job.\\`, `job.\n`, "job.é", "job started"} {
		text := strings.Replace(plainGolden, "term.began", name, 1)
		if e, err := event.Parse([]byte(text)); err == nil {
			t.Errorf("type %q was read", e.Type)
		}
	}
}

func TestParseHasALimit(t *testing.T) {
	fill := func(size int) []byte {
		frame := strings.Replace(plainGolden, `{"term":1767366245}`, `""`, 1)
		return []byte(strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1))
	}
	if _, err := event.Parse(fill(event.MaxBytes)); err != nil {
		t.Errorf("an event at the limit: %v", err)
	}
	if _, err := event.Parse(fill(event.MaxBytes + 1)); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("an event above the limit: %v, want too large", err)
	}
}

func TestAggregatesHaveOneSpelling(t *testing.T) {
	for text, want := range map[string]event.Aggregate{
		"access":                             {Kind: event.Access},
		"leader":                             {Kind: event.Leader},
		"runner/r1":                          {Kind: event.Runner, ID: "r1"},
		"report/r1/8f3a":                     {Kind: event.Report, ID: "r1/8f3a"},
		"job/" + strings.Repeat("J", 128):    {Kind: event.Job, ID: strings.Repeat("J", 128)},
		"job/a.b_c-D9":                       {Kind: event.Job, ID: "a.b_c-D9"},
		"report/" + strings.Repeat("r", 160): {Kind: event.Report, ID: strings.Repeat("r", 160)},
		"queue/executor:sh":                  {Kind: event.Queue, ID: "executor:sh"},
	} {
		got, err := event.ParseAggregate(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseAggregate(%s) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "/", "job", "job/", "runner", "report/", "access/", "access/x", "leader/1", "flow/f", "Job/j", "job /j",
		"job/a b", `job/a"b`, `job/a\b`, "job/é", "job/a\x00", "job/a:b", "job/{p000}", "report/" + strings.Repeat("r", 161),
		"queue", "queue/", "queue/sh", "queue/:", "queue/executor:", "queue/:sh", "queue/a:b:c", "queue/executor:é",
	} {
		if got, err := event.ParseAggregate(text); domain.ReasonOf(err) != "aggregate" {
			t.Errorf("ParseAggregate(%q) = %v, %v; want an error", text, got, err)
		}
	}
}

func TestActorsSayTheirKind(t *testing.T) {
	for got, want := range map[event.Actor]string{
		event.ByClient("0123"):       "client:0123",
		event.ByAPIKey("web"):        "key:web",
		event.ByRunner("r1"):         "runner:r1",
		event.BySystem("redelivery"): "system:redelivery",
	} {
		if string(got) != want {
			t.Errorf("actor %s, want %s", got, want)
		}
	}
}

func TestWhoAdministers(t *testing.T) {
	for actor, want := range map[event.Actor]bool{
		event.ByAPIKey("admin"): true, event.BySystem("presence"): true,
		event.ByClient("0123"): false, event.ByRunner("r1"): false, "keys": false, "system": false,
	} {
		if got := actor.Administers(); got != want {
			t.Errorf("%s administers: %t", actor, got)
		}
	}
	if !event.BySystem("presence").IsSystem() || event.ByAPIKey("system").IsSystem() {
		t.Error("only a part of the supervisor is the system")
	}
}

func TestAFactIsAnEventAtItsPlace(t *testing.T) {
	e, err := event.Parse([]byte(fullGolden))
	if err != nil {
		t.Fatal(err)
	}
	hash := signing.LeafHash([]byte(fullGolden))
	want := event.Fact[string]{
		Data: "what happened", Version: 1<<53 - 1, Seq: 12, At: 19783*day - 1,
		Actor: "runner:r1", Cause: "report/r1/8f3a/7/0", Hash: hash,
	}
	if diff := cmp.Diff(want, event.FactOf(e, "what happened", 12, hash)); diff != "" {
		t.Errorf("FactOf (-want +got):\n%s", diff)
	}
}

func TestEventsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string, least int) string {
			return rapid.StringN(least, -1, 200).Draw(t, label)
		}
		want := event.Header{
			Namespace: text("namespace", 0), Partition: rapid.Uint16().Draw(t, "partition"),
			Aggregate: event.Aggregate{Kind: event.Job, ID: rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,127}`).Draw(t, "id")},
			Version:   rapid.Uint64Range(1, 1<<53-1).Draw(t, "version"), At: event.Time(rapid.Int64Range(1, int64(end)).Draw(t, "at")),
			Actor: event.Actor(text("actor", 1)), Cause: text("cause", 0), Trace: text("trace", 0),
		}
		encoded := event.Append(nil, want, raw{"test.noted", `{"text":"\\\"}"}`})
		got, err := event.Parse(encoded)
		if err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if diff := cmp.Diff(event.Recorded{Header: want, Type: "test.noted", Data: []byte(`{"text":"\\\"}"}`)}, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", encoded, diff)
		}
	})
}

// FuzzParse holds that whatever is read has the one spelling that Append
// writes.
func FuzzParse(f *testing.F) {
	seedtest.Add(f, []byte(fullGolden), []byte(plainGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := event.Parse(data)
		if err != nil {
			return
		}
		if again := event.Append(nil, e.Header, raw{e.Type, string(e.Data)}); !bytes.Equal(again, data) {
			t.Errorf("%q was read and is written as %q", data, again)
		}
	})
}
