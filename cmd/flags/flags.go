// Package flags lets the environment stand in for flags: a flag that was not
// given takes its value from HORUS_ and its name in capitals, so that --redis-url
// may come from HORUS_REDIS_URL. Secrets belong there or in a file, never on a
// command line that every process can list.
package flags

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/exit"
)

// Variable returns the environment variable that stands in for a flag.
func Variable(flag string) string {
	return "HORUS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// FromEnvironment sets every flag of the command that was not given and has its
// variable set. It is made to be a PersistentPreRunE.
func FromEnvironment(cmd *cobra.Command, _ []string) error {
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(Variable(f.Name))
		if f.Changed || !ok || first != nil {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			first = exit.With(exit.Settings, fmt.Errorf("%s: %w", Variable(f.Name), err))
		}
	})
	return first
}
