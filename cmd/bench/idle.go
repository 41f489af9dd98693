package bench

import (
	"context"
	"errors"
	"time"
)

// idleTime is how long nothing is done in a round: as long as it takes until all
// that is done now and then was done.
const idleTime = 5 * time.Second

func measureIdle(ctx context.Context, b *bench) ([]Row, error) {
	var alone, idle []figures
	for round := range b.cfg.Rounds {
		b.step("round %d of %d: Redis alone", round+1, b.cfg.Rounds)
		f, err := b.rest(ctx)
		if err != nil {
			return nil, err
		}
		delete(f, "idle_horus_ms_per_s") // nobody is there
		alone = append(alone, f)
	}
	s, err := startSystem(ctx, b.redis, options{})
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, b.cfg.Jobs); err != nil {
		return nil, errors.Join(err, s.close())
	}
	for round := range b.cfg.Rounds {
		b.step("round %d of %d: Horus", round+1, b.cfg.Rounds)
		f, err := b.rest(ctx)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		idle = append(idle, f)
	}
	return []Row{
		{Name: "Redis alone", Yardstick: true, Figures: spreads(alone)},
		{Name: "with Horus", Figures: spreads(idle)},
	}, s.close()
}

// rest does nothing for a while and says what that took each second.
func (b *bench) rest(ctx context.Context) (figures, error) {
	before, err := b.redis.read(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := b.redis.read(ctx)
	if err != nil {
		return nil, err
	}
	const milli = 1e3
	seconds := after.at.Sub(before.at).Seconds()
	return figures{
		"idle_commands_per_s": (after.commands - before.commands) / seconds,
		"idle_horus_ms_per_s": (after.horus - before.horus).Seconds() * milli / seconds,
		"idle_redis_ms_per_s": (after.redis - before.redis).Seconds() * milli / seconds,
	}, nil
}
