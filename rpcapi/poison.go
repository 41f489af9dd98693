package rpcapi

import (
	"context"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type poisonParams struct {
	wire.PoisonQuery
	secret
}

type poisonTarget struct {
	wire.PoisonTarget
	secret
}

// check refuses what names nothing: a list that came out empty must not mean all.
func (p *poisonTarget) check() error {
	if p.All == (len(p.IDs) > 0) {
		return domain.Errorf(domain.Invalid, "target", "name messages with ids, or say all: true")
	}
	return nil
}

func poisonInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "poison.list", Result: "page",
		Summary:     "List messages that no handler of the supervisor could cope with, the oldest first.",
		Description: "Those behind them went on. To see more, call again with `after` set to the last id.",
		Examples: []jsonrpc.Example{{
			Name: "all is well", Params: poisonParams{}, Result: wire.PoisonMessages{Messages: []wire.PoisonMessage{}},
		}},
	}
}

func (a *API) poisoned(ctx context.Context, p poisonParams) (wire.PoisonMessages, error) {
	list, err := a.cfg.Backend.Poison.List(ctx, p.After, limitOf(p.Limit))
	return wire.PoisonMessages{Messages: list}, err
}

func replayPoisonInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "poison.replay", Mutates: true, Result: "moved",
		Summary:     "Hand messages to their handlers once more.",
		Description: "A message whose handler fails again comes back.",
		Errors:      []domain.Code{domain.Conflict, domain.TryAgain},
		Examples:    []jsonrpc.Example{{Name: "all is well", Params: poisonTarget{PoisonTarget: wire.PoisonTarget{All: true}}, Result: wire.PoisonMoved{}}},
	}
}

func (a *API) replayPoison(ctx context.Context, p poisonTarget) (wire.PoisonMoved, error) {
	if err := p.check(); err != nil {
		return wire.PoisonMoved{}, err
	}
	return a.cfg.Backend.Poison.Replay(ctx, p.IDs...)
}

func dropPoisonInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "poison.drop", Mutates: true, Result: "moved",
		Summary:  "Remove messages that no handler could cope with, for good.",
		Errors:   []domain.Code{domain.TryAgain},
		Examples: []jsonrpc.Example{{Name: "all is well", Params: poisonTarget{PoisonTarget: wire.PoisonTarget{All: true}}, Result: wire.PoisonMoved{}}},
	}
}

func (a *API) dropPoison(ctx context.Context, p poisonTarget) (wire.PoisonMoved, error) {
	if err := p.check(); err != nil {
		return wire.PoisonMoved{}, err
	}
	return a.cfg.Backend.Poison.Drop(ctx, p.IDs...)
}
