package rpcapi

import (
	"context"
	"fmt"

	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/openrpc"
)

// API answers calls. It is safe for concurrent use.
type API struct {
	cfg      Config
	gate     *verifyGate
	methods  []jsonrpc.Method
	server   *jsonrpc.Server
	document []byte // OpenRPC
}

// New makes an API.
func New(cfg Config) (*API, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, gate: newVerifyGate(cfg.Verifier)}
	a.methods = append(a.canonical(), a.compat()...)
	rights := rights()
	for _, m := range a.methods {
		if rights[m.Name] == 0 {
			return nil, fmt.Errorf("method %s: nobody may call it", m.Name)
		}
	}
	gatekeeper := &gatekeeper{keys: cfg.Keys, rights: rights, anonymous: cfg.Anonymous, failures: newLimiter(), clock: cfg.Clock}
	var err error
	a.document, err = openrpc.Document(openrpc.Info{Title: "Horus", Version: cfg.Version, Description: description}, a.methods)
	if err != nil {
		return nil, err
	}
	a.server, err = jsonrpc.New(a.methods, jsonrpc.Options{
		Limits: cfg.Limits, Before: gatekeeper.admit, Observe: cfg.Metrics.observer(a.methods), Relay: cfg.Relay, Log: cfg.Log,
	})
	return a, err
}

// Server returns the JSON-RPC server, for transports other than HTTP.
func (a *API) Server() *jsonrpc.Server { return a.server }

// Methods returns the method table. The slice is the API's own.
func (a *API) Methods() []jsonrpc.Method { return a.methods }

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
		jsonrpc.Define(queryInfo(), a.query),
		jsonrpc.Define(getInfo(), a.get),
		jsonrpc.Define(waitInfo(), a.wait),
		jsonrpc.Define(logsInfo(), a.logs),
		jsonrpc.Define(historyInfo(), a.history),
		jsonrpc.Define(runnersInfo(), a.runners),
		jsonrpc.Define(runnerInfo(), a.runner),
		jsonrpc.Define(addKeyInfo(), a.addKey),
		jsonrpc.Define(keysInfo(), a.keys),
		jsonrpc.Define(rotateKeyInfo(), a.rotateKey),
		jsonrpc.Define(revokeKeyInfo(), a.revokeKey),
		jsonrpc.Define(systemInfo(), a.system),
		jsonrpc.Define(headInfo(), a.head),
		jsonrpc.Define(eventsInfo(), a.events),
	}
	return append(methods, jsonrpc.Define(jsonrpc.Info{
		Name: "rpc.discover", Summary: "Describe this API as an OpenRPC document.", Result: "document",
	}, a.discover))
}
