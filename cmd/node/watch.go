package node

import (
	"context"
	"time"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
)

const (
	// watchEvery is how often the leader asks how Redis is, with one command.
	// Meanwhile a tenth of a small Redis may fill: less than what lies between
	// the share at which jobs are refused and the whole.
	watchEvery = time.Second
	// checkEvery is how often the settings of Redis are looked at, besides each
	// time that it was started or did not answer.
	checkEvery = time.Minute
)

// watch looks after the Redis that this supervisor works on. It belongs to one
// goroutine.
type watch struct {
	*supervisor
	vitals  func(ctx context.Context) (redisstore.Vitals, error)
	check   func(ctx context.Context, asked eventstore.Durability) (redisstore.Settings, error)
	behind  func(*reign) time.Duration // how far its clock is behind the history
	checked time.Time                  // when its settings were looked at; zero: they must be
	run     string                     // its life
}

// turn looks once. A supervisor that does not lead looks at the settings alone.
func (w *watch) turn(ctx context.Context) (busy bool, err error) {
	if err := w.measure(ctx); err != nil {
		w.checked = time.Time{} // who knows how it comes back
		return false, err
	}
	if now := w.scene.Now(); w.checked.IsZero() || now.Sub(w.checked) >= checkEvery {
		settings, err := w.check(ctx, w.health.asked)
		if err != nil {
			return false, err
		}
		w.heed(ctx, settings)
		w.checked = now
	}
	return false, nil
}

// measure looks at the clock and at the memory.
func (w *watch) measure(ctx context.Context) error {
	r, standsBy := w.desk.current()
	w.compare(ctx, r)
	var v redisstore.Vitals
	if standsBy == nil {
		var err error
		if v, err = w.vitals(ctx); err != nil {
			return err
		}
		if w.run != "" && v.Run != w.run {
			w.checked = time.Time{}
		}
		w.run = v.Run
	}
	switch pressed, changed := w.health.measure(v); {
	case pressed && changed:
		w.cfg.Log.WarnContext(ctx, "refusing new jobs: the memory of Redis is nearly full", "used", v.Used, "max", v.Max)
	case changed:
		w.cfg.Log.InfoContext(ctx, "taking new jobs again", "used", v.Used, "max", v.Max)
	}
	return nil
}

// compare looks how far the clock is behind the history; r is nil where nobody
// leads, and then that is nobody's concern.
func (w *watch) compare(ctx context.Context, r *reign) {
	var behind time.Duration
	if r != nil {
		behind = w.behind(r)
	}
	switch late, changed := w.health.clock(behind); {
	case late && changed:
		w.cfg.Log.WarnContext(ctx, "the clock is behind the history, whose times go at half speed until it has caught up: it was set back, or one before was ahead",
			"behind", behind.Round(time.Second))
	case changed && r != nil:
		w.cfg.Log.InfoContext(ctx, "the clock has caught up with the history")
	}
}

// behind is how far a leader's clock is behind the history.
func behind(r *reign) time.Duration { return r.leader.ClockBehind() }

// heed says what changed in the settings.
func (s *supervisor) heed(ctx context.Context, settings redisstore.Settings) {
	news, was := s.health.set(settings)
	for _, warning := range news {
		s.cfg.Log.WarnContext(ctx, warning)
	}
	switch {
	case was == "":
	case settings.Level.Less(was):
		s.cfg.Log.ErrorContext(ctx, "what is acknowledged from now on is less durable than it was; receipts say so", "durability", settings.Level, "was", was)
	default:
		s.cfg.Log.InfoContext(ctx, "what is acknowledged from now on is more durable than it was", "durability", settings.Level, "was", was)
	}
}
