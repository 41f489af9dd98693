package audit_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
)

// gap is a log that lost its last commits, declared that, and went on.
type gap struct {
	before, after *historytest.Partition
	seal          signing.Seal // the last one of before
	from          uint64       // first place that was lost
	declared      uint64
}

// lose lets a history lose its last n commits.
func lose(t *testing.T, n int) gap {
	t.Helper()
	g := gap{before: lived(3, 60)}
	kept := len(g.before.Commits) - n
	g.seal = g.before.Commits[len(g.before.Commits)-1].Seal
	g.after = g.before.Fork(kept)
	g.from = g.after.Seq() + 1
	// The new term must be above the lost one's, as a leader's is who asks the
	// clock.
	g.after.Draft.Term = g.seal.Term
	g.after.BeginTerm()
	g.declared = g.after.Seq() + 1
	g.after.Commit(func(tx *historytest.Tx) {
		tx.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Log}, Actor: event.BySystem("leader")}, loss.Lost{From: g.from, Seal: g.seal})
	})
	g.after.Commit(func(tx *historytest.Tx) { tx.Submit("after", historytest.Job{}) })
	return g
}

func TestADeclaredGapIsTold(t *testing.T) {
	g := lose(t, 3)
	log := g.after.Raws()
	verdict := verify(t, log, audit.Options{})
	want := []audit.Gap{{
		From: g.from, To: g.seal.Last(), Seal: g.seal.Hash().String(), Declared: g.declared,
		By: event.BySystem("leader"), At: g.after.Now.Add(-2_000_000),
	}}
	if diff := cmp.Diff(want, verdict.Gaps); diff != "" || verdict.Finding != audit.Lost || verdict.Seq != uint64(len(log)) || verdict.ExitCode() != 3 {
		t.Errorf("%s\n%s", verdict, diff)
	}
	text := verdict.String()
	if !strings.HasPrefix(text, "lost: 1 declared gap; valid up to seq ") || !strings.Contains(text, "\n  lost        seq ") {
		t.Errorf("%s", text)
	}
	var doc struct {
		Verdict string
		Gaps    []audit.Gap
		Counts  *audit.Counts
	}
	if data, err := json.Marshal(verdict); err != nil || json.Unmarshal(data, &doc) != nil || doc.Verdict != "lost" || len(doc.Gaps) != 1 || doc.Counts == nil {
		t.Errorf("%s, %v", data, err)
	}
}

// TestADeclaredGapExplainsAHead asks for seals of the part that was lost, and
// for others at its places.
func TestADeclaredGapExplainsAHead(t *testing.T) {
	g := lose(t, 3)
	log := g.after.Raws()
	other := g.before.Fork(len(g.before.Commits) - 3)
	other.Now++
	other.Live(rand.New(rand.NewPCG(9, 0)).IntN, int(g.seal.Last()))
	head := func(s signing.Seal) *audit.Head {
		return &audit.Head{Namespace: namespace, Seq: s.Last(), Seal: s.Hash()}
	}
	for i, c := range g.before.Commits {
		if verdict := verify(t, log, audit.Options{Head: head(c.Seal)}); verdict.Finding != audit.Lost {
			t.Errorf("the seal of commit %d: %s", i, verdict)
		}
	}
	forged := head(g.seal)
	forged.Seal[0]++
	beyond := head(g.seal)
	beyond.Seq += 1000
	for name, h := range map[string]*audit.Head{"another seal at the gap's end": forged, "a seal behind the gap": beyond} {
		if verdict := verify(t, log, audit.Options{Head: h}); verdict.Finding != audit.Tampered {
			t.Errorf("%s: %s", name, verdict)
		}
	}
	before := g.before.Raws()
	if verdict := verify(t, before[:g.from-1], audit.Options{Head: head(g.seal)}); verdict.Finding != audit.Tampered || verdict.Seq != g.from {
		t.Errorf("a gap that nobody declared: %s", verdict)
	}
}

func TestAJobIsProvedOverAGap(t *testing.T) {
	log := lose(t, 3).after.Raws()
	source, err := audit.FromLog(t.Context(), memory(log))
	if err != nil {
		t.Fatal(err)
	}
	proof, _, err := audit.Prove(t.Context(), source, audit.Options{Namespace: namespace}, historytest.ID("after"))
	if err != nil || proof == nil {
		t.Fatal(err)
	}
	if a := audit.CheckProof(proof.Append(nil), audit.Fingerprint(log[0].Event)); a.Finding != audit.Valid {
		t.Errorf("%s", &a)
	}
}

// TestAGapThatWasNot lets a supervisor declare what its own log disproves.
func TestAGapThatWasNot(t *testing.T) {
	p := lived(3, 60)
	p.BeginTerm()
	old := p.Commits[3].Seal
	p.Commit(func(tx *historytest.Tx) {
		tx.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Log}, Actor: event.BySystem("leader")}, loss.Lost{From: old.First, Seal: old})
	})
	if verdict := verify(t, p.Raws(), audit.Options{}); verdict.Finding != audit.Tampered || verdict.Seq != p.Seq() {
		t.Errorf("%s", verdict)
	}
}
