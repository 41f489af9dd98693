// Program horus submits jobs, looks at them and checks their history.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/herocode/horus/cmd/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
