package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func poisonCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "poison",
		Short: "Look at messages that no handler could cope with",
		Long: `A supervisor hands events to handlers, such as those that fill outgoing topics. A
message that its handler fails with again and again is put aside, so that those
behind it go on. Look at it, repair the cause, and have it handled once more, or
drop it. All of these need an API key of scope admin.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	limit, after := 20, ""
	list := &cobra.Command{
		Use:     "list",
		Short:   "List them, the oldest first",
		Example: `  horus poison list`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			found, err := c.Poison(cmd.Context(), wire.PoisonQuery{After: after, Limit: &limit})
			if err != nil {
				return err
			}
			return s.print(cmd, found, func(w io.Writer) { showPoison(w, found) })
		},
	}
	list.Flags().IntVar(&limit, "limit", limit, "most messages to list")
	list.Flags().StringVar(&after, "after", "", "go on behind an id")
	cmd.AddCommand(list,
		s.movePoison("replay", "Hand messages to their handlers once more", "replayed", (*client.Client).ReplayPoison),
		s.movePoison("drop", "Remove messages for good", "dropped", (*client.Client).DropPoison))
	return cmd
}

func showPoison(w io.Writer, found []wire.PoisonMessage) {
	rows := make([][]string, len(found))
	for i, m := range found {
		rows[i] = []string{m.ID, clock(m.At), m.Handler, count(m.Tries), shorten(m.Reason)}
	}
	table(w, "ID AT HANDLER TRIES REASON", rows)
}

// poisonCall is a call that moves messages.
type poisonCall func(c *client.Client, ctx context.Context, t wire.PoisonTarget) (wire.PoisonMoved, error)

// movePoison makes a command that does something to messages that are named, or
// to all.
func (s *settings) movePoison(verb, short, done string, move poisonCall) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     verb + " [ID...]",
		Short:   short,
		Example: "  horus poison " + verb + " 1767366245000-0\n  horus poison " + verb + " --all",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return exit.With(exit.Usage, errors.New("name messages, or say --all"))
			}
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			total := 0
			for more := true; more; {
				moved, err := move(c, cmd.Context(), wire.PoisonTarget{IDs: ids, All: all})
				if err != nil {
					return err
				}
				total, more = total+moved.Count, moved.More && all
			}
			return s.print(cmd, map[string]int{"count": total}, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s: %d\n", done, total)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all of them")
	return cmd
}
