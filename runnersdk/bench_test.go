package runnersdk

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/memqueue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// claimSize is a full claim of a busy runner.
const claimSize = 64

// BenchmarkClaim checks a claim from its fields on: all that a runner does
// between an answer of Redis and its handlers.
func BenchmarkClaim(b *testing.B) {
	for _, keys := range []int{0, 1, 16} {
		for _, commits := range []int{1, claimSize} {
			b.Run(fmt.Sprintf("keys=%d/commits=%d", keys, commits), func(b *testing.B) { benchmarkClaim(b, keys, commits) })
		}
	}
}

func benchmarkClaim(b *testing.B, keys, commits int) {
	wire := memqueue.New()
	h := queuetest.Found(b, space, wire.State)
	clients := make([]signing.PrivateKey, keys)
	for i := range clients {
		clients[i] = queuetest.Key(b, fmt.Sprintf("client %d", i))
		h.Admit(access.Client, "c", clients[i])
	}
	entries := claimOf(h, clients, commits)
	verifier := signing.NewVerifier(knownKeys)
	c := checker{
		trust: &trust{keys: queue.Keys{Namespace: space}, line: wire, verifier: verifier}, verifier: verifier,
		marks: map[job.Queue]*mark{}, reader: queue.Reader{Keys: queue.Keys{Namespace: space}},
	}
	for b.Loop() {
		c.marks[job.RunnerQueue(me)] = &mark{}
		c.sealed = signing.Seal{}
		claims, err := c.check(b.Context(), entries)
		if err != nil || len(claims) != claimSize || claims[claimSize-1].refusal != nil {
			b.Fatal("the claim is not good")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/claimSize, "µs/job")
}

// claimOf is a claim of jobs that these clients signed in turn, or nobody.
func claimOf(h *queuetest.History, clients []signing.PrivateKey, commits int) []queue.Entry {
	var entries []queue.Entry
	var events [][]byte
	for i := range claimSize {
		id := fmt.Sprintf("job-%04d", i)
		s := job.Submission{Form: job.FormUnsigned, Doc: []byte(queuetest.Document(id, strings.Repeat("x", 200)))}
		if len(clients) > 0 {
			s = queuetest.Sign(string(s.Doc), clients[i%len(clients)])
		}
		_, grant := h.GrantOf(s)
		events = append(events, event.Append(nil, h.Header(queuetest.JobAggregate(id)), job.Submitted{Submission: s, Grant: grant}))
		if len(events) < claimSize/commits {
			continue
		}
		for _, p := range h.Seal(events...) {
			a := queuetest.Assignment(p)
			entries = append(entries, queue.Entry{Queue: job.RunnerQueue(me), ID: a.ID.String(), Fields: queuetest.FieldMap(a.Fields())})
		}
		events = nil
	}
	return entries
}

// BenchmarkBundle builds and signs a full bundle of short jobs.
func BenchmarkBundle(b *testing.B) {
	w := newWorld(b)
	o := newOutbox(runner.Bundle{Namespace: string(space), Runner: me, Process: myProcess, Number: 1}, func(...*attempt) {})
	id, err := job.ParseID("job-0001")
	if err != nil {
		b.Fatal(err)
	}
	about := runner.About{Job: id, At: event.At(time.Now())}
	for b.Loop() {
		for range runner.MaxReports {
			o.add(runner.Completed{About: about, Result: "done"}, nil)
		}
		if !o.load(w.runner) {
			b.Fatal("no bundle")
		}
		o.arrived()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/runner.MaxReports/1000, "µs/report")
}
