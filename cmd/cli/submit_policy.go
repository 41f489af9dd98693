package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client"
)

// policy is what the flags of submit say about time and about trying again.
type policy struct {
	timeout   time.Duration
	attempts  int
	retryOn   []string
	backoff   string
	delay     time.Duration
	runAt     string
	expiresIn time.Duration
}

func (o *policy) bind(f *pflag.FlagSet) {
	f.DurationVar(&o.timeout, "timeout", 0, "how long one attempt may run (default 5m)")
	f.IntVar(&o.attempts, "max-attempts", 0, "attempts before the job fails: used up by lost runners and what --retry-on names (default 3)")
	f.StringSliceVar(&o.retryOn, "retry-on", nil, "what is tried again besides a lost runner: error, timeout")
	f.StringVar(&o.backoff, "backoff", "", "how long failed attempts keep the next one waiting: INITIAL[,FACTOR[,MAX]] (default 1s,2,5m)")
	f.DurationVar(&o.delay, "delay", 0, "queue the job so long from now")
	f.StringVar(&o.runAt, "run-at", "", "queue the job at a time, in RFC 3339")
	f.DurationVar(&o.expiresIn, "expires-in", 0, "give the job up when it has not begun in so long")
}

// apply gives a job what the flags say.
func (o *policy) apply(j client.Job) (client.Job, error) {
	if err := o.check(); err != nil {
		return j, err
	}
	if o.timeout > 0 {
		j = j.Timeout(o.timeout)
	}
	if o.attempts > 0 {
		j = j.MaxAttempts(o.attempts)
	}
	if len(o.retryOn) > 0 {
		j = j.RetryOn(o.retryOn...)
	}
	if o.delay > 0 {
		j = j.Delay(o.delay)
	}
	if o.expiresIn > 0 {
		j = j.ExpiresAt(time.Now().Add(o.expiresIn))
	}
	if o.runAt != "" {
		at, err := time.Parse(time.RFC3339, o.runAt)
		if err != nil {
			return j, fmt.Errorf("--run-at %s: write a time such as 2026-01-02T15:04:05Z", o.runAt)
		}
		j = j.RunAt(at)
	}
	if o.backoff == "" {
		return j, nil
	}
	return o.setBackoff(j)
}

// check refuses numbers that mean nothing.
func (o *policy) check() error {
	switch {
	case o.timeout < 0 || o.timeout%time.Second != 0 || o.timeout > job.MaxTimeout:
		return fmt.Errorf("--timeout %s: write whole seconds, up to %s", o.timeout, job.MaxTimeout)
	case o.attempts < 0 || o.attempts > job.MaxMaxAttempts:
		return fmt.Errorf("--max-attempts %d: write 1 to %d", o.attempts, job.MaxMaxAttempts)
	case o.delay < 0 || o.delay > job.MaxDelay:
		return fmt.Errorf("--delay %s: write up to %s", o.delay, job.MaxDelay)
	case o.delay > 0 && o.runAt != "":
		return fmt.Errorf("say --delay or --run-at, not both")
	case o.expiresIn < 0:
		return fmt.Errorf("--expires-in %s: write how long from now", o.expiresIn)
	}
	return nil
}

// setBackoff reads INITIAL[,FACTOR[,MAX]].
func (o *policy) setBackoff(j client.Job) (client.Job, error) {
	parts := strings.Split(o.backoff, ",")
	initial, err := time.ParseDuration(parts[0])
	factor, limit := 2, 5*time.Minute
	if len(parts) > 1 && err == nil {
		factor, err = strconv.Atoi(parts[1])
	}
	if len(parts) > 2 && err == nil {
		limit, err = time.ParseDuration(parts[2])
	}
	if err != nil || len(parts) > 3 {
		return j, fmt.Errorf("--backoff %s: write INITIAL[,FACTOR[,MAX]], such as 1s,2,5m", o.backoff)
	}
	if len(parts) > 2 && limit < initial {
		return j, fmt.Errorf("--backoff %s: MAX, %s, is shorter than INITIAL, %s", o.backoff, limit, initial)
	}
	return j.Backoff(initial, factor, max(limit, initial)), nil
}
