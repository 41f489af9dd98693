// Package redisqueuetest is a supervisor made by hand on a real Redis, for tests
// of programs that are runners.
package redisqueuetest

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// Me is the runner id whose queue there is.
const Me = domain.Name("r1")

// Supervisor is one of a namespace that it founded.
type Supervisor struct {
	*queuetest.History
	Client *redis.Client // may be changed, for a server that came back

	t     *testing.T
	keys  queue.Keys
	heard string // place in the inbox
}

// Found founds a namespace, and makes the queue of Me.
func Found(t *testing.T, client *redis.Client, namespace domain.Name) *Supervisor {
	t.Helper()
	s := &Supervisor{t: t, keys: queue.Keys{Namespace: namespace}, Client: client, heard: "0"}
	s.History = queuetest.Found(t, namespace, func(statement string) {
		s.must(client.HSet(t.Context(), s.keys.Statements(), queue.StatementField(1), statement).Err())
	})
	s.must(client.XGroupCreateMkStream(t.Context(), s.keys.Jobs(job.RunnerQueue(Me)), queue.Group, "0").Err())
	return s
}

func (s *Supervisor) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Next waits for the next bundle and checks who signed it.
func (s *Supervisor) Next(key signing.PublicKey) *runner.Bundle {
	s.t.Helper()
	streams, err := s.Client.XRead(s.t.Context(), &redis.XReadArgs{Streams: []string{s.keys.Inbox(), s.heard}, Count: 1, Block: 0}).Result()
	s.must(err)
	message := streams[0].Messages[0]
	s.heard = message.ID
	fields := map[string]string{}
	for name, value := range message.Values {
		fields[name], _ = value.(string)
	}
	signed, err := queue.ParseBundle(fields)
	s.must(err)
	bundle, err := runner.ParseBundle(signed.Doc)
	s.must(err)
	check := signed.Check(key)
	if !signing.Verify(check.Key, check.Message, check.Signature) {
		s.t.Fatal("a bundle is not signed with the runner's key")
	}
	return bundle
}

// Welcome waits for a process to ask, and lets it in.
func (s *Supervisor) Welcome(key signing.PublicKey) (process string, join runner.Join) {
	s.t.Helper()
	first := s.Next(key)
	join, ok := first.Reports[0].(runner.Join)
	if !ok || first.Number != 1 {
		s.t.Fatalf("its first word was %+v", first)
	}
	notice := s.History.Welcome(Me, first.Process, join)
	s.notify(notice)
	return first.Process, join
}

func (s *Supervisor) notify(n queue.Notice) {
	s.t.Helper()
	s.must(s.Client.XAdd(s.t.Context(), &redis.XAddArgs{Stream: s.keys.Control(Me), Values: n.Fields()}).Err())
}

// Submit queues a job that nobody signed.
func (s *Supervisor) Submit(id, payload string) {
	s.t.Helper()
	submission := job.Submission{Form: job.FormUnsigned, Doc: fmt.Appendf(nil, `{"payload":%q,"runner":"r1"}`, payload)}
	_, grant := s.GrantOf(submission)
	a := queuetest.Assignment(s.Commit(queuetest.JobAggregate(id), job.Submitted{Submission: submission, Grant: grant}))
	s.must(s.Client.XAdd(s.t.Context(), &redis.XAddArgs{
		Stream: s.keys.Jobs(job.RunnerQueue(Me)), ID: a.ID.String(), Values: a.Fields(),
	}).Err())
}

// Stop asks for the first attempt of a job to be stopped.
func (s *Supervisor) Stop(id string) {
	s.t.Helper()
	proof := s.Commit(queuetest.JobAggregate(id), job.Stopping{Attempt: 1})
	s.notify(queue.Notice{Kind: queue.NoticeStop, Proof: proof})
}

// Until waits for a report that is wanted.
func (s *Supervisor) Until(key signing.PublicKey, wanted func(runner.Report) bool) {
	s.t.Helper()
	for {
		for _, report := range s.Next(key).Reports {
			if wanted(report) {
				return
			}
		}
	}
}

// Result waits for the next job that completes, and returns its result.
func (s *Supervisor) Result(key signing.PublicKey) (result string) {
	s.t.Helper()
	s.Until(key, func(r runner.Report) bool {
		done, ok := r.(runner.Completed)
		result = done.Result
		return ok
	})
	return result
}
