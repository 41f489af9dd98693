package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// succession is what the flags of keys rotate say.
type succession struct {
	keyHolder
	keep time.Duration
}

func rotateKeyCommand(s *settings) *cobra.Command {
	var o succession
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Put a new key in the place of one of this machine",
		Long: `Make a new key, have it recorded in the place of the old one, and use it from then
on. The new key has the name and everything else of the old one, which holds for
a while longer; what it signed by then stays good.

The new key is made beside the old one, as client.key.next, and takes its name
when the history knows it. Whatever stops this command, running it again goes on
where it was. The old key stays as client.key.old until the next rotation: it is
good for nothing after its end, but if Redis loses its last moments, and the
rotation with them, it is the one that counts. Remove it when you are sure.

A client uses its new key at once. A supervisor takes it within a second, in a
new term, or when it leads next; nobody's call fails. A runner takes it when its
processes are restarted, which must be before the old key ends; other machines
with that runner's key need the new file.`,
		Example: `  horus keys rotate
  horus keys rotate --class supervisor
  horus keys rotate --class runner --name r1 --keep 2h`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.rotateKey(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.class, "class", string(access.Client), "whose key it is: client, runner or supervisor")
	f.StringVar(&o.name, "name", "", "of a runner: its id")
	f.DurationVar(&o.keep, "keep", 0, "how long the old key holds on (default 1m, of a runner 24h)")
	return cmd
}

// rotated is what keys rotate answers.
type rotated struct {
	KeyID signing.KeyID `json:"key_id"`
	Old   signing.KeyID `json:"old"`
	Until event.Time    `json:"until"`
	InUse bool          `json:"in_use"`
}

const (
	keepKey       = time.Minute
	keepRunnerKey = 24 * time.Hour // its processes are to be restarted within
)

func (s *settings) rotateKey(cmd *cobra.Command, o *succession) error {
	file, err := o.file()
	if err != nil {
		return err
	}
	switch {
	case o.keep < 0:
		return exit.With(exit.Usage, fmt.Errorf("--keep %s: the old key cannot have ended before", o.keep))
	case o.class == string(access.Runner):
		o.keep = cmp.Or(o.keep, keepRunnerKey)
	}
	o.keep = cmp.Or(o.keep, keepKey)
	dir, err := s.state()
	if err != nil {
		return err
	}
	ns, err := s.ns()
	if err != nil {
		return err
	}
	current, err := dir.Load(ns, file)
	if errors.Is(err, fs.ErrNotExist) {
		return exit.With(exit.Settings, fmt.Errorf("there is no key to rotate: %s does not exist", dir.Path(ns, file)))
	}
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	// A crash behind this leaves a key that nobody knows, for the next try.
	next, err := dir.Key(ns, statedir.Next(file))
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	answer, err := s.recordRotation(cmd.Context(), o, current, next)
	if err != nil {
		return err
	}
	// A crash behind this leaves a rotation that is recorded and the old key in
	// use: the next try finds it so and goes on here. Of a supervisor's key the
	// supervisor does the rest by itself, whoever crashed.
	if answer.InUse, err = s.take(cmd.Context(), access.Class(o.class), dir, ns, file); err != nil {
		return err
	}
	return s.print(cmd, answer, func(w io.Writer) { showRotation(w, o, answer) })
}

// recordRotation has a rotation recorded, unless it was.
func (s *settings) recordRotation(ctx context.Context, o *succession, current, next signing.PrivateKey) (rotated, error) {
	answer := rotated{KeyID: next.Public().ID(), Old: current.Public().ID()}
	c, err := s.connect(ctx, signing.PrivateKey{})
	if err != nil {
		return answer, err
	}
	list, err := c.Keys(ctx, wire.KeyQuery{Class: access.Class(o.class)})
	if err != nil {
		return answer, err
	}
	at := slices.IndexFunc(list.Keys, func(k wire.Key) bool { return k.KeyID == answer.Old })
	if at < 0 {
		return answer, exit.With(exit.NotAllowed, fmt.Errorf("the %s key %s is not admitted, so there is nothing to rotate: run 'horus keys add'", o.class, answer.Old))
	}
	if k := list.Keys[at]; k.RotatedTo == answer.KeyID { // by an earlier try
		answer.Until = k.Until
		return answer, nil
	}
	answer.Until = event.At(time.Now().Add(o.keep))
	if end := list.Keys[at].Until; !end.IsZero() {
		answer.Until = min(answer.Until, end)
	}
	_, err = c.RotateKey(ctx, client.Rotation(s.namespace, current, next, answer.Until))
	if domain.ReasonOf(err) == "key_rotated" {
		err = exit.With(exit.NotAllowed, fmt.Errorf("%w, which is not here: copy its file from where it was rotated", err))
	}
	return answer, err
}

