package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func systemCommand(s *settings) *cobra.Command {
	var settings bool
	cmd := &cobra.Command{
		Use:   "system",
		Short: "Show how the supervisor is, and what it takes",
		Example: `  horus system
  horus system --settings
  horus system --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			info, err := c.Info(cmd.Context())
			if err != nil {
				return err
			}
			if settings {
				return s.print(cmd, info.Settings, func(w io.Writer) { showSettings(w, info.Settings) })
			}
			return s.print(cmd, info, func(w io.Writer) { showSystem(w, &info) })
		},
	}
	cmd.Flags().BoolVar(&settings, "settings", false, "show its settings and where each came from; needs an API key of scope admin")
	return cmd
}

func showSettings(w io.Writer, settings []wire.Setting) {
	rows := make([][]string, len(settings))
	for i, s := range settings {
		rows[i] = []string{s.Name, cmp.Or(s.Value, "-"), s.Source}
	}
	table(w, "SETTING VALUE SOURCE", rows)
}

func showSystem(w io.Writer, info *wire.Info) {
	leader := "nobody"
	if l := info.Leader; l != nil {
		leader = fmt.Sprintf("%s at %s, term %d", l.Name, l.Address, l.Term)
	}
	fields(w, [][]string{
		{"supervisor", fmt.Sprintf("%s, version %s", info.Name, info.Version)},
		{"role", string(info.Role)},
		{"leader", leader},
		{"namespace", string(info.Namespace)},
		{"founded by", info.Founding},
		{"durability", info.Durability},
		{"unsigned", info.Unsigned},
		{"history", fmt.Sprintf("%d events, read models %d behind", info.Position+info.Lag, info.Lag)},
		{"runners", strconv.Itoa(info.Runners)},
	})
	for _, state := range job.Statuses() {
		if n := info.Jobs[state.String()]; n > 0 {
			fields(w, [][]string{{state.String(), count(n)}})
		}
	}
	for _, concern := range info.Concerns {
		fields(w, [][]string{{"look at", concern}})
	}
}
