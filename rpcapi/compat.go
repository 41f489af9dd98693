package rpcapi

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// This file holds every name that clients of the original call, with the
// parameters in their order and the results in their shape, and nothing else:
// each row maps to what a canonical method does. job.stop and job.delete have
// kept their names and stand among the canonical ones.

// compat is the method table of the old names.
func (a *API) compat() []jsonrpc.Method {
	return slices.Concat(a.oldSubmits(), a.oldJobs(), a.oldRunners(), a.oldProcesses(), a.oldKeys())
}

// oldSubmits are the calls that bring jobs in.
func (a *API) oldSubmits() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(oldWrite("jobs.create", "Record a job without queueing it; `job.start` does that. Use `jobs.submit`.", oldExampleSubmit(), "hello"),
			func(ctx context.Context, p oldSubmit) (string, error) { return idOf(a.submit(ctx, p.Job, true)) }),
		jsonrpc.Define(oldWrite("job.start", "Queue a job that was created. A queue that is drained refuses it.", oldExampleID(), jsonrpc.Null{}),
			func(ctx context.Context, p oldID) (jsonrpc.Null, error) {
				return jsonrpc.Null{}, withID(p.JobID, func(id job.ID) error { return a.release(ctx, id) })
			}),
		jsonrpc.Define(oldWrite("create_job", "Submit a job. Use `jobs.submit`.", oldExampleSubmit(), "hello"),
			func(ctx context.Context, p oldSubmit) (string, error) { return idOf(a.submit(ctx, p.Job, false)) }),
		jsonrpc.Define(oldWrite("queue_job_to_runner", "Submit a job for a runner. Use `jobs.submit`.", oldQueueJob{Runner: "r1", Job: oldExampleSubmit().Job}, "hello"),
			func(ctx context.Context, p oldQueueJob) (string, error) {
				text, err := addressed(p.Job, p.Runner)
				if err != nil {
					return "", err
				}
				return idOf(a.submit(ctx, text, false))
			}),
		jsonrpc.Define(waiting(oldWrite("job.run", "Submit a job and wait for its outcome. Use `jobs.submit` and `job.wait`.", oldExampleSubmit(), oldResult{Success: new("hello\n")})),
			func(ctx context.Context, p oldSubmit) (oldResult, error) {
				receipt, err := a.submit(ctx, p.Job, false)
				if err != nil {
					return oldResult{}, err
				}
				return a.oldOutcome(ctx, receipt.ID)
			}),
		jsonrpc.Define(oldWrite("delete_job", "Take a job that has its outcome out of all lists. Use `job.delete`.", oldID{JobID: "done"}, jsonrpc.Null{}),
			func(ctx context.Context, p oldID) (jsonrpc.Null, error) {
				return a.delete(ctx, namedParams{JobID: p.JobID})
			}),
	}
}

// oldJobs are the calls that ask about jobs.
func (a *API) oldJobs() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(old("job.status", "Tell where a job stands. Use `job.get`.", oldOpenID{JobID: "done"}, oldStatusOf(exampleDone())),
			func(ctx context.Context, p oldOpenID) (oldStatus, error) {
				view, err := a.job(ctx, p.JobID)
				return oldStatusOf(view), err
			}),
		jsonrpc.Define(waiting(old("job.result", "Wait for a job's outcome. Use `job.wait`.", oldOpenID{JobID: "done"}, oldResult{Success: new("hello\n")})),
			func(ctx context.Context, p oldOpenID) (oldResult, error) { return a.oldOutcome(ctx, p.JobID) }),
		jsonrpc.Define(waiting(old("get_job_result", "Wait for a job's outcome. Use `job.wait`.", oldOpenID{JobID: "done"}, oldResult{Success: new("hello\n")})),
			func(ctx context.Context, p oldOpenID) (oldResult, error) { return a.oldOutcome(ctx, p.JobID) }),
		jsonrpc.Define(withSecret(old("get_job", "Tell everything about a job. Use `job.get`.", oldExampleID(), oldJobOf(exampleJob()))),
			func(ctx context.Context, p oldID) (oldJob, error) {
				view, err := a.job(ctx, p.JobID)
				return oldJobOf(view), err
			}),
		jsonrpc.Define(withSecret(old("get_job_logs", "Read what a job wrote. Use `job.logs`.", oldID{JobID: "done"}, []oldLine{{exampleTime(), "info", "hello"}})),
			func(ctx context.Context, p oldID) ([]oldLine, error) {
				logs, err := a.logs(ctx, logParams{LogQuery: wire.LogQuery{ID: p.JobID, Limit: new(maxOldLines)}})
				return mapped(logs.Lines, oldLineOf), err
			}),
		jsonrpc.Define(withSecret(old("jobs.list", "List the newest jobs, at most 1,000. Use `jobs.query`.", oldSecret{}, []oldJob{oldJobOf(exampleJob())})), a.oldList),
		jsonrpc.Define(withSecret(old("list_jobs", "List the newest jobs, at most 1,000. Use `jobs.query`.", oldSecret{}, []oldJob{oldJobOf(exampleJob())})), a.oldList),
	}
}