// How long a supervisor is given to take its new key, and how often it is looked
// whether it did.
const (
	takePatience = 5 * time.Second
	takeEvery    = 50 * time.Millisecond
)

// take makes the next key the one in use. A supervisor does that by itself, so
// that its files are changed by one process alone; take waits for it.
func (s *settings) take(ctx context.Context, class access.Class, dir statedir.Dir, ns domain.Name, file statedir.File) (taken bool, err error) {
	if class != access.Supervisor {
		return true, exit.With(exit.Settings, dir.Succeed(ns, file))
	}
	again := time.NewTicker(takeEvery)
	defer again.Stop()
	late := time.After(takePatience)
	for {
		if _, err := dir.Load(ns, statedir.Next(file)); errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		select {
		case <-again.C:
		case <-late:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func showRotation(w io.Writer, o *succession, r rotated) {
	use := "is in use"
	switch {
	case !r.InUse:
		use = "is recorded; the supervisor with this state directory takes it when it leads next"
	case o.class == string(access.Runner):
		use = "is in use by processes that are started from now on"
	}
	_, _ = fmt.Fprintf(w, "%s key %s %s; %s holds until %s\n", o.class, r.KeyID, use, r.Old, clock(r.Until))
}

// revocation is what the flags of keys revoke say.
type revocation struct {
	reason string
	force  bool
}

func revokeKeyCommand(s *settings) *cobra.Command {
	var o revocation
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "Make a key good for nothing, for ever",
		Long: `Revoke a key by its id, which 'horus keys list' shows; the key that a runner was
first used with is not in that list, but in what the runner says when it joins. It
cannot be undone: a revoked key is never admitted again. To replace a key that
nobody stole, rotate it.

Of a client, no further job is taken; jobs that it signed and that were taken
before still run. Of a runner, reports are refused, its processes end, and others
run what they had begun. Of a supervisor, it stops leading at once, and the next
leader queues again what it had queued, which costs a job no attempt.

The last key that can lead, and the last operator's key, are only revoked with
--force: without the first nothing is taken any more until the operator admits a
supervisor, without the second nobody can do that.`,
		Example: `  horus keys revoke 6a3803d5f059902a1c6dafbc9ba47292 --reason 'laptop was stolen'`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return s.revokeKey(cmd, args[0], &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.reason, "reason", "", "why, in one line, for everybody who reads the history")
	f.BoolVar(&o.force, "force", false, "even the last supervisor's or operator's key")
	return cmd
}

func (s *settings) revokeKey(cmd *cobra.Command, text string, o *revocation) error {
	id, err := signing.ParseKeyID(text)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	c, err := s.connect(cmd.Context(), signing.PrivateKey{})
	if err != nil {
		return err
	}
	if !o.force {
		if err := sparesTheLast(cmd.Context(), c, id); err != nil {
			return err
		}
	}
	revoked, err := c.RevokeKey(cmd.Context(), id, o.reason)
	if err != nil {
		return err
	}
	return s.print(cmd, revoked, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "key %s is revoked (statement %d)\n", id, revoked.Statement)
	})
}

// sparesTheLast refuses to revoke a key without which nobody can lead, or bring
// back somebody who can.
func sparesTheLast(ctx context.Context, c *client.Client, id signing.KeyID) error {
	list, err := c.Keys(ctx, wire.KeyQuery{})
	if err != nil {
		return err
	}
	lasting := map[access.Class]int{} // keys that will not end by themselves soon
	var class access.Class
	for _, k := range list.Keys {
		if k.State == wire.KeyStateHolds && k.RotatedTo == "" && k.KeyID != id {
			lasting[k.Class]++
		}
		if k.KeyID == id && k.State != wire.KeyStateRevoked {
			class = k.Class
		}
	}
	if (class == access.Supervisor || class == access.Operator) && lasting[class] == 0 {
		return exit.With(exit.NotAllowed, fmt.Errorf("%s is the last %s key: admit another one first, or say --force", id, class))
	}
	return nil
}
