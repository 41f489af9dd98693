package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

func auditCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that the history is true, or take it along",
		Long: `Check that the history is true, look at its entries, or take along the whole of
it or what proves one job.

The history is read from Redis (--redis-url), through a supervisor (--api, with
an API key of scope admin), or from a file of audit export (--file). Wherever it
comes from, everything is checked here.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verifyCommand(s), showCommand(s), proveCommand(s), checkCommand(s), exportCommand(s))
	return cmd
}

// origin says where a history is read from: Redis unless something is set.
type origin struct {
	file string
	api  bool
}

func (o *origin) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.file, "file", "", "a file of audit export instead of Redis")
	o.addAPI(f)
}

func (o *origin) addAPI(f *pflag.FlagSet) {
	f.BoolVar(&o.api, "api", false, "read through the supervisor instead of Redis (see --address)")
}

// source opens a history.
func (s *settings) source(ctx context.Context, o *origin) (source audit.Source, closeSource func(), err error) {
	if o.file != "" && o.api {
		return nil, nil, exit.With(exit.Usage, errors.New("--file and --api: a history is read from one place"))
	}
	if o.file != "" {
		file, err := os.Open(o.file)
		if err != nil {
			return nil, nil, err
		}
		closeSource = func() { _ = file.Close() } // it was only read
		if source, err = audit.Open(file); err != nil {
			closeSource()
			return nil, nil, err
		}
		return source, closeSource, nil
	}
	log, closeSource, err := s.log(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	if source, err = audit.FromLog(ctx, log); err != nil {
		closeSource()
		return nil, nil, err
	}
	return source, closeSource, nil
}

// log reaches the log on Redis or behind the API.
func (s *settings) log(ctx context.Context, o *origin) (audit.Log, func(), error) {
	if o.api {
		c, err := s.client(signing.PrivateKey{}) // whose history it is, is for the audit to say
		return &remoteLog{c}, func() {}, err
	}
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

// remoteLog is a log behind a supervisor's API. Nothing of what it says is
// believed: the audit checks it as it checks what Redis says.
type remoteLog struct{ client *client.Client }

// Tip returns the end of the log.
func (l *remoteLog) Tip(ctx context.Context) (eventstore.Tip, error) {
	head, err := l.client.Head(ctx)
	return eventstore.Tip{Seq: head.Seq, Seal: head.Seal}, err
}

// Read returns at most limit entries after a place.
func (l *remoteLog) Read(ctx context.Context, after uint64, limit int) ([]history.Raw, error) {
	page, err := l.client.Events(ctx, wire.EventQuery{After: after, Limit: &limit})
	raws := make([]history.Raw, len(page.Events))
	for i := range page.Events {
		e := &page.Events[i]
		raws[i] = history.Raw{Seq: e.Seq, Event: e.Bytes(), Seal: []byte(e.Seal)}
	}
	return raws, err
}

// auditOptions finds what is known of the history beforehand: its founding, and
// its end when a file is named that remembers it.
func (s *settings) auditOptions(headFile string) (audit.Options, error) {
	ns, err := s.ns()
	if err != nil {
		return audit.Options{}, err
	}
	options := audit.Options{Namespace: ns}
	if options.Trust, err = s.trusted(ns); err != nil {
		return options, err
	}
	if headFile == "" {
		return options, nil
	}
	head, err := audit.ReadHead(headFile)
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
func (s *settings) trusted(ns domain.Name) (signing.Hash, error) {
	hash, err := s.named()
	if err != nil || !hash.IsZero() {
		return hash, err
	}
	dir, err := s.state()
	if err != nil {
		return signing.Hash{}, err
	}
	hash, err = dir.Pinned(ns)
	return hash, exit.With(exit.Settings, err)
}
