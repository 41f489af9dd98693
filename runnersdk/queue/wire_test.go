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
		{name: "of another kind", spoil: func(f map[string]string) { f["kind"] = "stop" }},
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

// fuzzSeeds adds every prefix of a text, and the text with each bit of it
// flipped.
func fuzzSeeds(f *testing.F, text string) {
	for i := range text {
		f.Add([]byte(text[:i]))
	}
	f.Add([]byte(text))
	for i := range len(text) * 8 {
		flipped := []byte(text)
		flipped[i/8] ^= 1 << (i % 8)
		f.Add(flipped)
	}
}

func FuzzStatement(f *testing.F) {
	fuzzSeeds(f, newHistory(f).founding)
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
	f.Add("7-3", fields["grant"], fields["job"])
	f.Add("7-2", queuetest.FieldMap(h.first.Fields())["grant"], "")
	for i := 0; i < len(fields["job"]); i += 7 {
		f.Add("7-3", fields["grant"], fields["job"][:i])
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

func FuzzNotice(f *testing.F) {
	f.Add("joined", "a1", "2", newHistory(f).founding[2:], "")
	f.Add("refused", "a1", "", "", "why")
	f.Fuzz(func(t *testing.T, kind, process, seq, proof, reason string) {
		_, _ = keys.ParseNotice(map[string]string{"kind": kind, "process": process, "seq": seq, "proof": proof, "reason": reason})
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
