// Package runnersdk makes a program a runner: it takes jobs from the work
// queues of a runner id, proves that a supervisor granted each of them, gives
// them to a handler, keeps their leases, and reports how they ended.
//
//	func main() {
//		os.Exit(redisrunner.Main(redisrunner.Config{Runner: "mailer"},
//			func(ctx context.Context, j *runnersdk.Job) (string, error) {
//				j.Logger().Info("sending", "to", j.Payload)
//				return "sent", send(ctx, j.Payload)
//			}))
//	}
//
// is a whole program, with [github.com/herocode/horus/runnersdk/redisrunner],
// which makes the key and the wire. [Serve] takes them from whoever has them.
// [github.com/herocode/horus/runnersdk/runnertest] runs a handler in a test;
// runnersdk/example_count is a program to copy.
//
// The one idea: a runner reports, it never writes history. It runs nothing
// that is not proved, and what it says changes nothing until a supervisor
// sealed it. A handler may therefore see the same job twice (its runner died,
// its report was lost): its outcome is recorded once, its side effects are the
// handler's business. [Job.Attempt] tells attempts apart, and
// [Job.Checkpoint] lets the next one go on where this one came to.
//
// # How an attempt ends
//
//	return result, nil               completed, even if it was to be stopped
//	return result, err               failed; tried again if the job's retry_on names errors
//	return "", Retry(err)            failed; tried again while attempts are left
//	return "", RetryAfter(d, err)    the same, after a wait of the handler's choosing
//	return "", Never(err)            failed for good
//	return "", Reject("no such …")   failed for good: no runner like this can run such jobs
//	return "", &Failure{…}           failed, with an exit code or a result so far
//	panic                            failed, as with an error; the program's log has the stack
//
// A context that ends means stop. context.Cause says why, and what becomes of the
// job when the handler then returns an error:
//
//	context.DeadlineExceeded  the job's timeout has passed: failed with kind timeout
//	ErrStopped                somebody stopped the job: stopped
//	ErrStopping               the program ends: run again elsewhere when the lease is over
//	ErrLost                   it is somebody else's by now: nothing is reported
//
// A handler has 10 seconds to return. After that nobody waits for it: the lease is
// not renewed any more, so that the supervisor gives the job to another process;
// the slot stays taken until the handler returns, and the log says so.
//
// # How a runner ends
//
// When its context ends a runner takes no more, and lets running jobs end for
// Config.Grace; whoever does not want to wait closes Config.Hurry. Then contexts
// end with ErrStopping. [Unfinished] says what was left. A runner id that is
// drained (horus runners drain) ends its processes by itself, when they hold
// nothing any more; one that is paused takes nothing until it is resumed.
//
// # Its loops
//
// A runner has five loops. Each is a method that does one round of work:
//
//	listen  joins, and hears from the supervisor: what is paused, what is to be stopped
//	take    claims entries, checks them and starts handlers
//	keep    renews leases; kills what is no longer ours
//	report  gathers what is to be said and sends it, one bundle at a time
//	beat    shows that the process lives
//
// [Runner.Run] gives each a goroutine, [Runner.Turn] does one round of all.
package runnersdk
