package runnersdk_test

import (
	"context"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/redisqueue"
)

// A program that runs the jobs of the runner id "shout".
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	key, err := loadKey()
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

func loadKey() (signing.PrivateKey, error) {
	file, err := os.ReadFile("shout.key") // PKCS#8 PEM
	if err != nil {
		return signing.PrivateKey{}, err
	}
	return signing.ParsePrivateKey(file)
}
