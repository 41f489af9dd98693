package historytest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

func TestRandomHistoriesAreLegal(t *testing.T) {
	verifier := signing.NewVerifier(16)
	rapid.Check(t, func(t *rapid.T) {
		p := historytest.Found("horus")
		for range rapid.IntRange(0, 40).Draw(t, "commits") {
			p.Step(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
		}
		if err := p.Verify(verifier); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheSameCallsMakeTheSameBytes(t *testing.T) {
	story := func() *historytest.Partition {
		p := historytest.Found("horus")
		worker := p.NewProcess("r1")
		p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
		p.Commit(func(tx *historytest.Tx) { tx.Report(worker, worker.Join()) })
		p.Commit(func(tx *historytest.Tx) {
			tx.Report(worker, runner.Completed{About: p.About("j1"), Result: "4"})
		})
		return p
	}
	p := story()
	if diff := cmp.Diff(p.Raws(), story().Raws()); diff != "" {
		t.Errorf("a second telling (-first +second):\n%s", diff)
	}
	if err := p.Verify(signing.NewVerifier(4)); err != nil {
		t.Error(err)
	}
	if s := p.Job("j1"); s.Status != job.Done {
		t.Errorf("the job is %s, want completed", s.Status)
	}
}

func TestACutHistoryGoesOnAnotherWay(t *testing.T) {
	p := historytest.Found("horus")
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j1", historytest.Job{}) })
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j2", historytest.Job{}) })
	p.Cut(2)
	p.BeginTerm()
	p.Commit(func(tx *historytest.Tx) { tx.Submit("j3", historytest.Job{}) })
	if err := p.Verify(signing.NewVerifier(4)); err != nil {
		t.Error(err)
	}
	if got := len(p.Jobs()); got != 2 {
		t.Errorf("there are %d jobs, want j1 and j3", got)
	}
}

func TestAHistoryOfSeveralSupervisorsIsLegal(t *testing.T) {
	for seed := range uint64(10) {
		p := historytest.New("horus")
		p.Live(rand.New(rand.NewPCG(seed, 0)).IntN, 200)
		if err := p.Verify(signing.NewVerifier(16)); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if p.Seq() < 200 {
			t.Errorf("seed %d: %d events, want 200", seed, p.Seq())
		}
	}
}

// What Step does not do no property test sees.
func TestEverythingHappensNowAndThen(t *testing.T) {
	happened, stood, signed := map[string]int{}, map[job.Status]int{}, map[string]int{}
	spent, again := map[string]bool{}, 0
	for seed := range uint64(12) {
		p := historytest.New("horus")
		p.Live(rand.New(rand.NewPCG(seed, 0)).IntN, 400)
		for _, c := range p.Commits {
			for i := range c.Entries {
				happened[c.Entries[i].Type]++
				nonces, _ := c.Entries[i].Spends()
				for _, nonce := range nonces {
					again += map[bool]int{true: 1}[spent[nonce]]
					spent[nonce] = true
				}
				if submitted, ok := c.Entries[i].Data.(job.Submitted); ok {
					signed[wayOf(p, submitted.Submission)]++
				}
			}
		}
		for _, j := range p.State.Jobs {
			stood[j.Status]++
		}
	}
	if again < 20 {
		t.Errorf("nonces were used again %d times", again)
	}
	for _, e := range job.Events() {
		if happened[e.EventName()] < 5 {
			t.Errorf("%s happened %d times", e.EventName(), happened[e.EventName()])
		}
	}
	for _, e := range runner.Events() {
		if happened[e.EventName()] == 0 {
			t.Errorf("%s never happened", e.EventName())
		}
	}
	for _, s := range job.Statuses() {
		if stood[s] == 0 {
			t.Errorf("no job was %s at the end", s)
		}
	}
	for _, way := range []string{"dsse, ed25519", "dsse, secp256k1", "bulk, ed25519", "bulk, secp256k1", "jcs, ed25519", "jcs, secp256k1", "unsigned"} {
		if signed[way] < 5 {
			t.Errorf("%d jobs were submitted so: %s", signed[way], way)
		}
	}
}

// wayOf says in which form a job was submitted, and by a key of which algorithm.
func wayOf(p *historytest.Partition, s job.Submission) string {
	o, err := s.Open()
	if err != nil {
		return err.Error()
	}
	if len(o.Signers) == 0 {
		return "unsigned"
	}
	way := string(s.Form)
	if s.Bulk != nil {
		way = "bulk"
	}
	k, _ := p.State.Access.Find(o.Signers[0])
	return way + ", " + string(k.Public.Algorithm())
}

func TestAForkLeavesTheHistoryAlone(t *testing.T) {
	p := historytest.New("horus")
	draw := rand.New(rand.NewPCG(1, 0)).IntN
	p.Live(draw, 40)
	before := p.Raws()
	for n := 1; n <= len(p.Commits); n++ {
		f := p.Fork(n)
		f.Live(draw, int(f.Seq())+10)
		if err := f.Verify(signing.NewVerifier(16)); err != nil {
			t.Fatalf("after %d commits: %v", n, err)
		}
		shared := p.Commits[n-1].Seal.Last()
		if diff := cmp.Diff(before[:shared], f.Raws()[:shared]); diff != "" {
			t.Errorf("the first %d commits (-history +fork):\n%s", n, diff)
		}
	}
	if diff := cmp.Diff(before, p.Raws()); diff != "" {
		t.Errorf("after its forks (-before +after):\n%s", diff)
	}
}

func TestWhatAnotherKeySealsIsFound(t *testing.T) {
	p := historytest.New("horus")
	p.Live(rand.New(rand.NewPCG(1, 0)).IntN, 60)
	log := p.Raws()
	for _, from := range historytest.Starts(log) {
		forged := historytest.Reseal(log, from, historytest.Key("thief"))
		_, err := historytest.Follow("horus", forged, signing.NewVerifier(16), (*history.Chain).Check)
		if seq, ok := history.IsFault(err); !ok || seq != uint64(from)+1 {
			t.Errorf("sealed again from index %d: %v, want a fault at %d", from, err, from+1)
		}
	}
}