// oldRunners are the calls about runners, and about the supervisor.
func (a *API) oldRunners() []jsonrpc.Method {
	return []jsonrpc.Method{
		jsonrpc.Define(oldWrite("register_runner", "Say that a runner is to come. Use `runners.register`.", oldExampleRegister(), jsonrpc.Null{}), a.oldRegister),
		jsonrpc.Define(old("list_runners", "List runner ids. Use `runners.list`.", struct{}{}, []string{"r1"}),
			func(ctx context.Context, _ struct{}) ([]string, error) { return a.runnerIDs(ctx) }),
		jsonrpc.Define(old("get_runner_status", "Tell how a runner is. Use `runner.status`.", oldOpenName{Name: "r1"}, oldRunner{"r1", "running"}), a.oldRunnerStatus),
		jsonrpc.Define(old("get_all_runner_status", "Tell how all runners are. Use `runners.list`.", struct{}{}, []oldRunner{{"r1", "running"}}), a.oldRunnerStates),
		jsonrpc.Define(old("get_all_status", "Tell how all runners are. Use `runners.list`.", struct{}{}, []oldRunner{{"r1", "running"}}), a.oldRunnerStates),
		jsonrpc.Define(old("get_runner_logs", "Read the last lines that a runner's jobs wrote. Use `job.logs`.", oldRunnerLogs{oldOpenName: oldOpenName{Name: "r1"}}, []oldLine{{exampleTime(), "info", "hello"}}), a.oldRunnerLogs),
		jsonrpc.Define(oldWrite("remove_runner", "Take a runner out of the lists. Use `runner.remove`.", oldName{oldOpenName: oldOpenName{Name: "r1"}}, jsonrpc.Null{}),
			func(ctx context.Context, p oldName) (jsonrpc.Null, error) {
				_, err := a.removeRunner(ctx, runnerParams{RunnerID: wire.RunnerID{ID: p.Name}})
				return jsonrpc.Null{}, err
			}),
		jsonrpc.Define(withAdminSecret(old("get_supervisor_info", "Tell what this supervisor is. Use `system.info`.", oldAdmin{}, oldExampleInfo())), a.oldInfo),
	}
}

// oldProcesses are the calls to the original's process manager.
func (a *API) oldProcesses() []jsonrpc.Method {
	return []jsonrpc.Method{
		managed[oldActor, jsonrpc.Null]("add_runner", "Have a runner's process managed."),
		managed[oldName, jsonrpc.Null]("start_runner", "Start a runner's process."),
		managed[oldName, jsonrpc.Null]("stop_runner", "Stop a runner's process."),
		managed[oldSecret, []oldMoved]("start_all", "Start the processes of all runners."),
		managed[oldSecret, []oldMoved]("stop_all", "Stop the processes of all runners."),
	}
}

// old is a row for a call that reads.
func old(name, summary string, params, result any) jsonrpc.Info {
	return jsonrpc.Info{
		Name: name, Summary: summary, Deprecated: true,
		Examples: []jsonrpc.Example{{Name: "a call", Params: params, Result: result}},
	}
}

// withSecret is a row for a call whose secret comes first.
func withSecret(info jsonrpc.Info) jsonrpc.Info {
	info.Credential = "secret"
	return info
}

// oldWrite is a row for a call that changes something.
func oldWrite(name, summary string, params, result any) jsonrpc.Info {
	info := withSecret(old(name, summary, params, result))
	info.Mutates = true
	return info
}

// waiting is a row for a call that waits for a job.
func waiting(info jsonrpc.Info) jsonrpc.Info {
	info.Waits = true
	return info
}

// withAdminSecret is a row for a call whose secret has that name.
func withAdminSecret(info jsonrpc.Info) jsonrpc.Info {
	info.Credential = "admin_secret"
	return info
}
