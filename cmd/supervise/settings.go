package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/settings"
)

// oldNamespace is what the original called its namespace when nobody said.
const oldNamespace = "hero"

// read fills the flags, and reads what was given as text.
func (o *options) read(cmd *cobra.Command) (cfg node.Config, err error) {
	if o.filled, err = settings.Fill(cmd); err != nil {
		return cfg, err
	}
	if o.filled.Original {
		if err := o.filled.Adopt("namespace", oldNamespace, "default of Hero Supervisor"); err != nil {
			return cfg, err
		}
	}
	return o.config(cmd.ErrOrStderr())
}

// wrong says where a value came from that is none.
func (o *options) wrong(flag string, err error) error {
	if source := o.filled.Source(flag); source != "flag" {
		return exit.With(exit.Settings, fmt.Errorf("%s: %s: %w", source, flag, err))
	}
	return misused(fmt.Errorf("--%s: %w", flag, err))
}

// warn says what is odd about the settings and keeps nothing from starting.
func (o *options) warn(ctx context.Context, log *slog.Logger) {
	if n := len(o.filled.Actors); n > 0 {
		log.WarnContext(ctx, "the actors of the configuration are not started: there is no process manager yet; start them yourself",
			"actors", n, "run", "runner_sh ID --redis-url URL --namespace "+o.namespace)
	}
	if path := o.filled.Exposed; path != "" {
		log.WarnContext(ctx, "others than its owner may read a file with secrets", "file", path, "run", "chmod 600 "+path)
	}
}

// checked says what is in force and whether a supervisor could start with it.
func (o *options) checked(cmd *cobra.Command, p program, cfg node.Config, err error) error {
	out := cmd.OutOrStdout()
	if o.filled != nil {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "SETTING\tVALUE\tSOURCE")
		for _, s := range o.filled.Told() {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Value, s.Source)
		}
		if e := w.Flush(); e != nil {
			return e
		}
	}
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	o.warn(cmd.Context(), cfg.Log)
	redis, err := p.check(cmd.Context(), cfg)
	for _, warning := range redis.Warnings {
		_, _ = fmt.Fprintln(out, "warning:", warning)
	}
	if err = errors.Join(err, redis.Refusal); err != nil {
		return exit.With(exit.Settings, err)
	}
	_, err = fmt.Fprintf(out, "good: what this supervisor acknowledges will be as durable as %s\n", redis.Level)
	return err
}
