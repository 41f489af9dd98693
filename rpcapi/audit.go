package rpcapi

import (
	"context"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

func headInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "audit.head", Result: "head",
		Summary: "Tell where the history ends.",
		Description: "Whoever remembers the seal finds later whether the history was cut or rewritten before it. " +
			"Nothing here is proved: read the events with `events.read` and check them.",
		Examples: []jsonrpc.Example{{
			Name:   "a history that was just founded",
			Params: none{},
			Result: wire.Head{
				Namespace: "horus", Founding: "0f176172db2bf1360193b32f0406e1f6e102a2fcc08617063362c7f32d72078f", Seq: 2,
				Seal: "1.1767366245.1.2.0.nBuv_zu0Eh1Z7Xl-9mwhZ-wQe6bv9cIU6HS1pFPjdHo." +
					"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.34750f98bd59fcfc946da45aaabe933b._FqBAGdPd1JL4GY72ulMaMtQjEm1LNBA09p_lIkNWBDHHPofhR6X9HbxQpEHhxpnLgzyegCnVhVI-DB2rZuaDg",
				SealHash: "f8059d630cfc34d0f92f2cc70d85ee6be17a1c45b4a66c7f736f75d532b0d23b", Term: 1767366245, Time: exampleTime(),
			},
		}},
	}
}

func (a *API) head(ctx context.Context, _ none) (wire.Head, error) {
	keys, err := a.cfg.Backend.System.Access(ctx)
	if err != nil {
		return wire.Head{}, err
	}
	head := wire.Head{Namespace: keys.Founding.Namespace}
	tip, err := a.told(ctx)
	if err != nil || tip.Seq == 0 {
		return head, err
	}
	seal, err := signing.ParseSeal(string(head.Namespace), head.Partition, []byte(tip.Seal))
	if err != nil {
		return head, damaged(tip.Seq)
	}
	head.Seq, head.Seal, head.SealHash, head.Term = tip.Seq, tip.Seal, seal.Hash().String(), seal.Term
	first, err := a.entry(ctx, 1)
	if err != nil {
		return head, err
	}
	last, err := a.entry(ctx, tip.Seq)
	if err != nil {
		return head, err
	}
	recorded, err := event.Parse(last)
	if err != nil {
		return head, damaged(tip.Seq)
	}
	head.Founding, head.Time = signing.LeafHash(first).String(), recorded.At
	return head, nil
}

// told returns the end of what is told: the log's, as far as it is durable.
func (a *API) told(ctx context.Context) (eventstore.Tip, error) {
	bound, err := a.cfg.Backend.System.Durable(ctx)
	if err != nil {
		return eventstore.Tip{}, err
	}
	tip, err := a.cfg.Backend.Log.Tip(ctx)
	if err != nil || tip.Seq <= bound {
		return tip, err
	}
	raws, err := a.cfg.Backend.Log.Read(ctx, bound-min(bound, 1), 1)
	if err != nil || len(raws) == 0 || raws[0].Seq != bound { // nothing is durable yet
		return eventstore.Tip{}, err
	}
	return eventstore.Tip{Seq: bound, Seal: string(raws[0].Seal)}, nil
}

// entry reads one event.
func (a *API) entry(ctx context.Context, seq uint64) ([]byte, error) {
	raws, err := a.cfg.Backend.Log.Read(ctx, seq-1, 1)
	if err != nil {
		return nil, fmt.Errorf("read event %d: %w", seq, err)
	}
	if len(raws) == 0 || raws[0].Seq != seq {
		return nil, damaged(seq)
	}
	return raws[0].Event, nil
}

func damaged(seq uint64) error {
	return domain.Errorf(domain.Halted, "log_damaged", "the log is damaged around seq %d: run horus audit verify", seq)
}
