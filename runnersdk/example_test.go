package runnersdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

// A runner whose key and wire the program makes itself. Package redisrunner does
// that for it.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	file, err := os.ReadFile("shout.key") // PKCS#8 PEM
	if err != nil {
		log.Fatal(err)
	}
	key, err := signing.ParsePrivateKey(file)
	if err != nil {
		log.Fatal(err)
	}
	wire, err := redisqueue.New("redis://localhost:6379", queue.Keys{Namespace: "horus"})
	if err != nil {
		log.Fatal(err)
	}
	err = runnersdk.Serve(ctx, runnersdk.Config{Runner: "shout", Key: key, Wire: wire},
		func(_ context.Context, j *runnersdk.Job) (string, error) {
			j.Log(runnersdk.Stderr, "attempt of "+j.ID)
			return strings.ToUpper(j.Payload), nil
		})
	if err != nil {
		log.Fatal(err)
	}
}

// What is done for every job alike goes around the handler.
func ExampleChain() {
	greet := func(_ context.Context, j *runnersdk.Job) (string, error) { return "hello " + j.Payload, nil }
	polite := func(h runnersdk.Handler) runnersdk.Handler {
		return func(ctx context.Context, j *runnersdk.Job) (string, error) {
			result, err := h(ctx, j)
			return result + ", please", err
		}
	}
	h := runnersdk.Chain(greet, polite, runnersdk.Logged(slog.New(slog.DiscardHandler)), runnersdk.Within(time.Minute))
	result, err := h(context.Background(), &runnersdk.Job{Payload: "world"})
	fmt.Println(result, err)
	// Output: hello world, please <nil>
}

var errBusy = errors.New("the printer is busy")

// A handler says whether another attempt would help.
func ExampleRetryAfter() {
	paper := 0
	printOut := func(_ context.Context, j *runnersdk.Job) (string, error) {
		switch {
		case j.Payload == "":
			return "", runnersdk.Reject("there is nothing to print") // no runner ever could
		case paper == 0:
			return "", runnersdk.Never(errors.New("out of paper")) // not before somebody came
		}
		return "", runnersdk.RetryAfter(time.Minute, errBusy) // whatever the job's retry_on says
	}
	for _, payload := range []string{"", "a page"} {
		_, err := printOut(context.Background(), &runnersdk.Job{Payload: payload})
		fmt.Println(err)
	}
	paper = 1
	_, err := printOut(context.Background(), &runnersdk.Job{Payload: "a page"})
	fmt.Println(errors.Is(err, errBusy), err)
	// Output:
	// there is nothing to print
	// out of paper
	// true the printer is busy
}

// A job that is long says how far it is, and leaves what the next attempt needs.
func ExampleJob_Checkpoint() {
	pages := []string{"one", "two", "three"}
	send := func(ctx context.Context, j *runnersdk.Job) (string, error) {
		sent := len(j.LastCheckpoint()) // a byte a page: whatever the handler likes
		for ; sent < len(pages); sent++ {
			if ctx.Err() != nil { // stopped, out of time, or the program ends
				return "", context.Cause(ctx)
			}
			j.Log(runnersdk.Stdout, "sent page "+pages[sent])
			j.Progress(100*(sent+1)/len(pages), "page "+pages[sent])
			if err := j.Checkpoint(make([]byte, sent+1)); err != nil {
				return "", err
			}
		}
		return fmt.Sprint(sent, " pages"), nil
	}
	fmt.Println(send(context.Background(), &runnersdk.Job{}))
	// Output: 3 pages <nil>
}
