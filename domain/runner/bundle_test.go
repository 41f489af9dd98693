package runner_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

const noon = event.Time(1767355200_000000) // 2026-01-02T12:00:00Z

// key makes the private key of a number.
func key(t testing.TB, n byte) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func jobID(t testing.TB, text string) job.ID {
	t.Helper()
	id, err := job.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// exact compares values with unexported fields by what they say.
var exact = cmp.Options{
	cmp.Comparer(func(a, b signing.PublicKey) bool { return a == b }),
	cmp.Comparer(func(a, b job.ID) bool { return a == b }),
	cmp.Comparer(func(a, b job.Queue) bool { return a == b }),
	cmpopts.EquateEmpty(),
}

// Written by hand. The key is the public key of RFC 8032, section 7.1, test 1.
const (
	publicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	token     = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	about     = `"job":"j1","grant":"` + token + `","at":"2026-01-02T12:00:00.000000Z"`

	bundleGolden = `{"v":1,"ns":"horus","p":3,"runner":"r1","process":"8f3a","number":7,"reports":[` +
		`{"t":"join","key":"` + publicKey + `","kinds":["sh","sal"],"slots":4},` +
		`{"t":"started",` + about + `},` +
		`{"t":"log",` + about + `,"lines":[` +
		`{"at":"2026-01-02T12:00:00.000001Z","stream":"stdout","text":"a \"b\"\n"},` +
		`{"at":"2026-01-02T12:00:00.000002Z","stream":"stderr","text":""},` +
		`{"at":"2026-01-02T12:00:00.000003Z","stream":"runner","text":"\u001b[0m<é>"}]},` +
		`{"t":"completed",` + about + `,"result":"{\"n\":1}"},` +
		`{"t":"failed",` + about + `,"kind":"timeout","exit":124,"message":"too long","result":"half"},` +
		`{"t":"refused",` + about + `,"reason":"the seal is not good"},` +
		`{"t":"leave"}]}`

	leastGolden = `{"v":1,"ns":"horus","p":0,"runner":"r1","process":"0","number":1,"reports":[` +
		`{"t":"join","key":"` + publicKey + `","kinds":[],"slots":1}]}`
)

// goldenBundle is what bundleGolden says.
func goldenBundle(t testing.TB) *runner.Bundle {
	t.Helper()
	public, err1 := signing.ParsePublicKey(publicKey)
	hash, err2 := signing.ParseHash(token)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	a := runner.About{Job: jobID(t, "j1"), Token: hash, At: noon}
	return &runner.Bundle{
		Namespace: "horus", Partition: 3, Runner: "r1", Process: "8f3a", Number: 7,
		Reports: []runner.Report{
			runner.Join{Key: public, Kinds: []domain.Name{"sh", "sal"}, Slots: 4},
			runner.Started{About: a},
			runner.Log{About: a, Lines: []runner.Line{
				{At: noon + 1, Stream: runner.Stdout, Text: "a \"b\"\n"},
				{At: noon + 2, Stream: runner.Stderr},
				{At: noon + 3, Stream: runner.System, Text: "\x1b[0m<é>"},
			}},
			runner.Completed{About: a, Result: `{"n":1}`},
			runner.Failed{About: a, Kind: job.FailedTimeout, Exit: 124, Message: "too long", Result: "half"},
			runner.Refused{About: a, Reason: "the seal is not good"},
			runner.Leave{},
		},
	}
}

func TestABundleHasOneSpelling(t *testing.T) {
	want := goldenBundle(t)
	if got := string(want.Append([]byte("before"))); got != "before"+bundleGolden {
		t.Errorf("Append wrote\n%s, want\n%s", got, "before"+bundleGolden)
	}
	got, err := runner.ParseBundle([]byte(bundleGolden))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, exact); diff != "" {
		t.Errorf("ParseBundle (-want +got):\n%s", diff)
	}
	least, err := runner.ParseBundle([]byte(leastGolden))
	if err != nil || string(least.Append(nil)) != leastGolden {
		t.Errorf("the smallest bundle came back as %+v, %v", least, err)
	}
}

