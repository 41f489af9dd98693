package views_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/projections/views"
)

// lagging is a reader of views that reach the end of the log, 7, after a while.
type lagging struct {
	from  time.Time
	lag   time.Duration
	looks int
}

func (l *lagging) Look(context.Context, views.Query) (*views.Look, error) {
	l.looks++
	look := &views.Look{Position: views.Position{Seq: 6}, End: 7}
	if time.Since(l.from) >= l.lag {
		look.Position.Seq = 7
	}
	return look, nil
}

// informed is lagging, and tells when it has caught up.
type informed struct {
	lagging
	tells bool
}

func (i *informed) Await(ctx context.Context, _ uint64) bool {
	if !i.tells {
		return false
	}
	timer := time.NewTimer(i.lag - time.Since(i.from))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

func TestAReaderThatIsToldLooksTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 3 * time.Millisecond
		start := time.Now()
		r := &informed{lagging: lagging{from: start, lag: lag}, tells: true}
		if look, err := views.Current(t.Context(), r, views.Query{}); err != nil || look.Position.Seq != 7 {
			t.Fatalf("%+v, %v", look, err)
		}
		if took := time.Since(start); took != lag || r.looks != 2 {
			t.Errorf("it took %s and %d looks, want %s and 2", took, r.looks, lag)
		}
	})
}

// A supervisor that does not lead, or no longer does, has nobody who tells.
func TestAReaderThatIsNotToldLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, r := range []views.Reader{
			&lagging{from: start, lag: 3 * time.Millisecond}, &informed{lagging: lagging{from: start, lag: 3 * time.Millisecond}},
		} {
			if look, err := views.Current(t.Context(), r, views.Query{}); err != nil || look.Position.Seq != 7 {
				t.Errorf("%+v, %v", look, err)
			}
		}
	})
}

func TestViewsThatNeverCatchUpAreLagging(t *testing.T) {
	for _, tells := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := &informed{lagging: lagging{from: time.Now(), lag: time.Hour}, tells: tells}
			_, err := views.Current(t.Context(), r, views.Query{})
			if domain.CodeOf(err) != domain.TryAgain || domain.ReasonOf(err) != "lagging" {
				t.Errorf("%v, want lagging", err)
			}
			if took := time.Since(r.from); took < views.MaxLag || took > views.MaxLag+time.Second {
				t.Errorf("it gave up after %s, want %s", took, views.MaxLag)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := views.Current(ctx, r, views.Query{}); err != context.DeadlineExceeded { //nolint:errorlint // as it is
				t.Errorf("a caller that leaves gets %v", err)
			}
		})
	}
}
