package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/projections/engine"
	"github.com/herocode/horus/projections/redisviews"
	"github.com/herocode/horus/runnersdk/queue"
)

func measureAudit(ctx context.Context, b *bench) (rows []Row, err error) {
	for _, kind := range []struct {
		name string
		load load
	}{{"unsigned", load{jobs: b.cfg.Jobs}}, {"each signed", load{jobs: b.cfg.Jobs, signed: byEach}}} {
		b.step("writing a history: %s", kind.name)
		s, err := startSystem(ctx, b.redis, options{})
		if err != nil {
			return nil, err
		}
		more, err := b.auditOf(ctx, s, kind.load)
		if err := errors.Join(err, s.close()); err != nil {
			return nil, err
		}
		for i := range more {
			more[i].Name += ", " + kind.name
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (b *bench) auditOf(ctx context.Context, s *system, l load) ([]Row, error) {
	const longer = 5 // than other measurements: it is read in a moment
	l.jobs *= longer
	written, err := s.messages(l)
	if err != nil {
		return nil, err
	}
	if err := s.handIn(ctx, written); err != nil {
		return nil, err
	}
	connected, err := redisstore.Connect(ctx, b.redis.url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connected.Close() }() // everything was answered
	r := &records{system: s, server: connected}
	r.log = redisstore.New(connected.Writer(3), connected.Reader(2), redisstore.Keys{Namespace: s.ns})
	ways := []struct {
		name string
		do   func(context.Context) (uint64, error)
	}{{"bare read", r.read}, {"verify", r.verify}, {"rebuild", r.rebuild}}
	found := make([][]figures, len(ways))
	for round := range b.cfg.Rounds {
		var bare float64
		for i, way := range ways {
			b.step("round %d of %d: %s", round+1, b.cfg.Rounds, way.name)
			began := time.Now()
			events, err := way.do(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", way.name, err)
			}
			f := figures{"events_per_s": float64(events) / time.Since(began).Seconds()}
			if i == 0 {
				bare = f["events_per_s"]
			} else {
				f["ratio"] = f["events_per_s"] / bare
			}
			found[i] = append(found[i], f)
		}
	}
	rows := make([]Row, len(ways))
	for i, way := range ways {
		rows[i] = Row{Name: way.name, Yardstick: i == 0, Figures: spreads(found[i])}
	}
	return rows, nil
}

// records reads the history of a system in several ways, each of which returns
// how many events it took in.
type records struct {
	*system

	server *redisstore.Server
	log    *redisstore.Store
}

// read is the yardstick: the bytes, and a hash of them.
func (r *records) read(ctx context.Context) (uint64, error) {
	const page = 1000
	hash := sha256.New()
	key := redisstore.Keys{Namespace: r.ns}.Log()
	events := uint64(0)
	for from := "-"; ; {
		entries, err := r.redis.client.XRangeN(ctx, key, from, "+", page).Result()
		if err != nil {
			return 0, fmt.Errorf("read the log: %w", err)
		}
		for _, e := range entries {
			event, _ := e.Values["e"].(string)
			_, _ = io.WriteString(hash, event) // never fails
			from = "(" + e.ID
		}
		if events += uint64(len(entries)); len(entries) == 0 {
			return events, nil
		}
	}
}

func (r *records) verify(ctx context.Context) (uint64, error) {
	source, err := audit.FromLog(ctx, r.log)
	if err != nil {
		return 0, err
	}
	verdict, err := audit.Verify(ctx, source, audit.Options{Namespace: r.ns})
	if err == nil && verdict.Finding != audit.Valid {
		err = fmt.Errorf("the history is not valid: %s", verdict)
	}
	return verdict.Counts.Events, err
}

func (r *records) rebuild(ctx context.Context) (uint64, error) {
	views, err := redisviews.New(r.server.Writer(3), r.server.Reader(2), queue.Keys{Namespace: r.ns})
	if err != nil {
		return 0, err
	}
	report, err := engine.Rebuild(ctx, engine.Config{
		Namespace: r.ns, Log: r.log, Views: views, Verifier: signing.NewVerifier(signers * 2),
	}, func(uint64, uint64) {})
	if err == nil && report.Difference != nil {
		err = fmt.Errorf("the read models differ from the history: %s", report.Difference)
	}
	return report.Events, err
}
