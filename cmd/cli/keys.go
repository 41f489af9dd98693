package cli

import (
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func keysCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Admit public keys, list, rotate and revoke them",
		Long: `Everybody who acts in a history has a key: clients sign jobs, runners what they
report, supervisors what they record. Each key is admitted by a statement in the
history itself, and judged as of its place there: what a key signed while it held
stays good when it ends.

Private keys never leave the state directory in which they were made. The one
that belongs elsewhere is operator.key, which the founding supervisor made: it
admits a supervisor when none is left (keys add --operator), and nothing else
needs it. Move it to a safe place that is offline; whoever has it can take over.

All of these but keys add --operator ask a supervisor, with an API key of scope
admin.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(generateKeyCommand(s), showKeyCommand(s), addKeyCommand(s), listKeysCommand(s), rotateKeyCommand(s), revokeKeyCommand(s))
	return cmd
}

// keyHolder says whose key of this machine is meant.
type keyHolder struct{ class, name string }

// admission is what the flags of keys add say.
type admission struct {
	keyHolder
	kinds        []string
	since, until string
	operator     string
	keyFile      string
}

func addKeyCommand(s *settings) *cobra.Command {
	var o admission
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Admit a key of this machine",
		Long: `Admit a key of this machine's state directory: without flags this user's own, so
that its jobs are accepted. The key signs its own admission, so nobody can have a
key admitted that he does not hold.

A runner needs no admission for its own id when the supervisor admits runners by
first use; it needs one to serve a kind.

When no supervisor is left that could be asked, because all their disks are gone,
--operator signs the admission of a new one with the operator's key. It asks
nobody: the admission is put into the new supervisor's state directory, and is
the first thing that it records when it starts.`,
		Example: `  horus keys add
  horus keys add --class runner --name r1 --kind sh
  horus keys add --until 2160h
  horus keys add --class supervisor --name s2 --operator /media/usb/operator.key`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.addKey(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.class, "class", string(access.Client), "what the key is for: client, runner or supervisor")
	f.StringVar(&o.name, "name", "", "whose key it is; of a runner: its id (default: this user's or host's name)")
	f.StringSliceVar(&o.kinds, "kind", nil, "of a runner: kinds of jobs it may take besides its own")
	f.StringVar(&o.since, "since", "", "when the key begins to hold: an RFC 3339 time, or how long from now, such as 24h (default: at once)")
	f.StringVar(&o.until, "until", "", "when the key ends: an RFC 3339 time, or how long from now, such as 2160h (default: never)")
	f.StringVar(&o.keyFile, "key-file", "", "file of the key, of a client (default: the one in this machine's state directory)")
	f.StringVar(&o.operator, "operator", "", "file of the operator's key, for a supervisor when none is left")
	return cmd
}

func (s *settings) addKey(cmd *cobra.Command, o *admission) error {
	file, err := o.file()
	if err != nil {
		return err
	}
	since, err1 := instant("since", o.since)
	until, err2 := instant("until", o.until)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	key, err := s.admitted(o, file)
	if err != nil {
		return err
	}
	if o.operator != "" {
		return s.admitAlone(cmd, o, access.Key{Class: access.Class(o.class), Name: domain.Name(o.name), Since: since, Until: until}, key)
	}
	c, err := s.connect(cmd.Context(), signing.PrivateKey{})
	if err != nil {
		return err
	}
	ask := client.Admission(s.namespace, access.Class(o.class), o.name, key)
	ask.Kinds, ask.Since, ask.Until = o.kinds, since, until
	added, err := c.AddKey(cmd.Context(), ask)
	if err != nil {
		return err
	}
	return s.print(cmd, added, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s key %s of %s is admitted (statement %d)\n", o.class, added.KeyID, o.name, added.Statement)
	})
}

// admitted is the key that asks for its admission.
func (s *settings) admitted(o *admission, file statedir.File) (signing.PrivateKey, error) {
	switch {
	case o.keyFile == "":
		return s.stateKey(file)
	case o.class != string(access.Client):
		return signing.PrivateKey{}, exit.With(exit.Usage, errors.New("--key-file is for clients: the keys of runners and supervisors are where they run, in their state directories"))
	}
	key, err := statedir.LoadKey(o.keyFile)
	return key, exit.With(exit.Settings, err)
}

// admitAlone puts an admission that the operator signed where the supervisor
// finds it. A crash before that leaves at most a key that nobody knows yet.
func (s *settings) admitAlone(cmd *cobra.Command, o *admission, k access.Key, key signing.PrivateKey) error {
	if k.Class != access.Supervisor {
		return exit.With(exit.Usage, errors.New("--operator admits a supervisor alone; ask a supervisor for everything else"))
	}
	if _, err := domain.ParseName(o.name); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("--name: %w", err))
	}
	operator, err := statedir.LoadKey(o.operator)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	dir, err := s.state()
	if err != nil {
		return err
	}
	ns, err := s.ns()
	if err != nil {
		return err
	}
	k = k.Proved(ns, key).Vouched(ns, operator)
	if err := dir.Write(ns, statedir.Admission, string(access.Admitted{Key: k}.AppendData(nil))); err != nil {
		return exit.With(exit.Settings, err)
	}
	added := wire.KeyAdded{KeyID: k.Public.ID()}
	return s.print(cmd, added, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "supervisor key %s of %s is admitted by the operator's key %s: start the supervisor with this state directory (%s), and it leads when no other does\n",
			added.KeyID, o.name, operator.Public().ID(), dir)
	})
}

// instant reads a time, or how long it is until then; empty is none.
func instant(flag, text string) (event.Time, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return event.At(time.Now().Add(d)), nil
	}
	var t event.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return 0, exit.With(exit.Usage, fmt.Errorf("--%s %s: write an RFC 3339 time such as 2027-01-02T15:04:05Z, or how long from now, such as 2160h", flag, text))
	}
	return t, nil
}

// file finds the file of the key that is meant, and a name for it.
func (o *keyHolder) file() (statedir.File, error) {
	switch access.Class(o.class) {
	case access.Client:
		if o.name == "" {
			o.name = userName()
		}
		return statedir.ClientKey, nil
	case access.Runner:
		id, err := domain.ParseName(o.name)
		if err != nil {
			return "", exit.With(exit.Usage, fmt.Errorf("--name: %w", err))
		}
		return statedir.RunnerKey(id), nil
	case access.Supervisor:
		if o.name == "" {
			o.name = string(node.HostName())
		}
		return statedir.SupervisorKey, nil
	}
	return "", exit.With(exit.Usage, fmt.Errorf("--class %s: write client, runner or supervisor", o.class))
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
	var class string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all keys, with those that ended or were revoked",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := access.ParseClass(class); class != "" && err != nil {
				return exit.With(exit.Usage, fmt.Errorf("--class %s: %w", class, err))
			}
			c, err := s.connect(cmd.Context(), signing.PrivateKey{})
			if err != nil {
				return err
			}
			list, err := c.Keys(cmd.Context(), wire.KeyQuery{Class: access.Class(class)})
			if err != nil {
				return err
			}
			return s.print(cmd, list, func(w io.Writer) { showKeys(w, list) })
		},
	}
	cmd.Flags().StringVar(&class, "class", "", "only keys of a class: client, runner, supervisor or operator")
	return cmd
}

func showKeys(w io.Writer, list wire.Keys) {
	_, _ = fmt.Fprintf(w, "History founded by %s\n", list.Founding)
	rows := make([][]string, len(list.Keys))
	for i, k := range list.Keys {
		kinds := make([]string, len(k.Kinds))
		for i, kind := range k.Kinds {
			kinds[i] = string(kind)
		}
		rows[i] = []string{
			string(k.KeyID), dash(string(k.Class)), dash(string(k.Name)), dash(strings.Join(kinds, ",")), stateOf(&k),
			clock(k.Since), clock(k.Until), dash(string(k.AdmittedBy)),
		}
	}
	table(w, "KEY CLASS NAME KINDS STATE SINCE UNTIL BY", rows)
}

// stateOf says how a key is and what became of it.
func stateOf(k *wire.Key) string {
	switch {
	case k.State == wire.KeyStateRevoked && k.Reason != "":
		return "revoked: " + k.Reason
	case k.State == wire.KeyStateRevoked:
		return "revoked"
	case k.RotatedTo != "":
		return k.State + ", then " + string(k.RotatedTo)
	}
	return strings.ReplaceAll(k.State, "_", " ")
}

// dash is what a table shows where there is nothing.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
