package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// watching is what horus events was asked for.
type watching struct {
	query  wire.EventQuery
	job    string
	follow bool
	json   bool
}

func eventsCommand(s *settings) *cobra.Command {
	var w watching
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Read the history as it grows",
		Long: `Read the history through a supervisor, event by event, and with --follow go on
with what comes. It needs an API key of scope admin.

Everything is checked as it is read. All events are checked to be the ones that
supervisors sealed, none changed, left out or slipped in; that begins at the
founding, also with --after, so that a long history takes a while before its end
is shown. Of events that --type, --job or --runner select each is checked to stand
under its seal; that none was left out shows the whole history alone. Whether all
of it could have happened says horus audit verify.

With --json each event is a line of JSON: its number, hash, exact bytes, and the
seal. Keep the last number, and go on there with --after.

Exit codes: 1 for a history that does not hold.`,
		Example: `  horus events --follow
  horus events --type job.failed --type job.stopped --follow
  horus events --job j1
  horus events --after 4711 --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			w.json = s.json
			return s.watch(cmd, &w)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&w.follow, "follow", "f", false, "go on with what comes, until Ctrl-C")
	f.Uint64Var(&w.query.After, "after", 0, "only events after that number")
	f.StringArrayVar(&w.query.Types, "type", nil, "only events of that type, as job.completed, or job.* for all that begin so; may be given again")
	f.StringVar(&w.job, "job", "", "only what happened to that job")
	f.StringVar(&w.query.Runner, "runner", "", "only what happened to that runner id, or because it said so")
	return cmd
}

func (s *settings) watch(cmd *cobra.Command, w *watching) error {
	c, err := s.connect(cmd.Context(), signing.PrivateKey{})
	if err != nil {
		return err
	}
	if w.job != "" {
		w.query.Aggregate = "job/" + w.job
	}
	head, err := c.Head(cmd.Context())
	if err != nil {
		return err
	}
	var check checker = sealed{head.Namespace}
	from := w.query.After
	if len(w.query.Types) == 0 && w.query.Aggregate == "" && w.query.Runner == "" {
		trust, err := s.named()
		if err != nil {
			return err
		}
		check, w.query.After = newChained(head.Namespace, trust), 0
	}
	end := head.Seq
	if w.follow {
		end = 0
	}
	return w.read(cmd, c, check, from, end)
}

// read prints events after a place, up to an end unless that is 0.
func (w *watching) read(cmd *cobra.Command, c *client.Client, check checker, from, end uint64) error {
	for e, err := range w.events(cmd.Context(), c, end) {
		if err != nil {
			return err
		}
		proved, err := check.take(e)
		if err != nil {
			return exit.With(exit.Bad, fmt.Errorf("the history does not hold: %w", err))
		}
		for i := range proved {
			if proved[i].Seq <= from {
				continue
			}
			if err := w.show(cmd, &proved[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// events yields events up to an end, or for ever if that is 0.
func (w *watching) events(ctx context.Context, c *client.Client, end uint64) func(func(wire.LogEvent, error) bool) {
	if end == 0 {
		return c.FollowEvents(ctx, w.query)
	}
	return func(yield func(wire.LogEvent, error) bool) {
		limit, q := 1000, w.query
		for q.Limit = &limit; q.After < end; {
			page, err := c.Events(ctx, q)
			if err == nil && page.Next == q.After {
				err = domain.Errorf(domain.Halted, "log_shorter", "the history ends with event %d, and a moment ago it had %d", page.End, end)
			}
			if err != nil {
				yield(wire.LogEvent{}, err)
				return
			}
			for i := range page.Events {
				if page.Events[i].Seq > end || !yield(page.Events[i], nil) {
					return
				}
			}
			q.After = page.Next
		}
	}
}

// show prints one event.
func (w *watching) show(cmd *cobra.Command, e *wire.LogEvent) error {
	out := cmd.OutOrStdout()
	if w.json {
		if err := json.MarshalWrite(out, e, json.Deterministic(true), jsontext.Multiline(false)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		_, err := fmt.Fprintln(out)
		return err
	}
	recorded, err := event.Parse(e.Bytes())
	if err != nil {
		return fmt.Errorf("event %d: %w", e.Seq, err)
	}
	_, err = fmt.Fprintf(out, "%-8d %s  %-20s %-28s %s\n", e.Seq, clock(recorded.At), recorded.Type, recorded.Aggregate, strings.TrimSpace(string(recorded.Actor)))
	return err
}