func TestParseBundleRefusesWhatNoRunnerWrites(t *testing.T) {
	kinds := make([]string, 17)
	for i := range kinds {
		kinds[i] = fmt.Sprintf(`"k%d"`, i)
	}
	for _, tt := range []struct{ name, old, replacement string }{
		{"another version", `"v":1`, `"v":2`},
		{"a space", `"ns":"horus"`, `"ns": "horus"`},
		{"a partition too far", `"p":3`, `"p":65536`},
		{"number 0", `"number":7`, `"number":0`},
		{"number 2^53", `"number":7`, `"number":9007199254740992`},
		{"a runner in capitals", `"runner":"r1"`, `"runner":"R1"`},
		{"a runner with a brace", `"runner":"r1"`, `"runner":"{r1}"`},
		{"a process that is no number", `"process":"8f3a"`, `"process":"zz"`},
		{"a process in capitals", `"process":"8f3a"`, `"process":"8F3A"`},
		{"a process without a name", `"process":"8f3a"`, `"process":""`},
		{"a process with a long name", `"process":"8f3a"`, `"process":"` + strings.Repeat("0", 33) + `"`},
		{"a report that nobody knows", `{"t":"leave"}`, `{"t":"kill"}`},
		{"a report with more", `{"t":"leave"}`, `{"t":"leave","x":1}`},
		{"no report at the end", `,{"t":"leave"}]`, `,]`},
		{"a key of small order", publicKey, "01" + strings.Repeat("0", 62)},
		{"a kind that is none", `["sh","sal"]`, `["sh","*"]`},
		{"a kind named twice", `["sh","sal"]`, `["sh","sh"]`},
		{"seventeen kinds", `["sh","sal"]`, `[` + strings.Join(kinds, ",") + `]`},
		{"no slot", `"slots":4`, `"slots":0`},
		{"a slot too many", `"slots":4`, `"slots":4097`},
		{"a job id that is none", `"job":"j1"`, `"job":"../j1"`},
		{"a grant in capitals", `0a0b0c`, `0A0B0C`},
		{"a grant that is short", `1d1e1f"`, `1d1e"`},
		{"a time with an offset", `12:00:00.000000Z`, `12:00:00.00000+0`},
		{"a log without lines", `"lines":[{"at":"2026-01-02T12:00:00.000001Z","stream":"stdout","text":"a \"b\"\n"},`, `"lines":[],[`},
		{"a stream that is none", `"stream":"stderr"`, `"stream":"stdin"`},
		{"a control character as it is", `\u001b`, "\x1b"},
		{"an escape too many", `"too long"`, `"too\u0020long"`},
		{"text that is not UTF-8", "é", "\xe9"},
		{"a kind of failure that is none", `"kind":"timeout"`, `"kind":"boredom"`},
		{"an exit code too high", `"exit":124`, `"exit":256`},
		{"a negative exit code", `"exit":124`, `"exit":-1`},
		{"a result that is no string", `"result":"half"`, `"result":{"event":"job.completed"}`},
		{"more after it", `{"t":"leave"}]}`, `{"t":"leave"}]} `},
	} {
		text := strings.Replace(bundleGolden, tt.old, tt.replacement, 1)
		if text == bundleGolden {
			t.Fatalf("%s: nothing was replaced", tt.name)
		}
		if b, err := runner.ParseBundle([]byte(text)); err == nil {
			t.Errorf("%s was read: %+v", tt.name, b)
		} else if domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %v, want invalid", tt.name, err)
		}
	}
	for i := range len(bundleGolden) {
		if _, err := runner.ParseBundle([]byte(bundleGolden[:i])); err == nil {
			t.Errorf("the first %d bytes were read", i)
		}
	}
}

// Whether an attempt was lost or came too late is for its supervisor to say. A
// runner that said so was believed by the parser and then refused by every
// decision, after the bundle was in the history.
func TestARunnerReportsNoLoss(t *testing.T) {
	for _, kind := range []job.FailureKind{job.FailedLost, job.FailedExpired} {
		text := strings.Replace(bundleGolden, `"kind":"timeout"`, `"kind":"`+string(kind)+`"`, 1)
		if _, err := runner.ParseBundle([]byte(text)); domain.ReasonOf(err) != "kind" {
			t.Errorf("a failure of kind %s: %v, want a refusal", kind, err)
		}
	}
	for _, kind := range []job.FailureKind{job.FailedError, job.FailedTimeout, job.FailedRejected} {
		text := strings.Replace(bundleGolden, `"kind":"timeout"`, `"kind":"`+string(kind)+`"`, 1)
		if _, err := runner.ParseBundle([]byte(text)); err != nil {
			t.Errorf("a failure of kind %s: %v", kind, err)
		}
	}
}

