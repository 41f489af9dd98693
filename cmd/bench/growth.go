package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/herocode/horus/domain/job"
)

// handIn submits jobs that were written beforehand, as fast as that goes, and
// returns when they are done.
func (s *system) handIn(ctx context.Context, m mail) error {
	return s.submitAll(ctx, m, bulkCallers, s.inProcess, job.Done)
}

// fill runs so many jobs that nobody measures.
func (s *system) fill(ctx context.Context, jobs int) error {
	const written = 20_000 // at once, which are held in memory
	for jobs > 0 {
		m, err := s.messages(load{jobs: min(jobs, written), together: bulkSize, signed: asBulk})
		if err != nil {
			return err
		}
		if err := s.handIn(ctx, m); err != nil {
			return err
		}
		jobs -= m.jobs
	}
	return nil
}

func measureGrowth(ctx context.Context, b *bench) ([]Row, error) {
	b.step("starting")
	s, err := startSystem(ctx, b.redis, options{})
	if err != nil {
		return nil, err
	}
	rows, err := b.grow(ctx, s)
	return rows, errors.Join(err, s.close())
}

func (b *bench) grow(ctx context.Context, s *system) (rows []Row, err error) {
	sizes := []int{10_000, 100_000}
	if b.cfg.Long {
		sizes = append(sizes, 1_000_000)
	}
	for _, size := range sizes {
		jobs, err := s.count(ctx, job.Done)
		if err != nil {
			return nil, err
		}
		b.step("filling the log to %s jobs", thousands(int64(size)))
		if err := s.fill(ctx, size-int(jobs)); err != nil {
			return nil, err
		}
		t := s.trial(way{load: load{jobs: b.cfg.Jobs}, callers: manyCallers, post: s.inProcess, until: job.Done})
		t.name = fmt.Sprintf("after %s jobs", thousands(int64(size)))
		more, err := b.contest(ctx, s, []trial{t})
		if err != nil {
			return nil, err
		}
		more[0].Name += ", beside " + thousands(int64(size))
		rows = append(rows, more...)
	}
	return rows, nil
}
