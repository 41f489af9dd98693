package history_test

import (
	"testing"
	"time"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// try submits j4, which is tried again after an error, and lets r1 begin it: seq
// 20 to 22.
func (a *author) try() {
	a.submit("j4", `{"id":"j4","payload":"x","runner":"r1","retry_on":["error"],"timeout":60}`, webClient)
	a.start(one, "j4")
}

// due is when j4 is to be tried again that fails now.
func (a *author) due(again job.Again, after time.Duration) event.Time {
	state := a.Job("j4")
	due, _ := state.Retry(job.FailedError, again, after, a.Now)
	return due
}

// failedSo records that r1 reported that j4 failed, and what that led to: seq 23
// and 24.
func (a *author) failedSo(f runner.Failed, e job.Event) {
	f.About = a.About("j4")
	cause := a.report(one, f)
	a.say(jobOf("j4"), one.Actor(), cause(0), e)
}

// stop lets somebody ask for j4 to be stopped: seq 23.
func (a *author) stop() {
	a.say(jobOf("j4"), event.ByAPIKey("web"), "", job.Stopping{Attempt: 1})
}

// What package job cannot judge, because it is in the reports, is judged here:
// all else that could not happen in a job's life stands in its own tests.
func TestReportsLeadToWhatTheySay(t *testing.T) {
	web, timers := event.ByAPIKey("web"), event.BySystem("timers")
	luckless := runner.Failed{Kind: job.FailedError}
	never, asked := luckless, luckless
	never.Again = job.Never
	asked.Again, asked.After = job.Please, time.Hour
	again := func(due event.Time) job.AttemptFailed {
		return job.AttemptFailed{Attempt: 1, Kind: job.FailedError, Due: due}
	}
	final := job.Failed{Attempt: 1, Kind: job.FailedError}
	page := runner.Checkpoint{Data: []byte("page 7")}
	for _, tt := range []struct {
		name  string
		write func(a *author)
		seq   uint64 // 0: it is legal
		why   string
	}{
		{"tried again when its back-off says", func(a *author) { a.try(); a.failedSo(luckless, again(a.due(job.ByPolicy, 0))) }, 0, ""},
		{"tried again later", func(a *author) { a.try(); a.failedSo(luckless, again(a.due(job.ByPolicy, 0)+1)) }, 24, "does not say what was reported"},
		{"tried again sooner", func(a *author) { a.try(); a.failedSo(luckless, again(a.due(job.ByPolicy, 0)-1)) }, 24, "does not say what was reported"},
		{"tried again when its runner asked for", func(a *author) { a.try(); a.failedSo(asked, again(a.due(job.Please, time.Hour))) }, 0, ""},
		{"tried again when its back-off says, and its runner does not", func(a *author) {
			a.try()
			a.failedSo(asked, again(a.due(job.ByPolicy, 0)))
		}, 24, "does not say what was reported"},
		{"tried again against its runner's word", func(a *author) { a.try(); a.failedSo(never, again(a.due(job.ByPolicy, 0))) }, 24, "does not say what was reported"},
		{"tried again after what was reported otherwise", func(a *author) {
			a.try()
			a.failedSo(runner.Failed{Kind: job.FailedTimeout}, again(a.due(job.ByPolicy, 0)))
		}, 24, "does not say what was reported"},
		{"failed though it was to be tried again", func(a *author) { a.try(); a.failedSo(luckless, final) }, 24, "does not say what was reported"},
		{"failed by its runner's word", func(a *author) { a.try(); a.failedSo(never, final) }, 0, ""},
		{"expired by a runner's word", func(a *author) {
			a.submit("j4", `{"id":"j4","payload":"x","runner":"r1","expires_at":"2026-01-02T12:10:00Z"}`, webClient)
			a.Now += 20 * minute
			a.say(jobOf("j4"), one.Actor(), "", job.Failed{Attempt: 1, Kind: job.FailedExpired})
		}, 21, "a runner did what only others may"},
		{"lost by a runner's word", func(a *author) {
			a.say(jobOf("j1"), one.Actor(), "", job.AttemptLost{Attempt: 1, Reason: job.LostLease})
		}, 20, "a runner did what only others may"},
		{"submitted by a runner", func(a *author) {
			o := opened(`{"payload":"x","runner":"r1"}`, "")
			a.say(jobOf("j4"), one.Actor(), "", job.Submitted{Submission: o.Submission})
		}, 20, "a runner did what only others may"},

		{"kept as it was reported", func(a *author) {
			a.try()
			page.About = a.About("j4")
			cause := a.report(one, page)
			a.say(jobOf("j4"), one.Actor(), cause(0), job.Checkpointed{Attempt: 1, Hash: page.Hash()})
		}, 0, ""},
		{"begun and kept in one", func(a *author) {
			page.About = a.About("j3")
			cause := a.report(two, page)
			a.say(jobOf("j3"), two.Actor(), cause(0), job.Started{Attempt: 1, Process: two.Name})
			a.say(jobOf("j3"), two.Actor(), cause(0), job.Checkpointed{Attempt: 1, Hash: page.Hash()})
		}, 0, ""},
		{"kept otherwise", func(a *author) {
			a.try()
			page.About = a.About("j4")
			cause := a.report(one, page)
			a.say(jobOf("j4"), one.Actor(), cause(0), job.Checkpointed{Attempt: 1, Hash: signing.Hash{7}})
		}, 24, "does not say what was reported"},
		{"begun by progress", func(a *author) {
			cause := a.report(two, runner.Progress{About: a.About("j3"), Percent: 7})
			a.say(jobOf("j3"), two.Actor(), cause(0), job.Started{Attempt: 1, Process: two.Name})
		}, 21, "does not say what was reported"},

		{"stopped by its runner's word", func(a *author) {
			a.try()
			a.stop()
			cause := a.report(one, runner.Stopped{About: a.About("j4")})
			a.say(jobOf("j4"), one.Actor(), cause(0), job.Stopped{Attempt: 1})
		}, 0, ""},
		{"stopped without its runner's word", func(a *author) {
			a.try()
			a.stop()
			a.say(jobOf("j4"), one.Actor(), "", job.Stopped{Attempt: 1})
		}, 24, "no report in its commit"},
		{"stopped though it had completed", func(a *author) {
			a.try()
			a.stop()
			cause := a.report(one, runner.Completed{About: a.About("j4")})
			a.say(jobOf("j4"), one.Actor(), cause(0), job.Stopped{Attempt: 1})
		}, 25, "does not say what was reported"},
		{"stopped by another runner's process of that name", func(a *author) {
			a.say(jobOf("j1"), web, "", job.Stopping{Attempt: 1}) // of r1's process a1
			same := process("r2", one.Name, runnerTwo)
			a.join(same, none, "sh")
			cause := a.report(same, runner.Stopped{About: a.About("j1")})
			a.say(jobOf("j1"), same.Actor(), cause(0), job.Stopped{Attempt: 1})
		}, 24, "without its word"},
		{"stopped by a runner that may not serve it", func(a *author) {
			a.submit("j4", `{"id":"j4","payload":"x","runner":"r1"}`, webClient)
			a.stop()
			cause := a.report(two, runner.Stopped{About: a.About("j4")})
			a.say(jobOf("j4"), two.Actor(), cause(0), job.Stopped{Attempt: 1})
		}, 23, "may not serve queue runner:r1"},
		{"stopped by a runner while it is held", func(a *author) {
			o := opened(`{"id":"j4","payload":"x","runner":"r1"}`, webClient)
			a.say(jobOf("j4"), event.ByClient(string(keyID(webClient))), "", job.Submitted{Submission: o.Submission})
			cause := a.report(one, runner.Stopped{About: runner.About{Job: a.About("j4").Job, At: noon}})
			a.say(jobOf("j4"), one.Actor(), cause(0), job.Stopped{})
		}, 22, "does not say what was reported"},
		{"to be stopped by a runner's wish", func(a *author) {
			a.say(jobOf("j1"), one.Actor(), "", job.Stopping{Attempt: 1})
		}, 20, "a runner did what only others may"},

		{"refused what was said", func(a *author) {
			about := runner.About{Job: a.About("j2").Job, Token: signing.Hash{5}, At: noon}
			cause := a.report(two, runner.Stopped{About: about})
			a.say(jobOf("j2"), two.Actor(), cause(0), job.ReportRefused{Token: about.Token, Process: two.Name, Said: job.SaidStopped})
		}, 0, ""},
		{"refused what nobody said", func(a *author) {
			a.say(jobOf("j2"), two.Actor(), "", job.ReportRefused{Token: signing.Hash{5}, Process: two.Name, Said: job.SaidStopped})
		}, 20, "no report in its commit"},
		{"refused what was no end", func(a *author) {
			about := runner.About{Job: a.About("j2").Job, Token: signing.Hash{5}, At: noon}
			cause := a.report(two, runner.Started{About: about})
			a.say(jobOf("j2"), two.Actor(), cause(0), job.ReportRefused{Token: about.Token, Process: two.Name, Said: job.SaidCompleted})
		}, 21, "does not say what was reported"},
		{"refused of another job", func(a *author) {
			cause := a.report(two, runner.Completed{About: a.About("j1")})
			a.say(jobOf("j2"), two.Actor(), cause(0), job.ReportRefused{Token: a.About("j1").Token, Process: two.Name, Said: job.SaidCompleted})
		}, 21, "does not say what was reported"},

		{"replayed by a runner", func(a *author) { a.say(jobOf("j2"), one.Actor(), "", job.Replayed{Attempts: 1}) }, 20, "a runner did what only others may"},
		{"dropped by a runner", func(a *author) { a.say(jobOf("j2"), one.Actor(), "", job.Dropped{}) }, 20, "a runner did what only others may"},
		{"deleted by a runner", func(a *author) { a.say(jobOf("j2"), one.Actor(), "", job.Deleted{}) }, 20, "a runner did what only others may"},
		{"replayed and run again", func(a *author) {
			a.say(jobOf("j2"), web, "", job.Replayed{Attempts: 1, Limits: job.Limits{Timeout: time.Second}})
			a.say(jobOf("j2"), web, "", job.Queued{Grant: a.Grant("j2", 2)})
			cause := a.report(one, runner.Completed{About: a.About("j2")})
			a.say(jobOf("j2"), one.Actor(), cause(0), job.Started{Attempt: 2, Process: one.Name})
			a.say(jobOf("j2"), one.Actor(), cause(0), job.Completed{Attempt: 2})
		}, 0, ""},
		{"queued when it was due", func(a *author) {
			a.try()
			a.failedSo(luckless, again(a.due(job.ByPolicy, 0)))
			a.Now = a.Job("j4").Due
			a.say(jobOf("j4"), timers, "", job.Queued{Grant: a.Grant("j4", 2)})
		}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := story(t)
			tt.write(a)
			a.Seal()
			if err := verify(a.Raws()); tt.seq == 0 {
				if err != nil {
					t.Error(err)
				}
			} else {
				wantFault(t, err, tt.seq, tt.why)
			}
		})
	}
}
