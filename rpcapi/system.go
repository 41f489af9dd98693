package rpcapi

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

func systemInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "system.info", Result: "info",
		Summary: "Tell how the supervisor is and what it takes.",
		Examples: []jsonrpc.Example{{
			Name:   "a supervisor that leads",
			Params: none{},
			Result: wire.Info{
				Version: "dev", Namespace: "horus", Partitions: 1, Name: "s1", Role: wire.Leads, Position: 3,
				Leader:     &wire.Leader{Name: "s1", Address: "http://127.0.0.1:3030", Term: 1767366245},
				Founding:   exampleFounding,
				Durability: "everysec", Unsigned: string(Countersign), Jobs: map[string]uint64{"queued": 1},
				Limits: Limits{}.WithDefaults().Told(),
			},
		}},
	}
}

func (a *API) system(ctx context.Context, _ none) (wire.Info, error) {
	info, err := a.cfg.Backend.System.Info(ctx)
	if err != nil {
		return info, err
	}
	keys, err := a.cfg.Backend.System.Access(ctx)
	if err != nil {
		return info, err
	}
	info.Namespace, info.Partitions = keys.Founding.Namespace, keys.Founding.Partitions
	info.Version, info.Durability = a.cfg.Version, string(a.cfg.Durability())
	info.Unsigned, info.AnonymousReads = string(a.cfg.Unsigned), a.cfg.Anonymous
	info.Limits = a.cfg.Limits.Told()
	if callerFrom(ctx).Scope == Admin {
		info.Settings = a.cfg.Settings
	}
	return info, nil
}

// discover returns the description of the API.
func (a *API) discover(context.Context, struct{}) (jsontext.Value, error) { return a.document, nil }
