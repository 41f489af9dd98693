// Program runner_sh takes jobs of a runner id and runs them as shell scripts.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/herocode/horus/cmd/runnersh"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	os.Exit(runnersh.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
