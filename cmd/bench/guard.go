package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore/redisstore"
)

// measureGuard measures what a change is not to make worse. Most of it is a
// count, and the same on every machine; the ratio to the yardstick is not, and
// gets a wide margin.
func measureGuard(ctx context.Context, b *bench) ([]Row, error) {
	return b.guard(ctx, options{}, manyCallers)
}

func (b *bench) guard(ctx context.Context, o options, callers int) ([]Row, error) {
	return b.withSystem(ctx, o, func(s *system) (trials []trial) {
		h := history{system: s}
		for _, signed := range []signed{byNobody, byEach} {
			t := s.trial(way{
				name: []string{byNobody: "unsigned", byEach: "each signed"}[signed],
				load: load{jobs: b.cfg.Jobs, signed: signed}, callers: callers, post: s.inProcess, until: job.Done,
			})
			t.meter = h.grown
			trials = append(trials, t)
		}
		return trials
	})
}

// history is what a system has recorded.
type history struct {
	system *system

	through       uint64  // place up to which it was counted
	events, bytes float64 // up to there
}

// grown returns how much was recorded so far: events, and their bytes, each of
// which is hashed once for its commit.
func (h *history) grown(ctx context.Context) (figures, error) {
	const page = 1000
	log := redisstore.New(h.system.redis.client, h.system.redis.client, redisstore.Keys{Namespace: h.system.ns})
	for {
		raws, err := log.Read(ctx, h.through, page)
		if err != nil {
			return nil, err
		}
		for _, raw := range raws {
			h.through = raw.Seq
			h.events++
			h.bytes += float64(len(raw.Event))
		}
		if len(raws) < page {
			return figures{"events": h.events, "hashed_bytes": h.bytes}, nil
		}
	}
}

// Limits are what figures may be, by section, row and key.
type Limits map[string]map[string]map[string]Limit

// Limit bounds a figure's median. A bound of zero is none.
type Limit struct {
	Most  float64 `json:"most,omitzero"`
	Least float64 `json:"least,omitzero"`
}

// ReadLimits reads limits that were written as JSON.
func ReadLimits(r io.Reader) (Limits, error) {
	var limits Limits
	if err := json.UnmarshalRead(r, &limits, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read limits: %w", err)
	}
	if len(limits) == 0 {
		return nil, errors.New("read limits: there are none")
	}
	return limits, nil
}

// Exceeded says which figures of a report are beyond their limits, and which
// that have limits it lacks: a limit that nothing is compared with holds nothing.
func (l Limits) Exceeded(r *Report) (faults []string) {
	for section, rows := range l {
		for row, keys := range rows {
			for key, limit := range keys {
				name := fmt.Sprintf("%s, %s, %s", section, row, key)
				found, ok := r.median(section, row, key)
				switch {
				case !ok:
					faults = append(faults, name+": was not measured")
				case limit.Most != 0 && found > limit.Most:
					faults = append(faults, fmt.Sprintf("%s: %s is above %s", name, plain(found), plain(limit.Most)))
				case found < limit.Least:
					faults = append(faults, fmt.Sprintf("%s: %s is below %s", name, plain(found), plain(limit.Least)))
				}
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// median returns a figure of a report.
func (r *Report) median(section, row, key string) (float64, bool) {
	for _, s := range r.Sections {
		for _, w := range s.Rows {
			if figure, ok := w.Figures[key]; ok && s.Name == section && w.Name == row {
				return figure.Median, true
			}
		}
	}
	return 0, false
}
