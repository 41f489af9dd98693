package node

import (
	"context"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/handlers/presence"
	"github.com/herocode/horus/handlers/redelivery"
	"github.com/herocode/horus/projections/queues"
	"github.com/herocode/horus/projections/views"
	"github.com/herocode/horus/rpcapi"
)

// Parts is what a [Member] stands on.
type Parts struct {
	Scene      Scene
	Store      eventstore.Store
	Syncer     eventstore.Syncer // nil where what was appended is durable
	Views      views.Store
	Inbox      func(term uint64) intake.Inbox // that drops nothing in another term
	Deliveries redelivery.Deliveries
	Pulses     presence.Pulses
	Verifier   *signing.Verifier
}

// Member is a supervisor without address and Redis: it stands by, leads and
// passes the lead on as [Run] does, upon parts that its caller brings.
type Member struct{ s *supervisor }

// NewMember returns a member that has done nothing yet.
func NewMember(cfg Config, p Parts) (*Member, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &supervisor{
		cfg: cfg, verifier: p.Verifier,
		scene: p.Scene, store: p.Store, syncer: p.Syncer, views: p.Views,
		queues: &queues.Reader{Views: p.Views, Streams: p.Views, Log: p.Store},
		inbox:  p.Inbox, deliveries: p.Deliveries, pulses: p.Pulses, health: &health{asked: cfg.Durability},
	}
	s.look()
	s.remembered = &remembered{dir: cfg.State, namespace: cfg.Namespace}
	if err := s.openState(); err != nil {
		return nil, err
	}
	return &Member{s}, nil
}

// Lead takes the lead when it is free, and again when it was lost, until ctx
// ends, which is nil, or leading is hopeless.
func (m *Member) Lead(ctx context.Context) error { return m.s.lead(ctx) }

// Leader decides while this member leads.
func (m *Member) Leader() rpcapi.Leader { return m.s.desk }
