package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func secretsCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Make API keys, list and remove them",
		Long: `An API key is a secret that lets its holder call a supervisor. Those that are made
here are good at every supervisor at once, and the history says who made and who
removed them; it holds a hash of the secret and never the secret.

The keys of a supervisor's environment and of its state directory are listed too,
and cannot be removed here, so nobody is locked out by mistake.

All of these ask a supervisor, with an API key of scope admin.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(addSecretCommand(s), listSecretsCommand(s), removeSecretCommand(s))
	return cmd
}

func addSecretCommand(s *settings) *cobra.Command {
	var (
		ask   wire.AddSecret
		scope string
		until string
	)
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make an API key, which is shown once",
		Long: `Make an API key and print it, alone, so that it can be piped to where it is needed.
It is shown here and never again. The name stands in the history for whoever
shows the key.

With --runner and --kind its holder may submit, read, stop and delete the jobs of
these runners, and those of these kinds that ask for no runner; of other jobs he
is told nothing, not even that there are any.

To replace a key, make another one under another name, give it to its holder, and
remove the old one.`,
		Example: `  horus secrets add builds
  horus secrets add builds --kind sh --until 2160h > builds.key
  horus secrets add agents --scope registrar`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask.Name, ask.Scope = args[0], access.Scope(scope)
			var err error
			if ask.Until, err = instant("until", until); err != nil {
				return err
			}
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			added, err := c.AddSecret(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return s.print(cmd, added, func(w io.Writer) { _, _ = fmt.Fprintln(w, added.Key) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&scope, "scope", string(access.User), "what its holder may do: admin (everything), user (jobs, and looking) or registrar (register runners)")
	f.StringSliceVar(&ask.Runners, "runner", nil, "runner whose jobs the holder may touch, and with --kind no others")
	f.StringSliceVar(&ask.Kinds, "kind", nil, "kind of which the holder may touch the jobs that ask for no runner")
	f.StringVar(&until, "until", "", "when the key ends: an RFC 3339 time, or how long from now, such as 2160h (default: when it is removed)")
	return cmd
}

func listSecretsCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the API keys, but for the secrets themselves",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			list, err := c.Secrets(cmd.Context())
			if err != nil {
				return err
			}
			return s.print(cmd, list, func(w io.Writer) { showSecrets(w, list) })
		},
	}
}

func showSecrets(w io.Writer, list wire.Secrets) {
	rows := make([][]string, len(list.Secrets))
	for i, k := range list.Secrets {
		rows[i] = []string{
			string(k.Name), string(k.Scope), dash(boundTo(&k)), k.State, k.Source, clock(k.Until), dash(string(k.AddedBy)), clock(k.AddedAt),
		}
	}
	table(w, "NAME SCOPE BOUND STATE SOURCE UNTIL BY ADDED", rows)
}

// boundTo names the queues that an API key is bound to.
func boundTo(k *wire.Secret) string {
	words := func(kind string, names []domain.Name) (words []string) {
		for _, name := range names {
			words = append(words, kind+":"+string(name))
		}
		return words
	}
	return strings.Join(slices.Concat(words("runner", k.Runners), words("executor", k.Kinds)), ",")
}

func removeSecretCommand(s *settings) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Make an API key good for nothing",
		Long: `Remove an API key by its name. The supervisor that leads refuses it from then on,
the others a second later at most. What its holder did stays in the history.`,
		Example: `  horus secrets remove builds --reason 'it was in a log'`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			removed, err := c.RemoveSecret(cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return s.print(cmd, removed, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "API key %s is removed (statement %d)\n", removed.Name, removed.Statement)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in one line, for everybody who reads the history")
	return cmd
}
