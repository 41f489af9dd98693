package flags_test

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/flags"
)

func TestLogLevel(t *testing.T) {
	tests := []struct {
		name, old, ours, want string
		args                  []string
		code                  int
	}{
		{name: "by itself", want: "INFO"},
		{name: "the original's variable", old: "debug", want: "DEBUG"},
		{name: "ours before the original's", old: "debug", ours: "error", want: "ERROR"},
		{name: "the original's with words of its own", old: "horus=trace", want: "INFO"},
		{name: "the flag before both", old: "debug", ours: "error", args: []string{"--log", "info"}, want: "INFO"},
		{name: "in capitals", args: []string{"--log", "WARN"}, want: "WARN"},
		{name: "ours with a word that is none", ours: "loud", want: "INFO", code: exit.Settings},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.old != "" {
				t.Setenv("RUST_LOG", test.old)
			}
			if test.ours != "" {
				t.Setenv("HORUS_LOG", test.ours)
			}
			cmd := &cobra.Command{
				SilenceUsage: true, SilenceErrors: true,
				PersistentPreRunE: flags.FromEnvironment,
				Run:               func(*cobra.Command, []string) {},
			}
			level := flags.Log(cmd.Flags())
			cmd.SetArgs(test.args)
			if code := exit.CodeOf(cmd.Execute()); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if got := level.Level().String(); got != test.want {
				t.Errorf("level %s, want %s", got, test.want)
			}
		})
	}
}
