// Program example_count is a runner that counts to the number in a job's payload,
// ten a second, and goes on where an attempt before it came to. With a supervisor
// on the same machine:
//
//	HORUS_RUNNER=count go run ./runnersdk/example_count &
//	bin/horus submit --runner count --wait 100
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/redisrunner"
)

func main() { os.Exit(redisrunner.Main(redisrunner.Config{Slots: 4}, count)) }

// step is how long one number takes.
const step = 100 * time.Millisecond

func count(ctx context.Context, j *runnersdk.Job) (string, error) {
	to, err := strconv.Atoi(j.Payload)
	if err != nil || to < 1 {
		return "", runnersdk.Reject("the payload %.20q is no number to count to", j.Payload)
	}
	from := 1
	if last, err := strconv.Atoi(string(j.LastCheckpoint())); err == nil {
		from = last + 1
		j.Logger().InfoContext(ctx, "going on", "from", from)
	}
	for n := from; n <= to; n++ {
		select {
		case <-time.After(step):
		case <-ctx.Done(): // stopped, or out of time, or the program ends
			return "", context.Cause(ctx)
		}
		j.Progress(100*n/to, fmt.Sprintf("%d of %d", n, to))
		if err := j.Checkpoint(strconv.AppendInt(nil, int64(n), 10)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("counted from %d to %d", from, to), nil
}
