package rpcapi

import (
	"context"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/door"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// secret is the parameter of canonical methods for those who cannot send a
// header. It comes last, so that it is in nobody's way by position.
type secret struct {
	Secret string `json:"secret,omitempty" validate:"max=1024" doc:"API key; not needed with the header Authorization: Bearer."`
}

func (s *secret) takeSecret() (taken string) {
	taken, s.Secret = s.Secret, ""
	return taken
}

// secretTaker is a parameter struct that may hold a secret. Taking it leaves
// none behind for logs and errors to find.
type secretTaker interface{ takeSecret() string }

// caller is who calls: the API key's name and scope.
type caller struct {
	Name   string
	Scope  Scope
	queues []job.Queue // whose jobs the caller may touch; none: all
}

type callerKey struct{}

// callerFrom returns who calls, and the zero caller for somebody anonymous.
func callerFrom(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// gatekeeper lets calls in.
type gatekeeper struct {
	keys      *keyring
	rights    map[string]right
	anonymous bool
	failures  *limiter
	paces     *rates
	clock     func() time.Time
}

// admit is [jsonrpc.Options].Before: it finds out who calls and whether they may.
// Whoever may not learns nothing about whether the parameters were right.
func (g *gatekeeper) admit(ctx context.Context, call jsonrpc.Call) (context.Context, error) {
	right := g.rights[call.Method.Name]
	given := jsonrpc.Bearer(ctx)
	if taker, ok := call.Params.(secretTaker); ok {
		if taken := taker.takeSecret(); taken != "" {
			given = taken
		}
	}
	if given == "" {
		if err := g.admitAnonymous(right); err != nil {
			return ctx, err
		}
		return ctx, g.pace("address " + door.Origin(jsonrpc.RemoteAddr(ctx)))
	}
	who, err := g.authenticate(ctx, given)
	switch {
	case err != nil:
		return ctx, err
	case right&everybody == 0 && who.bound() && right&bound == 0:
		return ctx, domain.Errorf(domain.Forbidden, "scope", "an API key that is bound to runners or kinds may not call this method")
	case right&everybody == 0 && !right.grants(who.Scope):
		return ctx, domain.Errorf(domain.Forbidden, "scope", "an API key of scope %s may not call this method", who.Scope)
	}
	return context.WithValue(ctx, callerKey{}, who), g.pace(who.Name)
}

// pace has whoever calls too often wait.
func (g *gatekeeper) pace(who string) error {
	if wait := g.paces.take(who, g.clock()); wait > 0 {
		return jsonrpc.RateLimited(wait)
	}
	return nil
}

func (g *gatekeeper) admitAnonymous(right right) error {
	switch {
	case right&everybody != 0, right&anonymous != 0 && g.anonymous:
		return nil
	case right&anonymous != 0:
		return domain.Errorf(domain.Unauthenticated, "anonymous_off",
			"calls without a secret are off: send Authorization: Bearer <secret>, or start the supervisor with --anonymous-reads")
	}
	return domain.Errorf(domain.Unauthenticated, "no_secret", "send an API key as Authorization: Bearer <secret>")
}

// authenticate finds who shows a secret. Whoever guessed too often from an
// address waits, even if the next guess were right; keys that were used from
// there before go on to work. One text is for every secret that lets nobody in:
// that was never one, that ended, or that was removed.
func (g *gatekeeper) authenticate(ctx context.Context, given string) (caller, error) {
	from, now := jsonrpc.CallerFrom(ctx), g.clock()
	address := door.Origin(from.Remote)
	limited := func(who identity) error {
		if wait := g.failures.wait(address, who, now); wait > 0 {
			return jsonrpc.RateLimited(wait)
		}
		return nil
	}
	found, err := g.keys.find(ctx, given, func() error { return limited(identity{}) })
	if err == nil && found.known() {
		err = limited(found.identity())
	}
	switch {
	case err != nil:
		return caller{}, err
	case found.known():
		g.failures.passed(address, found.identity())
		return found.caller, nil
	}
	g.failures.failed(address, now)
	if from.Relayed != "" {
		return caller{}, domain.Errorf(domain.Unauthenticated, "secret",
			"the supervisor that was called knows this API key, and the leader does not: give all supervisors the same keys, or call the leader")
	}
	return caller{}, domain.Errorf(domain.Unauthenticated, "secret", "the API key is not known here")
}
