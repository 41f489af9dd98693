package views

import (
	"context"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
)

// MaxDue is the latest time that anything is due: the numbers of stores are
// exact up to there, which is in the year 2255.
const MaxDue = event.Time(1<<53 - 1)

// NoTime stands for what is kept in the place of a due time and is none.
const NoTime = event.Time(-1)

// DueSet says when something is due in a job from now on; At is zero for never.
type DueSet struct {
	At  event.Time
	Job job.ID
}

// DueEntry is a job in which something is due at a time.
type DueEntry struct {
	At  event.Time
	Job job.ID
}

// DueQuery asks for the jobs in which something is due up to a time, the most
// urgent ones first.
type DueQuery struct {
	Until event.Time
	Limit int
}

// ReadDue reads what a store keeps of a due time. Whatever no [Tx] wrote is an
// [*Edited] record of that job, so that an engine looks at it.
func ReadDue(member string, score float64) (DueEntry, error) {
	id, err := job.ParseID(member)
	at := event.Time(0)
	if score >= 1 && score <= float64(MaxDue) {
		at = event.Time(score)
	}
	if err != nil || at.IsZero() || float64(at) != score {
		return DueEntry{}, &Edited{Field{Jobs, member}}
	}
	return DueEntry{at, id}, nil
}

// WalkDue calls yield with every page of a generation's due times, and returns
// its error.
func WalkDue(ctx context.Context, g Generations, generation uint64, yield func([]DueEntry) error) error {
	for cursor := uint64(0); ; {
		page, next, err := g.PageDue(ctx, generation, cursor)
		if err == nil {
			err = yield(page)
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}
