package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore/audit"
)

func showCommand(s *settings) *cobra.Command {
	var from origin
	cmd := &cobra.Command{
		Use:   "show SEQ | show FROM..TO",
		Short: "Show entries of the history, and whether they hold",
		Long: `Show entries of the history by their numbers: the event as it is stored, its
hash, the seal of its commit and who sealed it. Everything up to there is checked
first, so that what is shown as proved is. What was tampered with is shown as it
stands.

Exit codes: 0 proved, 1 tampered, 2 cannot tell.`,
		Example: `  horus audit show 7
  horus audit show 5..9 --json
  horus audit show 7 --file history.jsonl`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return s.show(cmd, args[0], &from) },
	}
	from.addFlags(cmd.Flags())
	return cmd
}

func (s *settings) show(cmd *cobra.Command, places string, from *origin) error {
	first, last, err := parsePlaces(places)
	if err != nil {
		return exit.Misused(cmd.CommandPath(), err)
	}
	var shown []audit.Shown
	var verdict audit.Verdict
	err = s.examine(cmd, from, "", func(source audit.Source, o audit.Options) (err error) {
		shown, verdict, err = audit.Show(cmd.Context(), source, o, first, last)
		return err
	})
	if domain.CodeOf(err) == domain.NotFound {
		return exit.With(exit.CannotTell, err)
	}
	if err != nil {
		return err
	}
	err = s.print(cmd, shown, func(w io.Writer) {
		for i := range shown {
			if i > 0 {
				_, _ = fmt.Fprintln(w)
			}
			_, _ = fmt.Fprintln(w, shown[i])
		}
		if len(shown) == 0 {
			_, _ = fmt.Fprintln(w, verdict)
		}
	})
	if err != nil {
		return err
	}
	if verdict.Finding.Proved() { // gaps elsewhere are not asked for
		return nil
	}
	return exit.Silently(verdict.ExitCode())
}

// parsePlaces reads 7 or 5..9.
func parsePlaces(text string) (first, last uint64, err error) {
	from, to, isRange := strings.Cut(text, "..")
	if !isRange {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, 64)
	last, err2 := strconv.ParseUint(to, 10, 64)
	switch {
	case err1 != nil || err2 != nil || first == 0 || last < first:
		return 0, 0, errors.New("write the number of an entry, such as 7, or two, such as 5..9")
	case last-first >= audit.MaxShown:
		return 0, 0, fmt.Errorf("at most %d entries are shown at once", audit.MaxShown)
	}
	return first, last, nil
}
