package job_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// waits is what a back-off comes to, reckoned with as many digits as it takes:
// min(initial·factor^failures, max)·(1/2 + u/2), in whole microseconds, of which
// the half is rounded down first.
func waits(b job.Backoff, failures uint32, grant signing.Hash) time.Duration {
	micros := new(big.Int).Exp(big.NewInt(int64(b.Factor)), big.NewInt(int64(failures)), nil)
	micros.Mul(micros, big.NewInt(b.Initial.Microseconds()))
	if most := big.NewInt(b.Max.Microseconds()); micros.Cmp(most) > 0 {
		micros = most
	}
	half := micros.Rsh(micros, 1)
	u := new(big.Int).SetBytes(grant[:3])
	jitter := u.Mul(u, half)
	return time.Duration(half.Int64()+jitter.Rsh(jitter, 24).Int64()) * time.Microsecond
}

// failing is a job whose first attempt runs, after so many others that failed.
func failing(p job.Policy, failures uint32, grant signing.Hash) job.State {
	return job.State{Status: job.Running, Attempt: failures + 1, Counted: failures, Policy: p, Token: grant, Process: "a1", By: runnerOne}
}

func TestABackoffGrowsToItsCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := job.Backoff{
			Initial: time.Duration(rapid.Int64Range(10, 3_600_000).Draw(t, "initial")) * time.Millisecond,
			Factor:  rapid.Uint32Range(1, 10).Draw(t, "factor"),
		}
		b.Max = max(b.Initial, time.Duration(rapid.Int64Range(10, 86_400_000).Draw(t, "max"))*time.Millisecond)
		var grant signing.Hash
		copy(grant[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "grant"))
		failures := rapid.Uint32Range(0, job.MaxMaxAttempts-2).Draw(t, "failures")
		s := failing(job.Policy{MaxAttempts: job.MaxMaxAttempts, OnError: true, Backoff: b}, failures, grant)
		due, ok := s.Retry(job.FailedError, job.ByPolicy, 0, noon)
		got, want := due.Sub(noon), waits(b, failures, grant)
		if !ok || got != want {
			t.Fatalf("%+v waits for %s after %d failures, want %s", b, got, failures+1, want)
		}
		whole := waits(b, failures, signing.Hash{0xff, 0xff, 0xff}) // all but all of it
		if got < whole/2 || got > whole+time.Microsecond || got <= 0 || got > b.Max {
			t.Fatalf("%s is not between half and all of %s", got, whole)
		}
		grant[3] ^= 1 // what is behind the third byte draws nothing
		s.Token = grant
		if again, _ := s.Retry(job.FailedError, job.ByPolicy, 0, noon); again != due {
			t.Fatalf("%s and %s", due, again)
		}
	})
}

func TestABackoffInFigures(t *testing.T) {
	usual := job.Backoff{Initial: time.Second, Factor: 2, Max: 5 * time.Minute}
	for _, tt := range []struct {
		backoff  job.Backoff
		failures uint32
		draw     signing.Hash
		want     time.Duration
	}{
		{usual, 0, signing.Hash{}, 500 * time.Millisecond},
		{usual, 0, signing.Hash{0x80}, 750 * time.Millisecond},
		{usual, 0, signing.Hash{0xff, 0xff, 0xff}, time.Second - time.Microsecond},
		{usual, 1, signing.Hash{0x80}, 1500 * time.Millisecond},
		{usual, 8, signing.Hash{}, 128 * time.Second},
		{usual, 9, signing.Hash{}, 150 * time.Second},
		{usual, 23, signing.Hash{}, 150 * time.Second},
		{job.Backoff{Initial: 10 * time.Millisecond, Factor: 1, Max: 10 * time.Millisecond}, 23, signing.Hash{}, 5 * time.Millisecond},
		{job.Backoff{Initial: time.Hour, Factor: 10, Max: 24 * time.Hour}, 23, signing.Hash{0x80}, 18 * time.Hour},
	} {
		s := failing(job.Policy{MaxAttempts: 25, OnError: true, Backoff: tt.backoff}, tt.failures, tt.draw)
		if due, ok := s.Retry(job.FailedError, job.ByPolicy, 0, noon); !ok || due.Sub(noon) != tt.want {
			t.Errorf("%+v after %d failures, drawn %x: %s, want %s", tt.backoff, tt.failures+1, tt.draw[:3], due.Sub(noon), tt.want)
		}
	}
}

