package history_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// Whatever jobs are submitted with whatever nonces, the first that has one which
// another job of its key still has is found, there and nowhere before it.
func TestANonceIsOneJobsUntilItsEnd(t *testing.T) {
	clients := []signing.PrivateKey{historytest.Key("client"), historytest.Secp256k1Key("c2")}
	rapid.Check(t, func(t *rapid.T) {
		p := historytest.Found("horus")
		p.Commit(func(tx *historytest.Tx) { tx.Admit(clients[1], access.Key{Class: access.Client, Name: "c2"}) })
		chain := history.NewChain("horus", 0, signing.NewVerifier(16))
		for _, c := range p.Commits {
			if err := chain.Check(c); err != nil {
				t.Fatal(err)
			}
		}
		held := map[string]event.Time{} // by client and nonce: until when
		for i := range rapid.IntRange(1, 30).Draw(t, "jobs") {
			p.Now = p.Now.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "seconds")) * time.Second)
			until := p.Now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "life")) * time.Second)
			client, nonce := rapid.IntRange(0, 1).Draw(t, "client"), fmt.Sprint("n", rapid.IntRange(0, 3).Draw(t, "nonce"))
			whose := fmt.Sprint(client, nonce)
			again := held[whose] >= p.Now
			c := p.Commit(func(tx *historytest.Tx) { submitWith(tx, fmt.Sprint("j", i), clients[client], nonce, until) })
			seq, found := history.IsFault(chain.Check(c))
			if found != again || found && seq != c.Seal.First {
				t.Fatalf("job %d, whose nonce is another's until %s: %v, %d", i, held[whose], found, seq)
			}
			if found {
				return
			}
			held[whose] = until
		}
	})
}

// Nonces come and go, and who checks a history of them remembers few.
func TestNoncesThatAreGoodAgainAreForgotten(t *testing.T) {
	p := historytest.Found("horus")
	chain := history.NewChain("horus", 0, signing.NewVerifier(16))
	check := func(c *history.Commit) {
		t.Helper()
		if err := chain.Check(c); err != nil {
			t.Fatal(err)
		}
	}
	check(p.Commits[0])
	most := 0
	for i := range 60 {
		check(p.Commit(func(tx *historytest.Tx) {
			for j := range 100 {
				id := fmt.Sprintf("j%d-%d", i, j)
				submitWith(tx, id, tx.Client, id, tx.Now.Add(2*time.Second))
			}
		}))
		p.Now = p.Now.Add(time.Second)
		most = max(most, len(chain.State.Nonces))
	}
	if most > 1200 {
		t.Errorf("of 6,000 nonces, of which 300 are spent at one time, %d were remembered", most)
	}
}

// submitWith records a submission, whether its nonce is good or not.
func submitWith(tx *historytest.Tx, id string, client signing.PrivateKey, nonce string, until event.Time) {
	j := historytest.Job{More: fmt.Sprintf(`"nonce":%q,"not_after":%q`, nonce, until)}
	tx.Emit(event.Header{Aggregate: historytest.JobOf(id), Actor: event.ByClient(string(client.Public().ID()))},
		job.Submitted{Submission: j.Submission(id, client)})
}
