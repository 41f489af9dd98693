package redisrunner_test

import (
	"context"
	"os"
	"strings"

	"github.com/herocode/horus/runnersdk"
	"github.com/herocode/horus/runnersdk/redisrunner"
)

// A whole program: it runs the jobs of the runner id "shout".
func Example() {
	os.Exit(redisrunner.Main(redisrunner.Config{Runner: "shout"},
		func(_ context.Context, j *runnersdk.Job) (string, error) {
			return strings.ToUpper(j.Payload), nil
		}))
}
