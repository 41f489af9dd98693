package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// completionTime is how long whoever pressed Tab waits at most.
const completionTime = time.Second

// completer suggests words to a shell.
type completer = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// once suggests words for the first argument, and none for others. The shell
// drops those that do not begin as what was typed.
func once(list func(*cobra.Command) []string) completer {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

// asked suggests what a supervisor says, and nothing if it does not say it soon.
func (s *settings) asked(ask func(context.Context, *client.Client) []string) completer {
	return once(func(cmd *cobra.Command) []string {
		if s.prepare(cmd, nil) != nil { // not run before completions
			return nil
		}
		c, err := s.client(signing.PrivateKey{})
		if err != nil {
			return nil
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		return ask(ctx, c)
	})
}

// jobIDs suggests the newest jobs in some states, of all if none is named.
func (s *settings) jobIDs(states ...job.Status) completer {
	return s.asked(func(ctx context.Context, c *client.Client) (ids []string) {
		page, err := c.List(ctx, wire.JobQuery{States: states})
		if err != nil {
			return nil
		}
		for _, j := range page.Jobs {
			ids = append(ids, j.ID+"\t"+j.State.String())
		}
		return ids
	})
}

// unfinished are the states of jobs that have no outcome yet.
func unfinished() (states []job.Status) {
	for _, state := range job.Statuses() {
		if !state.Terminal() {
			states = append(states, state)
		}
	}
	return states
}

func (s *settings) queueNames() completer {
	return s.asked(func(ctx context.Context, c *client.Client) (names []string) {
		list, err := c.Queues(ctx)
		if err != nil {
			return nil
		}
		for _, q := range list {
			names = append(names, q.Queue)
		}
		return names
	})
}

func (s *settings) runnerNames() completer {
	return s.asked(func(ctx context.Context, c *client.Client) (names []string) {
		list, err := c.Runners(ctx)
		if err != nil {
			return nil
		}
		for _, r := range list {
			names = append(names, r.ID)
		}
		return names
	})
}
