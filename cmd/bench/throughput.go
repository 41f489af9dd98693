package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/herocode/horus/domain/job"
)

// crowds are how many callers there are of single jobs, and of bulks.
func crowds() []int     { return []int{1, manyCallers, maxCallers} }
func bulkCrowds() []int { return []int{1, 5, bulkCallers} }

const (
	manyCallers = 50
	maxCallers  = 200
	bulkSize    = 100 // jobs that a caller of bulks submits at once
	bulkCallers = 20  // of these; more would be sent away, as 2,048 jobs may be on their way
	aloneShare  = 4   // a lone caller gets that part of the jobs: he is slower
)

// jobsOf is how many jobs so many callers submit in one measurement.
func (b *bench) jobsOf(callers int) int {
	if callers == 1 {
		return b.cfg.Jobs / aloneShare
	}
	return b.cfg.Jobs
}

// bulksOf is how many jobs so many callers submit in bulks: at least one each.
func (b *bench) bulksOf(callers int) int {
	return max(b.cfg.Jobs/bulkSize, callers) * bulkSize
}

// withSystem runs a contest on a system of its own.
func (b *bench) withSystem(ctx context.Context, o options, trials func(*system) []trial) ([]Row, error) {
	b.step("starting")
	s, err := startSystem(ctx, b.redis, o)
	if err != nil {
		return nil, err
	}
	rows, err := b.contest(ctx, s, trials(s))
	return rows, errors.Join(err, s.close())
}

func measureSubmit(ctx context.Context, b *bench) ([]Row, error) {
	return b.withSystem(ctx, options{idle: true}, func(s *system) (trials []trial) {
		for _, callers := range crowds() {
			trials = append(trials, s.trial(way{load: load{jobs: b.jobsOf(callers)}, callers: callers, post: s.inProcess, until: job.Waiting}))
		}
		return trials
	})
}

func measureJobs(ctx context.Context, b *bench) ([]Row, error) {
	return b.withSystem(ctx, options{}, func(s *system) (trials []trial) {
		for _, callers := range crowds() {
			trials = append(trials, s.trial(way{load: load{jobs: b.jobsOf(callers)}, callers: callers, post: s.inProcess, until: job.Done}))
		}
		return trials
	})
}

func measureSlots(ctx context.Context, b *bench) (rows []Row, err error) {
	for _, n := range []int{1, 16} {
		more, err := b.withSystem(ctx, options{slots: n}, func(s *system) []trial {
			few := load{jobs: b.jobsOf(n)} // the fewer, the slower
			return []trial{s.trial(way{name: fmt.Sprint("slots: ", n), load: few, callers: manyCallers, post: s.inProcess, until: job.Done})}
		})
		if err != nil {
			return nil, err
		}
		more[0].Name += fmt.Sprint(", beside slots: ", n)
		rows = append(rows, more...)
	}
	return rows, nil
}

func measureBulk(ctx context.Context, b *bench) ([]Row, error) {
	return b.withSystem(ctx, options{}, func(s *system) (trials []trial) {
		for _, callers := range bulkCrowds() {
			trials = append(trials, s.trial(way{
				load:    load{jobs: b.bulksOf(callers), together: bulkSize, signed: asBulk},
				callers: callers, post: s.inProcess, until: job.Done,
			}))
		}
		return trials
	})
}

func measureHTTP(ctx context.Context, b *bench) ([]Row, error) {
	return b.withSystem(ctx, options{}, func(s *system) []trial {
		one := load{jobs: b.jobsOf(manyCallers)}
		each := one
		each.signed = byEach
		calls := load{jobs: b.bulksOf(bulkCallers), together: bulkSize, form: batch}
		many := load{jobs: calls.jobs, together: bulkSize, form: submitMany, signed: asBulk}
		return []trial{
			s.trial(way{name: "in process", load: one, callers: manyCallers, post: s.inProcess, until: job.Done}),
			s.trial(way{name: "HTTP", load: one, callers: manyCallers, post: s.overHTTP, until: job.Done}),
			s.trial(way{name: "HTTP, each signed", load: each, callers: manyCallers, post: s.overHTTP, until: job.Done}),
			s.gathering(one, manyCallers, s.signers[0]),
			s.trial(way{name: "HTTP, batches", load: calls, callers: bulkCallers, post: s.overHTTP, until: job.Done}),
			s.trial(way{name: "HTTP, submit_many", load: many, callers: bulkCallers, post: s.overHTTP, until: job.Done}),
		}
	})
}

func measureSignatures(ctx context.Context, b *bench) ([]Row, error) {
	return b.withSystem(ctx, options{}, func(s *system) []trial {
		one, bulk := load{jobs: b.jobsOf(manyCallers)}, load{jobs: b.bulksOf(bulkCallers), together: bulkSize, signed: asBulk}
		each := one
		each.signed = byEach
		return []trial{
			s.trial(way{name: "none", load: one, callers: manyCallers, post: s.inProcess, until: job.Done}),
			s.trial(way{name: "each", load: each, callers: manyCallers, post: s.inProcess, until: job.Done}),
			s.trial(way{name: "bulk", load: bulk, callers: bulkCallers, post: s.inProcess, until: job.Done}),
		}
	})
}

func measurePayloads(ctx context.Context, b *bench) ([]Row, error) {
	const medium, large = 10_000, 200_000
	return b.withSystem(ctx, options{}, func(s *system) (trials []trial) {
		for _, l := range []load{
			{jobs: b.cfg.Jobs},
			{jobs: b.cfg.Jobs / 4, payload: medium},
			{jobs: max(b.cfg.Jobs/40, 10), payload: large}, // about as many bytes
		} {
			trials = append(trials, s.trial(way{
				name: sizeOf(len(l.payloadText())), load: l, callers: manyCallers, post: s.inProcess, until: job.Done,
			}))
		}
		return trials
	})
}
