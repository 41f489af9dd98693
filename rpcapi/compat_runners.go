package rpcapi

import (
	"cmp"
	"context"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// What runners, and the supervisor, look like in the calls of old clients.

// oldOpenName is of those calls that the original asked no secret for.
type oldOpenName struct {
	Name string `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Id of the runner."`
}

type oldName struct {
	oldSecret
	oldOpenName
}

type oldRunnerLogs struct {
	oldOpenName
	Lines *int `json:"lines,omitempty" validate:"omitnil,min=1,max=1000" jsonschema:"default=100" doc:"Most lines in the answer; 100 if absent."`
	secret
}

type oldRegister struct {
	oldName
	Queue string `json:"queue" validate:"required,max=128,pattern" pattern:"^[A-Za-z0-9][A-Za-z0-9._:/-]*$" doc:"What its queue is called; kept as a label."`
}

func (a *API) oldRegister(ctx context.Context, p oldRegister) (jsonrpc.Null, error) {
	_, err := a.register(ctx, registerParams{RunnerLabel: wire.RunnerLabel{ID: p.Name, Label: p.Queue}})
	return jsonrpc.Null{}, err
}

type oldRunner struct {
	Name   string `json:"name"`
	Status string `json:"status" doc:"running, stopped, or unknown for a name that nobody knows."`
}

func oldRunnerOf(r wire.Runner) oldRunner { return oldRunner{r.ID, r.State} }

func (a *API) oldRunnerStatus(ctx context.Context, p oldOpenName) (oldRunner, error) {
	view, err := a.runner(ctx, runnerParams{RunnerID: wire.RunnerID{ID: p.Name}})
	if domain.CodeOf(err) == domain.NotFound {
		return oldRunner{p.Name, "unknown"}, nil
	}
	return oldRunnerOf(view), err
}

func (a *API) oldRunnerStates(ctx context.Context, _ struct{}) ([]oldRunner, error) {
	list, err := a.cfg.Backend.Runners.List(ctx)
	return mapped(list, oldRunnerOf), err
}

// maxLoggedJobs bounds how many jobs are looked through for lines.
const maxLoggedJobs = 100

// oldRunnerLogs returns the last lines of the newest jobs that were for a
// runner, the oldest line first.
func (a *API) oldRunnerLogs(ctx context.Context, p oldRunnerLogs) ([]oldLine, error) {
	want, jobs := limitOf(p.Lines), maxLoggedJobs
	page, err := a.cfg.Backend.Jobs.List(ctx, wire.JobQuery{Runner: p.Name, Limit: &jobs})
	if err != nil {
		return nil, err
	}
	lines := []oldLine{}
	for _, summary := range page.Jobs {
		id, err := job.ParseID(summary.ID)
		if err != nil {
			return nil, err
		}
		wrote, err := a.cfg.Backend.Jobs.Lines(ctx, id, 0, maxOldLines)
		if domain.CodeOf(err) == domain.NotFound {
			continue // deleted since the list, which may lag
		}
		if err != nil {
			return nil, err
		}
		wrote = wrote[max(0, len(wrote)-(want-len(lines))):]
		lines = append(mapped(wrote, oldLineOf), lines...)
		if len(lines) == want {
			break
		}
	}
	slices.SortStableFunc(lines, func(a, b oldLine) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return lines, nil
}

// oldAdmin is the secret of calls that have it under that name.
type oldAdmin struct {
	AdminSecret string `json:"admin_secret" validate:"max=1024" doc:"API key of scope admin; not needed with the header Authorization: Bearer."`
}

func (s *oldAdmin) takeSecret() (taken string) {
	taken, s.AdminSecret = s.AdminSecret, ""
	return taken
}

type oldInfo struct {
	Version   string      `json:"version"`
	Namespace domain.Name `json:"namespace"`
	ServerURL string      `json:"server_url" doc:"Where the supervisor that leads is reached."`
	Runners   int         `json:"runners_count"`
}

func (a *API) oldInfo(ctx context.Context, _ oldAdmin) (oldInfo, error) {
	info, err := a.system(ctx, none{})
	if err != nil {
		return oldInfo{}, err
	}
	old := oldInfo{Version: info.Version, Namespace: info.Namespace, Runners: info.Runners}
	if info.Leader != nil {
		old.ServerURL = info.Leader.Address
	}
	return old, nil
}

func oldExampleInfo() oldInfo {
	return oldInfo{Version: "dev", Namespace: "horus", ServerURL: "http://127.0.0.1:3030", Runners: 1}
}

type oldActor struct {
	oldSecret
	Config wire.Actor `json:"config" validate:"required" doc:"One [[actors]] table of the original's configuration."`
}

// oldMoved is a runner's name, and whether its process was started or stopped.
type oldMoved [2]any

// managed is a row for a call that needs a process manager. Its parameters are
// checked, and then it is refused.
func managed[P, R any](name, summary string) jsonrpc.Method {
	info := oldWrite(name, summary, nil, nil)
	info.Description = "There is no process manager yet: when the parameters are good, the answer is -32004 `process_manager_off`."
	info.Errors, info.Examples = []domain.Code{domain.Conflict}, nil
	return jsonrpc.Define(info, func(context.Context, P) (none R, _ error) {
		return none, domain.Errorf(domain.Conflict, "process_manager_off",
			"this supervisor does not manage processes: start the runner yourself, as in runner_sh r1 --redis-url URL --namespace NAME")
	})
}

func oldExampleRegister() oldRegister {
	return oldRegister{oldName: oldName{oldOpenName: oldOpenName{Name: "r1"}}, Queue: "work:r1"}
}
