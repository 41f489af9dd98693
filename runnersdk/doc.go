// Package runnersdk makes a program a runner: it takes jobs from the work
// queues of a runner id, proves that a supervisor granted each of them, gives
// them to a handler, keeps their leases, and reports how they ended.
//
//	err := runnersdk.Serve(ctx, runnersdk.Config{Runner: "mailer", Key: key, Wire: wire},
//		func(ctx context.Context, j *runnersdk.Job) (string, error) {
//			j.Log(runnersdk.Stdout, "to "+j.Payload)
//			return "sent", send(ctx, j.Payload)
//		})
//
// The wire is made by [github.com/herocode/horus/runnersdk/redisqueue.New], the
// key is loaded with [github.com/herocode/horus/domain/signing.ParsePrivateKey];
// the package's example does both.
//
// The one idea: a runner reports, it never writes history. It runs nothing
// that is not proved, and what it says changes nothing until a supervisor
// sealed it. A handler may therefore see the same job twice (its runner died,
// its report was lost): its outcome is recorded once, its side effects are the
// handler's business. [Job.Attempt] tells attempts apart.
//
// A context that ends means stop: the supervisor gave the attempt to somebody
// else, the job's timeout passed, or the program is to end. A handler that
// stops for it returns an error; when it was not the timeout nothing is
// reported, and the attempt is given to another process when its lease is over.
//
// A runner has four loops. Each is a method that does one round of work:
//
//	listen  joins, and hears from the supervisor
//	take    claims entries, checks them and starts handlers
//	keep    renews leases; kills what is no longer ours
//	report  gathers what is to be said and sends it, one bundle at a time
//
// [Runner.Run] gives each a goroutine, [Runner.Turn] does one round of all.
package runnersdk
