package queue_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

const space = domain.Name("horus")

var keys = queue.Keys{Namespace: space}

func TestKeys(t *testing.T) {
	k := queue.Keys{Namespace: "horus", Partition: 12}
	tests := []struct{ got, want string }{
		{k.Jobs(job.RunnerQueue("r1")), "horus:{p012}:runner:r1:jobs:5"},
		{k.Jobs(job.ExecutorQueue("sh")), "horus:{p012}:executor:sh:jobs:5"},
		{k.Inbox(), "horus:{p012}:inbox"},
		{k.Control("r1"), "horus:{p012}:control:r1"},
		{k.Statements(), "horus:{p012}:statements"},
		{k.Beats(), "horus:{p012}:beats"},
		{k.Modes(), "horus:{p012}:modes"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("key %s, want %s", test.got, test.want)
		}
	}
}

func TestEntryIDs(t *testing.T) {
	for _, text := range []string{"0-0", "1767225600-42", "18446744073709551615-18446744073709551615"} {
		if id, err := queue.ParseEntryID(text); err != nil || id.String() != text {
			t.Errorf("%s is read as %s, %v", text, id, err)
		}
	}
	for _, text := range []string{"", "1", "1-", "-1", "01-1", "1-01", "+1-1", "1-1-1", " 1-1", "18446744073709551616-0"} {
		if id, err := queue.ParseEntryID(text); err == nil {
			t.Errorf("%q is read as %s", text, id)
		}
	}
	sorted := []queue.EntryID{{Term: 1, Seq: 9}, {Term: 2, Seq: 1}, {Term: 2, Seq: 2}}
	if !slices.IsSortedFunc(sorted, queue.EntryID.Compare) {
		t.Error("a later term stands behind every place of an earlier one")
	}
}

// history is a small log: a founding and a job of two attempts.
type history struct {
	*queuetest.History
	founding      string // the statement's value
	first, second queue.Assignment
}

func newHistory(t testing.TB) *history {
	t.Helper()
	h := &history{}
	h.History = queuetest.Found(t, space, func(value string) { h.founding = value })
	client := queuetest.Key(t, "client")
	s := queuetest.Sign(queuetest.Document("j1", "echo"), client)
	h.first = h.Assign(s)
	_, grant := h.GrantOf(s)
	grant.Attempt = 2
	h.second = queuetest.Assignment(h.Commit(queuetest.JobAggregate("j1"), job.Queued{Grant: *grant}))
	h.second.Submission = &s
	return h
}

