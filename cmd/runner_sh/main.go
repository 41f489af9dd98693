// Program runner_sh takes jobs of a runner id and runs them as shell scripts.
package main

import (
	"context"
	"os"

	"github.com/herocode/horus/cmd/runnersh"
	"github.com/herocode/horus/runnersdk/redisrunner"
)

func main() {
	ctx, hurry, _ := redisrunner.Signals(context.Background())
	os.Exit(runnersh.Main(ctx, hurry, os.Args[1:], os.Stdout, os.Stderr))
}
