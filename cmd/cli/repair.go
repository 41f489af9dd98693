package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/repair"
)

// treatment is what the flags of repair say.
type treatment struct {
	cut        uint64
	from, save string
}

func repairCommand(s *settings) *cobra.Command {
	var o treatment
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "See what is wrong with a history, and go on",
		Long: `See what is wrong with the history on Redis, and go on. Without flags it changes
nothing and says what can be done.

A history that does not verify stops its supervisors: reads go on, and every
write is refused until somebody has looked. There are two ways on:

  --from FILE   Put back what was changed or deleted, from a file of audit
                export. Nothing is written unless the whole verifies. What was
                appended after the copy is kept where it fits.
  --cut SEQ     Go on without everything from that place on. It is written to a
                file first. The supervisor of this state directory declares the
                loss in the history, so every audit shows it: exit code 3.

A supervisor that met the damage may stay up: it leads again by itself once the
history is good. One that leads has not met it, and must be stopped.

Exit codes: 0 nothing is wrong, or it was mended; 1 the history does not verify.`,
		Example: `  horus repair
  horus repair --from history.jsonl
  horus repair --cut 4711`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.repair(cmd, &o) },
	}
	f := cmd.Flags()
	f.Uint64Var(&o.cut, "cut", 0, "go on without this place and everything behind it")
	f.StringVar(&o.from, "from", "", "a file of audit export to restore from")
	f.StringVar(&o.save, "save", "", "where what is cut off, or the restored history, is written first")
	return cmd
}

// surgery is one repair.
type surgery struct {
	*settings
	*treatment
	cmd     *cobra.Command
	ns      domain.Name
	options audit.Options
	store   *redisstore.Store
	bar     *progress
	repair.Diagnosis
}

func (s *settings) repair(cmd *cobra.Command, o *treatment) error {
	if o.cut > 0 && o.from != "" {
		return exit.Misused("horus repair", errors.New("--cut and --from are two ways on: choose one"))
	}
	options, err := s.auditOptions("")
	if err != nil {
		return err
	}
	server, err := s.redis(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }() // everything was answered
	r := surgery{
		settings: s, treatment: o, cmd: cmd, ns: options.Namespace, options: options, bar: newProgress(cmd.ErrOrStderr(), "checked"),
		store: redisstore.New(server.Writer(2), server.Reader(2), redisstore.Keys{Namespace: options.Namespace}),
	}
	defer r.bar.end()
	r.options.Progress = r.bar.show
	if r.Diagnosis, err = repair.Diagnose(cmd.Context(), r.store, r.options); err != nil {
		return exit.With(exit.CannotTell, err)
	}
	r.bar.end()
	switch {
	case o.from != "":
		return r.restore()
	case r.End > 0 && r.Good.Seq == r.End:
		return r.say("nothing to repair", func(w io.Writer) { _, _ = fmt.Fprintf(w, "%s\nnothing to repair\n", r.Verdict) })
	case o.cut > 0:
		return r.cutOff()
	}
	if err := r.say("damaged", r.advise); err != nil {
		return err
	}
	return exit.Silently(exit.Bad)
}

// say prints what was found or done.
func (r *surgery) say(state string, people func(io.Writer)) error {
	doc := struct {
		State   string        `json:"state"`
		Verdict audit.Verdict `json:"verdict"`
		Good    uint64        `json:"good"`
		End     uint64        `json:"end"`
	}{state, r.Verdict, r.Good.Seq, r.End}
	return r.print(r.cmd, doc, people)
}

// advise says what is wrong and what can be done about it.
func (r *surgery) advise(w io.Writer) {
	if r.End == 0 {
		_, _ = fmt.Fprintf(w, "the log of namespace %s is empty\n\n"+
			"  from a copy   horus repair --from history.jsonl   (a file of horus audit export)\n", r.ns)
		return
	}
	_, _ = fmt.Fprintf(w, "%s\n\n", r.Verdict)
	_, _ = fmt.Fprintf(w, "good      %s\n", span(1, r.Good.Seq))
	_, _ = fmt.Fprintf(w, "in doubt  %s\n\n", span(r.Good.Seq+1, r.End))
	_, _ = fmt.Fprintf(w, "What can be done:\n")
	_, _ = fmt.Fprintf(w, "  from a copy   horus repair --from history.jsonl   nothing is lost\n")
	if last, _ := r.remembered(); r.Good.Seq > 0 && last == 0 && r.Evidence == nil {
		_, _ = fmt.Fprintf(w, "  cut           with --state-dir of a supervisor, who remembers what is cut off: nothing else shows it\n")
	} else if r.Good.Seq > 0 {
		_, _ = fmt.Fprintf(w, "  cut           horus repair --cut %-16d %d events are lost, and the history says so\n", r.Good.Seq+1, r.End-r.Good.Seq)
	}
}

func span(from, to uint64) string {
	if to < from {
		return "nothing"
	}
	return fmt.Sprintf("seq %d to %d", from, to)
}

// cutOff goes on without the end.
//
// A crash behind the file leaves the log as it was, one within the cut a log that
// is damaged still: the same again ends it. One behind the cut, before the
// evidence is kept, leaves a loss that only a supervisor's own memory declares.
func (r *surgery) cutOff() error {
	if r.cut != r.Good.Seq+1 || r.Good.Seq == 0 {
		return exit.Misused("horus repair", fmt.Errorf("--cut %d: the place behind the last that is good is %d", r.cut, r.Good.Seq+1))
	}
	path := cmp.Or(r.save, fmt.Sprintf("horus-%s-cut-%d.jsonl", r.ns, r.cut))
	ctx := r.cmd.Context()
	err := repair.Hold(ctx, r.store, "horus-repair", func(ctx context.Context, term uint64) error {
		if err := r.keepEvidence(); err != nil {
			return err
		}
		if err := create(path, func(w io.Writer) error { _, err := r.store.Dump(ctx, r.Good.Seq, w); return err }); err != nil {
			return err
		}
		return withdrawn(path, r.Cut(ctx, r.store, term))
	})
	if err != nil {
		return err
	}
	return r.say("cut", func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "cut behind seq %d; what was there is in %s\n", r.Good.Seq, path)
		_, _ = fmt.Fprintln(w, "a supervisor that runs leads again by itself; the one of this state directory declares the loss")
	})
}