func TestAssignmentsComeAsTheyWent(t *testing.T) {
	h := newHistory(t)
	for name, a := range map[string]queue.Assignment{"first attempt": h.first, "second attempt": h.second} {
		fields := queuetest.FieldMap(a.Fields())
		got, err := keys.ParseAssignment(a.ID.String(), fields)
		if diff := cmp.Diff(a, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if err := got.Grant.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A reader remembers one seal: whatever it read before, each entry is read as it
// would be alone.
func TestReaderReadsEachEntryAsIfAlone(t *testing.T) {
	h := newHistory(t)
	first, second := queuetest.FieldMap(h.first.Fields()), queuetest.FieldMap(h.second.Fields())
	damaged := map[string]string{"grant": "1.7.x" + first["grant"][5:]}
	r := queue.Reader{Keys: keys}
	for i, entry := range []struct {
		id     string
		fields map[string]string
	}{
		{h.first.ID.String(), first},
		{h.first.ID.String(), damaged},
		{h.first.ID.String(), first},
		{h.second.ID.String(), second},
		{h.second.ID.String(), second},
		{h.first.ID.String(), first},
		{h.second.ID.String(), map[string]string{"grant": "\n\n"}},
	} {
		want, wantErr := keys.ParseAssignment(entry.id, entry.fields)
		got, err := r.Assignment(entry.id, entry.fields)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
			t.Errorf("entry %d: %v, want %v (-want +got):\n%s", i, err, wantErr, diff)
		}
	}
}

func TestEntryIDsHaveOneSpelling(t *testing.T) {
	for _, text := range []string{"0-0", "7-2", "18446744073709551615-18446744073709551615"} {
		if id, err := queue.ParseEntryID(text); err != nil || id.String() != text {
			t.Errorf("%q is read as %q, %v", text, id, err)
		}
	}
	for _, text := range []string{"", "7", "7-", "-2", "07-2", "7-02", "7-00", "+7-2", "7-2-1", "7-0x2", "7_0-2", "18446744073709551616-1"} {
		if id, err := queue.ParseEntryID(text); err == nil {
			t.Errorf("%q is read as %q", text, id)
		}
	}
}

func TestNoticesComeAsTheyWent(t *testing.T) {
	h := newHistory(t)
	joined := h.Welcome("r1", "a1", runner.Join{Key: queuetest.Key(t, "runner").Public(), Slots: 1})
	for _, n := range []queue.Notice{joined, {Kind: queue.NoticeRefused, Process: "a1", Reason: "ask an administrator"}} {
		got, err := keys.ParseNotice(queuetest.FieldMap(n.Fields()))
		if diff := cmp.Diff(n, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", n.Kind, err, diff)
		}
	}
}

func TestNoticeIsRefused(t *testing.T) {
	fields := func() map[string]string {
		n := newHistory(t).Welcome("r1", "a1", runner.Join{Key: queuetest.Key(t, "runner").Public(), Slots: 1})
		return queuetest.FieldMap(n.Fields())
	}
	tests := []struct {
		name  string
		spoil func(map[string]string)
	}{
		{name: "of another kind", spoil: func(f map[string]string) { f["kind"] = "dance" }},
		{name: "without a place", spoil: func(f map[string]string) { delete(f, "seq") }},
		{name: "with a place of two spellings", spoil: func(f map[string]string) { f["seq"] = "0" + f["seq"] }},
		{name: "without a proof", spoil: func(f map[string]string) { delete(f, "proof") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fields()
			test.spoil(f)
			if n, err := keys.ParseNotice(f); err == nil {
				t.Errorf("read as %+v", n)
			}
		})
	}
}

func TestBundlesComeAsTheyWent(t *testing.T) {
	b := runner.Bundle{Namespace: string(space), Runner: "r1", Process: "a1", Number: 2, Reports: []runner.Report{runner.Leave{}}}
	sent := b.Sign(queuetest.Key(t, "runner"))
	got, err := queue.ParseBundle(queuetest.FieldMap(queue.BundleFields(sent)))
	if diff := cmp.Diff(sent, got); diff != "" || err != nil {
		t.Errorf("bundle: %v (-want +got):\n%s", err, diff)
	}
	if _, err := queue.ParseBundle(map[string]string{"bundle": "{}", "key": "short", "sig": sent.Signature.String()}); err == nil {
		t.Error("a key id that is none is taken")
	}
}

func TestStatementsBearTheirPlace(t *testing.T) {
	h := newHistory(t)
	if !strings.HasPrefix(h.founding, "1\n1.7.1.1.0.") {
		t.Errorf("the founding is %.40q", h.founding)
	}
	proof, err := keys.ParseStatement([]byte(h.founding))
	if err != nil || proof.Seq != 1 || proof.Check() != nil {
		t.Errorf("statement: %v, %v", err, proof.Check())
	}
}

func FuzzStatement(f *testing.F) {
	seedtest.Add(f, []byte(newHistory(f).founding))
	f.Fuzz(func(t *testing.T, data []byte) {
		proof, err := keys.ParseStatement(data)
		if err != nil {
			return
		}
		if again := queue.AppendStatement(nil, proof); string(again) != string(data) {
			t.Errorf("%q has a second spelling %q", again, data)
		}
	})
}

func FuzzAssignment(f *testing.F) {
	h := newHistory(f)
	fields := queuetest.FieldMap(h.second.Fields())
	f.Add("7-2", queuetest.FieldMap(h.first.Fields())["grant"], "")
	for id := range seedtest.Variants("7-3") {
		f.Add(id, fields["grant"], fields["job"])
	}
	for grant := range seedtest.Variants(fields["grant"]) {
		f.Add("7-3", grant, fields["job"])
	}
	for document := range seedtest.Variants(fields["job"]) {
		f.Add("7-3", fields["grant"], document)
	}
	f.Fuzz(func(t *testing.T, id, grant, document string) {
		fields := map[string]string{"grant": grant}
		if document != "" {
			fields["job"] = document
		}
		a, err := keys.ParseAssignment(id, fields)
		if err != nil {
			return
		}
		if again := queuetest.FieldMap(a.Fields()); a.ID.String() != id || !maps.Equal(again, fields) {
			t.Errorf("%q has a second spelling %q", again, fields)
		}
	})
}

// FuzzNotice holds that everything of a notice that is read has one spelling.
func FuzzNotice(f *testing.F) {
	h := newHistory(f)
	proof := h.founding[2:]
	for seq := range seedtest.Variants("2") {
		f.Add("joined", "a1", seq, proof, "")
	}
	for proof := range seedtest.Variants(proof) {
		f.Add("joined", "a1", "2", proof, "")
	}
	for _, kind := range []string{"joined", "refused", "forgotten"} {
		for kind := range seedtest.Variants(kind) {
			f.Add(kind, "a1", "2", proof, "why")
		}
	}
	f.Fuzz(func(t *testing.T, kind, process, seq, proof, reason string) {
		fields := map[string]string{"kind": kind, "process": process, "seq": seq, "proof": proof, "reason": reason}
		n, err := keys.ParseNotice(fields)
		if err != nil {
			return
		}
		for name, value := range queuetest.FieldMap(n.Fields()) {
			if fields[name] != value {
				t.Errorf("%s of a notice has a second spelling: %q and %q", name, fields[name], value)
			}
		}
	})
}

func FuzzBundle(f *testing.F) {
	b := runner.Bundle{Namespace: string(space), Runner: "r1", Process: "a1", Number: 2, Reports: []runner.Report{runner.Leave{}}}
	sent := b.Sign(queuetest.Key(f, "runner"))
	for key := range seedtest.Variants(string(sent.Key)) {
		f.Add(string(sent.Doc), key, sent.Signature.String())
	}
	for sig := range seedtest.Variants(sent.Signature.String()) {
		f.Add(string(sent.Doc), string(sent.Key), sig)
	}
	f.Fuzz(func(t *testing.T, bundle, key, sig string) {
		fields := map[string]string{"bundle": bundle, "key": key, "sig": sig}
		s, err := queue.ParseBundle(fields)
		if err != nil {
			return
		}
		if again := queuetest.FieldMap(queue.BundleFields(s)); !maps.Equal(again, fields) {
			t.Errorf("%q has a second spelling %q", again, fields)
		}
	})
}

// A path without its seal proves nothing, and says so in words.
func TestProofHasThreeLines(t *testing.T) {
	for _, text := range []string{"", "\n", "1.7.1.1.0", "a\nb\nc", "1.7.1.1.0.x.y.z.s\n\n{}"} {
		if _, err := keys.ParseProof([]byte(text), 1); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	p := newHistory(t).first.Grant
	p.Path = []signing.Hash{{1}}
	text := string(queue.AppendProof(nil, p))
	second := strings.Replace(text, "\nAQ", "\nA\rQ", 1)
	if _, err := keys.ParseProof([]byte(second), p.Seq); second == text || err == nil {
		t.Errorf("a second spelling of a path is read: %v", err)
	}
}