// An exit code above 255 (they exist outside POSIX) was written and could not
// be read: the whole bundle, with all other outcomes in it, was dropped.
func TestAnyExitCodeCanBeReadBack(t *testing.T) {
	for given, want := range map[int32]int32{-1: 0, 0: 0, 1: 1, 255: 255, 256: 255, 1 << 30: 255, -1 << 31: 0} {
		b := goldenBundle(t)
		failed := b.Reports[4].(runner.Failed)
		failed.Exit = given
		b.Reports = []runner.Report{failed}
		got, err := runner.ParseBundle(b.Append(nil))
		if err != nil || got.Reports[0].(runner.Failed).Exit != want {
			t.Errorf("exit code %d came back as %+v, %v; want %d", given, got, err, want)
		}
	}
}

func TestABundleHasLimits(t *testing.T) {
	b := goldenBundle(t)
	started := b.Reports[1]
	b.Reports = nil
	for range runner.MaxReports {
		b.Reports = append(b.Reports, started)
	}
	if _, err := runner.ParseBundle(b.Append(nil)); err != nil {
		t.Errorf("%d reports: %v", runner.MaxReports, err)
	}
	b.Reports = append(b.Reports, started)
	if _, err := runner.ParseBundle(b.Append(nil)); err == nil {
		t.Errorf("%d reports were read", runner.MaxReports+1)
	}

	completed := goldenBundle(t).Reports[3].(runner.Completed)
	completed.Result = ""
	b.Reports = []runner.Report{completed}
	completed.Result = strings.Repeat("x", runner.MaxBundleBytes-len(b.Append(nil)))
	b.Reports[0] = completed
	if doc := b.Append(nil); len(doc) != runner.MaxBundleBytes {
		t.Fatalf("the bundle has %d bytes", len(doc))
	}
	if _, err := runner.ParseBundle(b.Append(nil)); err != nil {
		t.Errorf("a bundle at the limit: %v", err)
	}
	completed.Result += "x"
	b.Reports[0] = completed
	if _, err := runner.ParseBundle(b.Append(nil)); domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("a bundle above the limit: %v, want too large", err)
	}
}

func TestTheLargestReportFitsABundleOfItsOwn(t *testing.T) {
	b := goldenBundle(t)
	b.Namespace, b.Runner = strings.Repeat("n", 64), domain.Name(strings.Repeat("r", 64))
	b.Process, b.Number, b.Partition = strings.Repeat("f", 32), 1<<53-1, 65535
	completed := b.Reports[3].(runner.Completed)
	completed.Result = ""
	empty := len(runner.AppendReport(nil, completed))
	completed.Result = strings.Repeat("x", runner.MaxReportBytes-empty)
	size := len(runner.AppendReport(nil, completed))
	if size != runner.MaxReportBytes {
		t.Fatalf("the report has %d bytes", size)
	}
	b.Reports = []runner.Report{completed}
	if _, err := runner.ParseBundle(b.Append(nil)); err != nil {
		t.Error(err)
	}
}

func TestABundleIsItsKeysWord(t *testing.T) {
	signed := goldenBundle(t).Sign(key(t, 4))
	verifier := signing.NewVerifier(4)
	if signed.Key != key(t, 4).Public().ID() || !verifier.Verify(signed.Check(key(t, 4).Public())) {
		t.Error("the signature is not good")
	}
	if verifier.Verify(signed.Check(key(t, 5).Public())) {
		t.Error("the signature is good under another key")
	}
	changed := signed
	changed.Doc = bytes.Replace(signed.Doc, []byte(`"number":7`), []byte(`"number":8`), 1)
	if verifier.Verify(changed.Check(key(t, 4).Public())) {
		t.Error("the signature is good for other bytes")
	}
	asJob := signing.Check{
		Key: key(t, 4).Public(), Message: signing.PAE(job.PayloadType, signed.Doc), Signature: signed.Signature,
	}
	if verifier.Verify(asJob) {
		t.Error("a bundle's signature passes for a job's")
	}
}

