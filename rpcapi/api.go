package rpcapi

import (
	"context"
	"fmt"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/line"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/openrpc"
)

// API answers calls. It is safe for concurrent use.
type API struct {
	cfg      Config
	gate     *verifyGate
	submits  *crowd // on their way into the history
	waits    *crowd
	lookout  *lookout // for events
	entrance *gatekeeper
	methods  []jsonrpc.Method
	server   *jsonrpc.Server
	document []byte // OpenRPC
}

// New makes an API.
func New(cfg Config) (*API, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.Backend.Jobs = fence{cfg.Backend.Jobs}
	a := &API{
		cfg:     cfg,
		submits: newCrowd(cfg.Limits.Submits, cfg.Limits.Submits), waits: newCrowd(cfg.Limits.Waits, cfg.Limits.WaitsPerKey),
	}
	a.gate = newVerifyGate(cfg.Verifier, a.submits.size)
	a.lookout = newLookout(a.horizon, cfg.Stopping)
	a.methods = append(a.canonical(), a.compat()...)
	rights := rights()
	for i := range a.methods {
		m := &a.methods[i]
		if rights[m.Name] == 0 {
			return nil, fmt.Errorf("method %s: nobody may call it", m.Name)
		}
		if m.Mutates {
			m.Errors = leaders(m.Errors)
		}
	}
	a.entrance = &gatekeeper{keys: newKeyring(&cfg), rights: rights, anonymous: cfg.Anonymous, failures: newLimiter(), paces: newRates(cfg.Limits.CallsPerSecond), clock: cfg.Clock}
	var err error
	a.document, err = openrpc.Document(openrpc.Info{Title: "Horus", Version: cfg.Version, Description: description}, a.methods)
	if err != nil {
		return nil, err
	}
	a.server, err = jsonrpc.New(a.methods, jsonrpc.Options{
		Limits: cfg.Limits.Limits, Before: a.entrance.admit, Observe: cfg.Metrics.observer(a.methods), Relay: cfg.Relay, Log: cfg.Log,
	})
	return a, err
}

// Server returns the JSON-RPC server, for transports other than HTTP.
func (a *API) Server() *jsonrpc.Server { return a.server }

// Methods returns the method table. The slice is the API's own.
func (a *API) Methods() []jsonrpc.Method { return a.methods }

// Document returns the OpenRPC document of the API. The bytes are the API's own.
func (a *API) Document() []byte { return a.document }

// leaders adds what a leader can say to every call that changes something.
func leaders(codes []domain.Code) []domain.Code {
	all := slices.Clone(codes)
	for _, code := range []domain.Code{domain.NotDurable, domain.Overloaded, domain.TryAgain, domain.Halted, domain.Indeterminate} {
		if !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	return all
}

const description = "Signed jobs, run at least once, with exactly one recorded outcome and a history that anybody can check. " +
	"Send an API key as `Authorization: Bearer <secret>`; where that cannot be done, as the parameter `secret`. " +
	"`error.data` holds a stable word for programs (`reason`) and whether to send the same call again (`retry`: no, later or same-id)."

// none is for methods without parameters.
type none struct{ secret }

// canonical is the method table but for the names of old clients.
func (a *API) canonical() []jsonrpc.Method {
	methods := []jsonrpc.Method{
		jsonrpc.Define(submitInfo(), func(ctx context.Context, p submitParams) (receipt, error) {
			return a.submit(ctx, p.Job, false)
		}),
		jsonrpc.Define(submitManyInfo(), a.submitMany),
		jsonrpc.Define(queryInfo(), a.query),
		jsonrpc.Define(getInfo(), a.get),
		jsonrpc.Define(explainInfo(), a.explain),
		jsonrpc.Define(waitInfo(), a.wait),
		jsonrpc.Define(logsInfo(), a.logs),
		jsonrpc.Define(historyInfo(), a.history),
		jsonrpc.Define(stopInfo(), a.stop),
		jsonrpc.Define(deleteInfo(), a.delete),
		jsonrpc.Define(deadInfo(), a.dead),
		jsonrpc.Define(deadJobInfo(), a.deadJob),
		jsonrpc.Define(replayInfo(), a.replay),
		jsonrpc.Define(dropInfo(), a.drop),
		jsonrpc.Define(queuesInfo(), a.queues),
		jsonrpc.Define(pauseQueueInfo(), a.onQueue(line.Pause{})),
		jsonrpc.Define(drainQueueInfo(), a.onQueue(line.Drain{})),
		jsonrpc.Define(resumeQueueInfo(), a.onQueue(line.Resume{})),
		jsonrpc.Define(pauseRunnerInfo(), a.onRunner(runner.Pause{})),
		jsonrpc.Define(drainRunnerInfo(), a.onRunner(runner.Drain{})),
		jsonrpc.Define(resumeRunnerInfo(), a.onRunner(runner.Resume{})),
		jsonrpc.Define(removeRunnerInfo(), a.removeRunner),
		jsonrpc.Define(registerInfo(), a.register),
		jsonrpc.Define(runnersInfo(), a.runners),
		jsonrpc.Define(runnerInfo(), a.runner),
		jsonrpc.Define(poisonInfo(), a.poisoned),
		jsonrpc.Define(replayPoisonInfo(), a.replayPoison),
		jsonrpc.Define(dropPoisonInfo(), a.dropPoison),
		jsonrpc.Define(addKeyInfo(), a.addKey),
		jsonrpc.Define(keysInfo(), a.keys),
		jsonrpc.Define(rotateKeyInfo(), a.rotateKey),
		jsonrpc.Define(revokeKeyInfo(), a.revokeKey),
		jsonrpc.Define(addSecretInfo(), a.addSecret),
		jsonrpc.Define(secretsInfo(), a.secrets),
		jsonrpc.Define(removeSecretInfo(), a.removeSecret),
		jsonrpc.Define(systemInfo(), a.system),
		jsonrpc.Define(headInfo(), a.head),
		jsonrpc.Define(eventsInfo(), a.events),
	}
	return append(methods, jsonrpc.Define(jsonrpc.Info{
		Name: "rpc.discover", Summary: "Describe this API as an OpenRPC document.", Result: "document",
	}, a.discover))
}
