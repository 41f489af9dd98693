package runnersdk

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestAdviceWraps(t *testing.T) {
	for _, advised := range []error{Retry(io.EOF), Never(io.EOF), RetryAfter(time.Second, io.EOF)} {
		err := fmt.Errorf("read: %w", advised)
		if !errors.Is(err, io.EOF) || err.Error() != "read: EOF" {
			t.Errorf("%v", err)
		}
	}
	if failure, ok := errors.AsType[*Failure](Never(&Failure{Exit: 3})); !ok || failure.Exit != 3 {
		t.Errorf("the failure is %v", failure)
	}
	for _, none := range []error{Retry(nil), Never(nil), RetryAfter(time.Second, nil)} {
		if none != nil {
			t.Errorf("advice about nothing is %v", none)
		}
	}
}

func TestUnfinishedSaysWhatIsLeft(t *testing.T) {
	left := Unfinished{Interrupted: []string{"a", "b", "c", "d"}, Stuck: []string{"e"}, Unsent: 2}
	want := "stopped, and not everything was done: jobs that were interrupted, and will be run again: 4 (a, b, c, …); " +
		"handlers that go on although their contexts ended: 1 (e); reports that could not be sent: 2"
	if got := left.errOrNil().Error(); got != want {
		t.Errorf("it says %q", got)
	}
	if err := (&Unfinished{}).errOrNil(); err != nil {
		t.Errorf("nothing is left, and it says %v", err)
	}
}