func TestWhoIsTriedAgain(t *testing.T) {
	on := func(words string) job.Policy {
		return job.Policy{
			MaxAttempts: 3, OnError: strings.Contains(words, "error"), OnTimeout: strings.Contains(words, "timeout"),
			Backoff: job.Backoff{Initial: time.Minute, Factor: 2, Max: time.Hour},
		}
	}
	const wanted = 7 * time.Second
	for _, tt := range []struct {
		name  string
		on    string
		kind  job.FailureKind
		say   job.Again
		after time.Duration
		want  time.Duration // 0: not again
	}{
		{"an error", "", job.FailedError, job.ByPolicy, 0, 0},
		{"an error, as the job wants", "error", job.FailedError, job.ByPolicy, 0, 30 * time.Second},
		{"a timeout, where errors are", "error", job.FailedTimeout, job.ByPolicy, 0, 0},
		{"a timeout, as the job wants", "timeout", job.FailedTimeout, job.ByPolicy, 0, 30 * time.Second},
		{"an error, as the runner wants", "", job.FailedError, job.Please, 0, 30 * time.Second},
		{"an error, when the runner wants", "", job.FailedError, job.Please, wanted, wanted},
		{"a timeout, when the runner wants", "error", job.FailedTimeout, job.Please, wanted, wanted},
		{"an error that the runner knows to be for good", "error", job.FailedError, job.Never, 0, 0},
		{"an error for good, at a time", "error", job.FailedError, job.Never, wanted, 0},
		{"an error, at a time that nobody asked for", "error", job.FailedError, job.ByPolicy, wanted, 30 * time.Second},
		{"what the runner cannot run", "error timeout", job.FailedRejected, job.ByPolicy, 0, 0},
		{"what the runner cannot run, though it asks", "error timeout", job.FailedRejected, job.Please, 0, 0},
		{"what has expired", "error timeout", job.FailedExpired, job.Please, 0, 0},
	} {
		s := failing(on(tt.on), 0, signing.Hash{})
		due, ok := s.Retry(tt.kind, tt.say, tt.after, noon)
		if ok != (tt.want > 0) || ok && due.Sub(noon) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, due.Sub(noon), ok, tt.want)
		}
	}
	last := failing(on("error"), 2, signing.Hash{})
	if _, ok := last.Retry(job.FailedError, job.Please, 0, noon); ok {
		t.Error("a job with three attempts has a fourth")
	}
	stopping := failing(on("error"), 0, signing.Hash{})
	stopping.Status = job.Ending
	if _, ok := stopping.Retry(job.FailedError, job.Please, 0, noon); ok {
		t.Error("a job that is to be stopped is tried again")
	}
	for _, tt := range []struct {
		expires event.Time
		ok      bool
	}{{noon.Add(30 * time.Second), true}, {noon.Add(30*time.Second) - 1, false}} {
		s := failing(on("error"), 0, signing.Hash{})
		s.Expires = tt.expires
		if _, ok := s.Retry(job.FailedError, job.ByPolicy, 0, noon); ok != tt.ok {
			t.Errorf("a job that waits until noon+30s and expires at %s is tried again: %v", clock(tt.expires), ok)
		}
	}
}

