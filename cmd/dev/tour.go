package dev

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/jobexit"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// once runs one job and prints its output.
func (s *System) once(ctx context.Context) error {
	receipt, err := s.client.Submit(ctx, client.NewJob(s.cfg.Once).Executor(string(kind)))
	if err != nil {
		return err
	}
	err = jobexit.Follow(ctx, s.client, receipt.ID, s.cfg.Out, s.cfg.Err)
	s.over = ctx.Err() == nil
	return err
}

// tour runs a job, shows what became of it, and stays up.
func (s *System) tour(ctx context.Context) error {
	s.say("Horus is up at %s.", s.url)
	if s.redis != nil {
		s.say("Its Redis is inside this process and in memory: everything is gone when it ends.")
	} else {
		s.say("Its Redis is yours: everything stays there when this process ends.")
	}
	receipt, err := s.client.Submit(ctx, client.NewJob(`echo "hello from job $HORUS_JOB_ID, attempt $HORUS_ATTEMPT"`).Executor(string(kind)))
	if err != nil {
		return err
	}
	done, err := s.client.Wait(ctx, receipt.ID)
	if err != nil {
		return err
	}
	s.say("\nA first job was signed, submitted over JSON-RPC and run:\n")
	if err := s.timeline(ctx, done); err != nil {
		return err
	}
	s.say("\nIts output:\n")
	if err := jobexit.CopyOutput(ctx, s.client, done.ID, s.cfg.Out, s.cfg.Err); err != nil {
		return err
	}
	s.say("\nThe whole history, exported and checked offline:\n")
	if err := s.check(ctx); err != nil {
		return err
	}
	if err := s.invite(); err != nil {
		return err
	}
	<-ctx.Done()
	s.say("\nStopping: running jobs have %s to end.", grace)
	return nil
}

func (s *System) say(format string, args ...any) { _, _ = fmt.Fprintf(s.cfg.Out, format+"\n", args...) }

// timeline prints what happened to a job, and when.
func (s *System) timeline(ctx context.Context, j wire.Job) error {
	events, err := s.client.History(ctx, j.ID)
	if err != nil {
		return err
	}
	for _, e := range events {
		s.say("  %8s  seq %-3d %-14s by %s", "+"+e.At.Sub(j.CreatedAt).String(), e.Seq, e.Type, e.Actor)
	}
	return nil
}

// check audits an export of the log, as somebody would who has nothing but the
// file.
func (s *System) check(ctx context.Context) error {
	server, err := redisstore.Connect(ctx, s.cfg.RedisURL)
	if err != nil {
		return exit.With(exit.Unreachable, err)
	}
	defer func() { _ = server.Close() }() // it was only read
	store := redisstore.New(server.Writer(1), server.Reader(1), redisstore.Keys{Namespace: s.cfg.Namespace})
	var export bytes.Buffer
	if err := audit.Export(ctx, s.cfg.Namespace, 0, store, &export); err != nil {
		return err
	}
	file, err := audit.Open(&export)
	if err != nil {
		return err
	}
	trust, err := s.dir.Pinned(s.cfg.Namespace)
	if err != nil {
		return err
	}
	verdict, err := audit.Verify(ctx, file, audit.Options{Namespace: s.cfg.Namespace, Trust: trust})
	if err != nil {
		return err
	}
	s.say("  %s", strings.ReplaceAll(verdict.String(), "\n", "\n  "))
	return nil
}

// invite prints lines to paste.
func (s *System) invite() error {
	secret, err := s.dir.Read(s.cfg.Namespace, statedir.APIKey)
	if err != nil {
		return err
	}
	environment := "HORUS_STATE_DIR=" + s.dir.String()
	if s.cfg.Namespace != statedir.DefaultNamespace {
		environment += " HORUS_NAMESPACE=" + string(s.cfg.Namespace)
	}
	s.say("\nAPI key: %s\n\nTry, in another terminal:\n", secret)
	s.say("  curl -s %s -H 'Content-Type: application/json' -H 'Authorization: Bearer %s' \\\n"+
		"    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.run\",\"params\":{\"job\":{\"executor\":\"sh\",\"payload\":\"echo hello from curl\"}}}'\n", s.url, secret)
	s.say("  %s %s submit --wait 'date; uname -a'\n", environment, program())
	s.say("  %s HORUS_REDIS_URL=%s %s audit verify\n", environment, s.cfg.RedisURL, program())
	s.say("Ctrl-C ends it.")
	return nil
}
