// Program supervisor admits jobs and leads their history.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/herocode/horus/cmd/supervise"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	os.Exit(supervise.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