// The event of a replay that gave more than a job can have could be written, and
// could not be read: one careless call would have stopped the whole partition.
func TestAReplayHasBounds(t *testing.T) {
	s := given(t, broken)
	for _, tt := range []struct {
		name   string
		replay job.Replay
		why    string
		then   string
	}{
		{"as it was", job.Replay{}, "", "replayed with 3 attempts; attempt 2 granted to executor:sh"},
		{"one attempt", job.Replay{Attempts: 1}, "", "replayed with 1 attempts; attempt 2 granted to executor:sh"},
		{"25 attempts", job.Replay{Attempts: 25}, "", "replayed with 25 attempts; attempt 2 granted to executor:sh"},
		{"26 attempts", job.Replay{Attempts: 26}, "bounds", ""},
		{"a timeout", job.Replay{Limits: job.Limits{Timeout: 24 * time.Hour}}, "", "replayed with 3 attempts, for 24h0m0s; attempt 2 granted to executor:sh, for 24h0m0s"},
		{"a timeout that is too long", job.Replay{Limits: job.Limits{Timeout: 24*time.Hour + time.Second}}, "bounds", ""},
		{"a timeout of half a second", job.Replay{Limits: job.Limits{Timeout: time.Second / 2}}, "bounds", ""},
		{"a timeout of one and a half", job.Replay{Limits: job.Limits{Timeout: 3 * time.Second / 2}}, "bounds", ""},
		{"a negative timeout", job.Replay{Limits: job.Limits{Timeout: -time.Second}}, "bounds", ""},
		{"an end", job.Replay{Limits: job.Limits{Expires: noon.Add(time.Minute)}}, "", "replayed with 3 attempts, until noon+1m0s; attempt 2 granted to executor:sh"},
		{"an end that has passed", job.Replay{Limits: job.Limits{Expires: noon - 1}}, "expires_at", ""},
		{"an end behind its signature's", job.Replay{Limits: job.Limits{Expires: noon + hour + 1}}, "expires_at", ""},
	} {
		tt.replay.At = noon
		events, err := job.Decide(s, tt.replay)
		if domain.ReasonOf(err) != tt.why || told(events) != tt.then {
			t.Errorf("%s: %s, %v; want %s, %s", tt.name, told(events), err, tt.then, tt.why)
		}
		for _, e := range events {
			if again, err := job.DecodeEvent(e.EventName(), e.AppendData(nil)); err != nil || said(again) != said(e) {
				t.Errorf("%s is written as %s: %v", said(e), e.AppendData(nil), err)
			}
		}
	}
}

// A job that a runner checkpoints five times a second has events without end,
// and every decision about it would read them all.
func TestCheckpointsAreKeptNowAndThen(t *testing.T) {
	s := given(t, "submitted started")
	start := job.Start{Token: s.Token, Process: "a1", By: runnerOne}
	keep := func(n int, at event.Time) int {
		events, err := job.Decide(s, job.Keep{Start: start, Hash: signing.LeafHash(fmt.Append(nil, n)), At: at})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s = job.Evolve(s, fact(s, e, runnerOne, at))
		}
		return len(events)
	}
	at := noon
	for n := range job.ManyKept {
		if keep(n, at) != 1 {
			t.Fatalf("checkpoint %d was not kept", n)
		}
	}
	at = at.Add(job.KeepEvery)
	for _, tt := range []struct {
		n, kept int
		at      event.Time
	}{{1000, 0, at - 1}, {1001, 1, at}, {1001, 0, at.Add(2 * job.KeepEvery)}, {1002, 0, at + 1}, {1003, 1, at.Add(job.KeepEvery)}} {
		if got := keep(tt.n, tt.at); got != tt.kept {
			t.Errorf("checkpoint %d at %s: %d events, want %d", tt.n, clock(tt.at), got, tt.kept)
		}
	}
	for _, e := range []job.Event{job.AttemptLost{Attempt: 1, Reason: job.LostLease}, job.Queued{}, job.Started{Attempt: 2, Process: "a1"}} {
		if q, ok := e.(job.Queued); ok {
			q.Grant = job.Grant{Attempt: 2, Queue: s.Queue, Job: s.Hash, Keys: s.Signers, Checkpoint: s.Checkpoint}
			e = q
		}
		f := fact(s, e, runnerOne, at.Add(time.Minute))
		if err := job.Legal(s, f); err != nil {
			t.Fatal(err)
		}
		s = job.Evolve(s, f)
	}
	start.Token = s.Token
	if keep(2000, at) != 1 || keep(2001, at) != 1 {
		t.Error("the next attempt keeps nothing of its own")
	}
}

func TestRefusalsAreCountedToALimit(t *testing.T) {
	s := given(t, ended)
	late := job.Refuse{Token: signing.Hash{5}, Process: "a2", Said: job.SaidCompleted}
	for n := range job.MaxRefused + 3 {
		events, err := job.Decide(s, late)
		if err != nil || (len(events) == 1) != (n < job.MaxRefused) {
			t.Fatalf("refusal %d: %s, %v", n, told(events), err)
		}
		f := fact(s, job.ReportRefused(late), runnerTwo, noon)
		if n < job.MaxRefused {
			s = job.Evolve(s, f)
		}
	}
}