// keepEvidence makes the supervisor of this state directory remember the last
// seal that is cut off, unless it remembers a later one itself.
func (r *surgery) keepEvidence() error {
	dir, err := r.state()
	if err != nil {
		return err
	}
	last, err := r.remembered()
	switch {
	case err != nil:
		return err
	case r.Evidence == nil && last == 0:
		return domain.Errorf(domain.Conflict, "no_evidence",
			"nothing shows afterwards that something was cut off: no seal behind seq %d is whole, and the state directory %s remembers none: "+
				"run this with the state directory of the supervisor (--state-dir)", r.Good.Seq, dir)
	case r.Evidence == nil || last >= r.Evidence.Last():
		return nil
	}
	return dir.Write(r.ns, statedir.Head, string(r.Evidence.Append(nil)))
}

// remembered returns the last place of the seal that this state directory
// remembers behind what is good; 0 if it remembers none.
func (r *surgery) remembered() (last uint64, err error) {
	dir, err := r.state()
	if err != nil {
		return 0, err
	}
	text, err := dir.Read(r.ns, statedir.Head)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	seal, err := signing.ParseSeal(string(r.ns), 0, []byte(text))
	if err != nil || seal.Last() <= r.Good.Seq {
		return 0, nil //nolint:nilerr // what is no seal is remembered by nobody
	}
	return seal.Last(), nil
}

// restore puts a copy's entries in the place of what is not good.
func (r *surgery) restore() error {
	path, err := r.whole()
	if err != nil {
		return err
	}
	source, closeSource, err := openExport(path)
	if err != nil {
		return err
	}
	defer closeSource()
	restored := newProgress(r.cmd.ErrOrStderr(), "restored")
	defer restored.end()
	err = repair.Hold(r.cmd.Context(), r.store, "horus-repair", func(ctx context.Context, term uint64) error {
		return r.Restore(ctx, r.store, term, source, func(seq uint64) { restored.show(seq, source.End()) })
	})
	restored.end()
	switch {
	case refused(err) && path != r.from:
		return withdrawn(path, err)
	case refused(err):
		return err
	case err != nil:
		return fmt.Errorf("%w; what is to be the history is in %s: horus repair --from %s goes on", err, path, path)
	}
	return r.say("restored", func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "restored: the log has %s again\n", span(1, source.End()))
		_, _ = fmt.Fprintln(w, "a supervisor that runs leads again by itself")
	})
}

// whole returns a file that has the history as it will be, and that verifies:
// the copy, or one that goes on with what the log has behind it.
func (r *surgery) whole() (path string, err error) {
	end, err := r.proved(r.from)
	switch {
	case err != nil || end >= r.End && end > r.Good.Seq:
		return r.from, err
	case r.Good.Seq == r.End:
		return "", domain.Errorf(domain.Conflict, "nothing_to_repair", "nothing is wrong with the history up to seq %d, and the copy ends at %d", r.End, end)
	}
	copied, closeCopy, err := openExport(r.from)
	if err != nil {
		return "", err
	}
	defer closeCopy()
	spliced, err := repair.NewSplice(r.cmd.Context(), copied, r.store)
	if err != nil {
		return "", err
	}
	path = cmp.Or(r.save, fmt.Sprintf("horus-%s-restored.jsonl", r.ns))
	err = create(path, func(w io.Writer) error { return audit.Export(r.cmd.Context(), r.ns, 0, spliced, w) })
	if err != nil {
		return "", err
	}
	_, err = r.proved(path)
	return path, err
}

// proved audits a file and returns its end.
func (r *surgery) proved(path string) (end uint64, err error) {
	source, closeSource, err := openExport(path)
	if err != nil {
		return 0, err
	}
	defer closeSource()
	verdict, err := audit.Verify(r.cmd.Context(), source, r.options)
	r.bar.end()
	switch {
	case err != nil:
		return 0, err
	case !verdict.Finding.Proved():
		return 0, exit.With(exit.Bad, fmt.Errorf("the history in %s does not verify, so nothing was changed: %s", path, verdict))
	}
	return source.End(), nil
}

func openExport(path string) (*audit.File, func(), error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, exit.With(exit.Usage, err)
	}
	source, err := audit.Open(file)
	if err != nil {
		return nil, nil, errors.Join(exit.With(exit.Usage, fmt.Errorf("%s: %w", path, err)), file.Close())
	}
	return source, func() { _ = file.Close() }, nil // it was only read
}

// refused reports whether a repair changed nothing, because somebody leads or the
// log is not as it was diagnosed.
func refused(err error) bool { return domain.CodeOf(err) == domain.Conflict }

// withdrawn removes a file that a repair has written before it was refused, so
// that the same can be asked again.
func withdrawn(path string, err error) error {
	if !refused(err) {
		return err
	}
	return errors.Join(err, os.Remove(path))
}

// create writes a new file and syncs it. It writes over none.
func create(path string, write func(io.Writer) error) error {
	const private = 0o600
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, private)
	if err != nil {
		return exit.With(exit.Usage, fmt.Errorf("%w: --save names another file", err))
	}
	return errors.Join(write(file), file.Sync(), file.Close())
}
