package cli

import (
	"fmt"
	"io"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func keysCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Admit public keys, and list those that are",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(addKeyCommand(s), listKeysCommand(s))
	return cmd
}

// admission is what the flags of keys add say.
type admission struct {
	class, name string
	kinds       []string
}

func addKeyCommand(s *settings) *cobra.Command {
	var o admission
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Admit a key of this machine",
		Long: `Admit a key of this machine's state directory: without flags this user's own, so
that its jobs are accepted. It takes an API key of scope admin. The key signs its
own admission, so nobody can have a key admitted that he does not hold.

A runner needs no admission for its own id when the supervisor admits runners by
first use; it needs one to serve a kind.`,
		Example: `  horus keys add
  horus keys add --class runner --name r1 --kind sh`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.addKey(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.class, "class", string(access.Client), "what the key is for: client, runner or supervisor")
	f.StringVar(&o.name, "name", "", "whose key it is; of a runner: its id (default: this user's or host's name)")
	f.StringSliceVar(&o.kinds, "kind", nil, "of a runner: kinds of jobs it may take besides its own")
	return cmd
}

func (s *settings) addKey(cmd *cobra.Command, o *admission) error {
	key, err := s.keyToAdmit(o)
	if err != nil {
		return err
	}
	c, err := s.connect(cmd.Context(), signing.PrivateKey{})
	if err != nil {
		return err
	}
	ask := client.Admission(s.namespace, access.Class(o.class), o.name, key)
	ask.Kinds = o.kinds
	added, err := c.AddKey(cmd.Context(), ask)
	if err != nil {
		return err
	}
	return s.print(cmd, added, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s key %s of %s is admitted (statement %d)\n", o.class, added.KeyID, o.name, added.Statement)
	})
}

// keyToAdmit finds the key that is meant, and its name.
func (s *settings) keyToAdmit(o *admission) (signing.PrivateKey, error) {
	switch access.Class(o.class) {
	case access.Client:
		if o.name == "" {
			o.name = userName()
		}
		return s.clientKey()
	case access.Runner:
		id, err := domain.ParseName(o.name)
		if err != nil {
			return signing.PrivateKey{}, exit.With(exit.Usage, fmt.Errorf("--name: %w", err))
		}
		return s.stateKey(statedir.RunnerKey(id))
	case access.Supervisor:
		if o.name == "" {
			o.name = string(node.HostName())
		}
		return s.stateKey(statedir.SupervisorKey)
	default:
		return signing.PrivateKey{}, exit.With(exit.Usage, fmt.Errorf("--class %s: write client, runner or supervisor", o.class))
	}
}

// userName makes a name of the user's.
func userName() string {
	if u, err := user.Current(); err == nil {
		if name, err := domain.ParseName(strings.ToLower(u.Username)); err == nil {
			return string(name)
		}
	}
	return "client"
}

func listKeysCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys that are admitted",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			keys, err := c.Keys(cmd.Context())
			if err != nil {
				return err
			}
			return s.print(cmd, keys, func(w io.Writer) { showKeys(w, keys) })
		},
	}
}

func showKeys(w io.Writer, keys []wire.Key) {
	rows := make([][]string, len(keys))
	for i, k := range keys {
		kinds := make([]string, len(k.Kinds))
		for i, kind := range k.Kinds {
			kinds[i] = string(kind)
		}
		rows[i] = []string{string(k.KeyID), string(k.Class), string(k.Name), strings.Join(kinds, ","), clock(k.Until)}
	}
	table(w, "KEY CLASS NAME KINDS UNTIL", rows)
}
