package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
)

// level is a durability that is measured on Redis servers of its own.
type level struct {
	name     string
	fsync    string // appendfsync
	replicas int
}

func measureDurability(ctx context.Context, b *bench) (rows []Row, err error) {
	for _, l := range []level{{"everysec", "everysec", 0}, {"always", "always", 0}, {"replica", "everysec", 1}} {
		b.step("starting %s", l.name)
		more, err := b.durable(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (b *bench) durable(ctx context.Context, l level) (rows []Row, err error) {
	primary, err := start(ctx, "--appendfsync", l.fsync)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, primary.close()) }()
	o := options{idle: true}
	if l.replicas > 0 {
		replica, err := follow(ctx, primary)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, replica.close()) }()
		o.durability = eventstore.Durability(fmt.Sprintf("replicated:%d", l.replicas))
	}
	there := *b
	there.redis = primary
	return there.withSystem(ctx, o, func(s *system) (trials []trial) {
		for _, callers := range crowds() {
			t := s.trial(way{load: load{jobs: b.jobsOf(callers)}, callers: callers, post: s.inProcess, until: job.Waiting})
			t.name = l.name + ", " + callersOf(callers)
			t.against.level = l
			trials = append(trials, t)
		}
		return trials
	})
}

// follow starts a replica of a Redis of our own.
func follow(ctx context.Context, primary *server) (*server, error) {
	u, err := url.Parse(primary.url)
	if err != nil {
		return nil, err
	}
	return start(ctx, "--appendfsync", "everysec", "--replicaof", u.Hostname()+" "+u.Port())
}
