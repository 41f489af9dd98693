package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/runnertest"
)

func TestCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := runnertest.Run(t, count, runnertest.Job{Payload: "20"})
		if got.Result != "counted from 1 to 20" || got.Checkpoints[len(got.Checkpoints)-1] != "20" {
			t.Errorf("%+v", got)
		}
		if !slices.Contains(got.Progress, runnertest.Progress{Percent: 100, Text: "20 of 20"}) {
			t.Errorf("the progress was %v", got.Progress)
		}
	})
}

func TestCountGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := runnertest.Start(t, count, runnertest.Job{Payload: "1000"})
		time.Sleep(10 * step)
		first.Interrupt()
		checkpoints := first.Wait().Checkpoints
		last := checkpoints[len(checkpoints)-1]
		second := runnertest.Start(t, count, runnertest.Job{Payload: "1000", Attempt: 2, Checkpoint: []byte(last)})
		time.Sleep(10 * step)
		second.Stop()
		got := second.Wait()
		if n, _ := strconv.Atoi(last); got.End != runnertest.Stopped || !strings.HasSuffix(got.Lines[0].Text, fmt.Sprint("from=", n+1)) {
			t.Errorf("after %s: %+v", last, got)
		}
	})
}

func TestCountToNowhere(t *testing.T) {
	if got := runnertest.Run(t, count, runnertest.Job{Payload: "the moon"}); got.Kind != job.FailedRejected {
		t.Errorf("%+v", got)
	}
}
