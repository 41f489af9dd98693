package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
)

func auditCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that the history is true, or take it along",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verifyCommand(s), exportCommand(s))
	return cmd
}

// examination is what the flags of audit verify say.
type examination struct{ file, trust, head string }

func verifyCommand(s *settings) *cobra.Command {
	var o examination
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every byte of the history",
		Long: `Check every byte of the history, on Redis or in a file of audit export: every
seal, the chain of seals, every signature with keys as of their place, and that
every event could follow those before it. It takes public keys alone and talks
to no supervisor.

The log's end can only be missed by who remembers it: --head FILE keeps the end
that was proved, and finds a log that lacks it.

Exit codes: 0 valid, 1 tampered, 2 cannot tell.`,
		Example: `  horus audit verify --redis-url redis://localhost:6379
  horus audit verify --file history.jsonl --trust 5f0c…
  horus audit verify --head ~/horus.head`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.verify(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "a file of audit export instead of Redis")
	f.StringVar(&o.trust, "trust", "", "fingerprint of the founding (default: the one this state directory remembers)")
	f.StringVar(&o.head, "head", "", "file that remembers the end that was proved")
	return cmd
}

func (s *settings) verify(cmd *cobra.Command, o *examination) error {
	options, err := s.auditOptions(o)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr(), "checked")
	options.Progress = bar.show
	verdict, err := s.examine(cmd.Context(), o, options)
	bar.end()
	if err != nil {
		return err
	}
	if o.head != "" && verdict.ExitCode() == 0 {
		if err := audit.WriteHead(o.head, verdict.Head()); err != nil {
			return exit.With(exit.Settings, err)
		}
	}
	if err := s.print(cmd, verdict, func(w io.Writer) { _, _ = fmt.Fprintln(w, verdict) }); err != nil {
		return err
	}
	return exit.Silently(verdict.ExitCode())
}

// examine audits a file or Redis.
func (s *settings) examine(ctx context.Context, o *examination, options audit.Options) (audit.Verdict, error) {
	if o.file != "" {
		file, err := os.Open(o.file)
		if err != nil {
			return audit.Verdict{}, exit.With(exit.CannotTell, err)
		}
		defer func() { _ = file.Close() }() // it was only read
		source, err := audit.Open(file)
		if err != nil {
			return audit.Verdict{}, exit.With(exit.CannotTell, err)
		}
		return audit.Verify(ctx, source, options)
	}
	store, closeStore, err := s.openLog(ctx)
	if err != nil {
		return audit.Verdict{}, exit.With(exit.CannotTell, err)
	}
	defer closeStore()
	source, err := audit.FromLog(ctx, store)
	if err != nil {
		return audit.Verdict{}, exit.With(exit.CannotTell, err)
	}
	return audit.Verify(ctx, source, options)
}

// auditOptions finds what is known of the history beforehand.
func (s *settings) auditOptions(o *examination) (audit.Options, error) {
	ns, err := s.ns()
	if err != nil {
		return audit.Options{}, err
	}
	options := audit.Options{Namespace: ns}
	if options.Trust, err = s.trusted(ns, o.trust); err != nil {
		return options, err
	}
	if o.head == "" {
		return options, nil
	}
	head, err := audit.ReadHead(o.head)
	switch {
	case errors.Is(err, os.ErrNotExist): // nothing is remembered yet
	case err != nil:
		return options, exit.With(exit.Usage, err)
	default:
		options.Head = &head
	}
	return options, nil
}

// trusted returns the fingerprint that was given, or is remembered.
func (s *settings) trusted(ns domain.Name, given string) (signing.Hash, error) {
	if given != "" {
		hash, err := signing.ParseHash(given)
		if err != nil {
			return hash, exit.With(exit.Usage, fmt.Errorf("--trust: %w", err))
		}
		return hash, nil
	}
	dir, err := s.state()
	if err != nil {
		return signing.Hash{}, err
	}
	hash, err := dir.Pinned(ns)
	return hash, exit.With(exit.Settings, err)
}

func exportCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Write the history to the standard output, one event a line",
		Example: `  horus audit export > history.jsonl
  horus audit verify --file history.jsonl`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ns, err := s.ns()
			if err != nil {
				return err
			}
			store, closeStore, err := s.openLog(cmd.Context())
			if err != nil {
				return err
			}
			defer closeStore()
			return audit.Export(cmd.Context(), ns, 0, store, cmd.OutOrStdout())
		},
	}
}

// openLog reaches the log on Redis.
func (s *settings) openLog(ctx context.Context) (eventstore.Store, func(), error) {
	server, err := s.redis(ctx)
	if err != nil {
		return nil, nil, err
	}
	ns, err := s.ns()
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	store := redisstore.New(server.Writer(1), server.Reader(2), redisstore.Keys{Namespace: ns})
	return store, func() { _ = server.Close() }, nil // it was only read
}

func (s *settings) redis(ctx context.Context) (*redisstore.Server, error) {
	server, err := redisstore.Connect(ctx, s.redisURL)
	if err != nil {
		return nil, exit.With(exit.Unreachable, err)
	}
	return server, nil
}

// progress is a line on a terminal that says how far something is.
type progress struct {
	out   io.Writer
	verb  string
	shown time.Time
	on    bool
}

// newProgress shows nothing unless out is a terminal.
func newProgress(out io.Writer, verb string) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, verb: verb, on: ok && term.IsTerminal(int(file.Fd())), shown: time.Now()}
}

// barWidth is how many characters a whole bar has.
const barWidth = 30

func (p *progress) show(done, total uint64) {
	if !p.on || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = time.Now()
	filled := int(barWidth * min(done, total) / max(total, 1)) //nolint:gosec // at most barWidth
	bar := make([]byte, barWidth)
	for i := range bar {
		bar[i] = ' '
		if i < filled {
			bar[i] = '='
		}
	}
	_, _ = fmt.Fprintf(p.out, "\r[%s] %s %d of %d", bar, p.verb, done, total)
}

// end removes the line.
func (p *progress) end() {
	if p.on {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