func TestACauseNamesOneReport(t *testing.T) {
	want := runner.Cause{Runner: "r1", Process: "8f3a", Number: 7, Index: 12}
	const text = "report/r1/8f3a/7/12"
	if got, ok := runner.ParseCause(text); !ok || got != want || got.String() != text {
		t.Errorf("ParseCause(%s) = %+v, %v", text, got, ok)
	}
	for _, text := range []string{
		"", "report", "request/r1/8f3a/7/0", "report/r1/8f3a/7", "report/r1/8f3a/7/0/1", "report/r1/8f3a/07/0",
		"report/r1/8f3a/7/-0", "report/r1/8f3a/7/-1", "report/r1/8f3a/+7/0", "report/r1/8f3a/7/01", "report/r1/8f3a/x/0",
		"report/r1/8f3a/18446744073709551616/0", "report//8f3a/7/0", "report/R1/8f3a/7/0", "report/r1/zz/7/0", "report/r1//7/0",
		"report/r1/8f3a/7/0 ",
	} {
		if got, ok := runner.ParseCause(text); ok {
			t.Errorf("ParseCause(%q) = %+v, want none", text, got)
		}
	}
}

// seenGolden is a join that shows the youngest seal that its process verified.
const seenGolden = `{"v":1,"ns":"horus","p":3,"runner":"r1","process":"0","number":1,"reports":[` +
	`{"t":"join","key":"` + publicKey + `","kinds":[],"slots":1,"seen":"1.7.97.4.3.` +
	`AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8.` +
	`21fe31dfa154a261626bf854046fd227.` +
	`5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc-bRr0lv18FlbviRlUUFDjnoQCw"}]}`

func TestAJoinMayShowASeal(t *testing.T) {
	b, err := runner.ParseBundle([]byte(seenGolden))
	if err != nil || string(b.Append(nil)) != seenGolden {
		t.Fatalf("%v, written as %s", err, b.Append(nil))
	}
	seen := b.Reports[0].(runner.Join).Seen
	if seen == nil || seen.Namespace != "horus" || seen.Partition != 3 || seen.Term != 7 || seen.Last() != 100 {
		t.Errorf("the seal is %+v", seen)
	}
	for name, replacement := range map[string]string{
		"nothing":     "",
		"no seal":     "1.7",
		"a long text": strings.Repeat("1.7.97.4.3.", 1000),
	} {
		_, rest, _ := strings.Cut(seenGolden, `"seen":"`)
		wire, _, _ := strings.Cut(rest, `"`)
		doc := strings.Replace(seenGolden, wire, replacement, 1)
		if _, err := runner.ParseBundle([]byte(doc)); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzBundle holds that whatever is read has one spelling.
func FuzzBundle(f *testing.F) {
	seedtest.Add(f, []byte(bundleGolden), []byte(leastGolden), []byte(seenGolden), []byte(lifeGolden))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := runner.ParseBundle(data)
		if err != nil {
			return
		}
		if again := b.Append(nil); !bytes.Equal(again, data) {
			t.Errorf("%q was read and is written as %q", data, again)
		}
	})
}

// Whoever encoded its reports one by one signs the same bundle.
func TestReportsThatWereEncodedBeforeMakeTheSameBundle(t *testing.T) {
	reports := goldenBundle(t).Reports
	for n := 1; n <= len(reports); n++ {
		b := goldenBundle(t)
		b.Reports = reports[:n]
		want := b.Sign(key(t, 4))
		var encoded []byte
		for _, r := range b.Reports {
			encoded = runner.AppendReport(encoded, r)
		}
		b.Reports = nil
		if diff := cmp.Diff(want, b.SignReports(encoded, key(t, 4))); diff != "" {
			t.Errorf("%d reports (-want +got):\n%s", n, diff)
		}
	}
}
