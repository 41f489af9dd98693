package rpcapi

import (
	"bytes"
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type eventParams struct {
	wire.EventQuery
	secret
}

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
	tip, err := a.cfg.Backend.Log.Tip(ctx)
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

func eventsInfo() jsonrpc.Info {
	one := 1
	return jsonrpc.Info{
		Name: "events.read", Result: "page",
		Summary: "Read the history, event by event.",
		Description: "The events come as they are stored, with the seals, so that the caller can check everything by himself: hashes, the chain of seals, every signature. " +
			"To follow, call again with `after` set to the `next` of the last answer and a `wait`; an answer without events is no error. " +
			"Payloads and results of all jobs are in it.",
		Examples: []jsonrpc.Example{{
			Name:   "the first event",
			Params: eventParams{EventQuery: wire.EventQuery{Limit: &one}},
			Result: wire.EventPage{Events: []wire.LogEvent{{
				Seq: 1,
				Event: `{"v":1,"ns":"horus","p":0,"agg":"access","n":1,"type":"access.founded","at":"2026-01-02T15:04:05.000006Z","actor":"system:founding",` +
					`"data":{"namespace":"horus","partitions":1,"hash":"rfc6962-sha256","supervisor":"s1",` +
					`"key":"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",` +
					`"operator":"8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"}}`,
				Hash: "0f176172db2bf1360193b32f0406e1f6e102a2fcc08617063362c7f32d72078f",
			}}, Next: 1, End: 2},
		}},
	}
}

const (
	maxEventBytes = 4 << 20                // of events in an answer, as they are written there: one more still fits 8 MiB
	eventsAtOnce  = 32                     // read in one round trip: each may have a megabyte
	lookForEvents = 200 * time.Millisecond // while somebody waits for one
)

func (a *API) events(ctx context.Context, p eventParams) (wire.EventPage, error) {
	var late <-chan time.Time
	if p.Wait != nil {
		late = time.After(time.Duration(*p.Wait) * time.Second)
	}
	for {
		page, err := a.page(ctx, p.After, limitOf(p.Limit))
		if err != nil || len(page.Events) > 0 || p.Wait == nil {
			return page, err
		}
		select {
		case <-time.After(lookForEvents):
		case <-late:
			return page, nil
		case <-a.cfg.Stopping:
			return page, nil
		case <-ctx.Done():
			return page, ctx.Err()
		}
	}
}

// page reads events. What cannot be read is an error only when nothing stands
// before it.
func (a *API) page(ctx context.Context, after uint64, limit int) (wire.EventPage, error) {
	page := wire.EventPage{Events: []wire.LogEvent{}, Next: after}
	for size := 0; len(page.Events) < limit && size < maxEventBytes; {
		ask := min(limit-len(page.Events), eventsAtOnce)
		raws, err := a.cfg.Backend.Log.Read(ctx, page.Next, ask)
		for _, raw := range raws {
			if size >= maxEventBytes {
				break
			}
			const frame = 512 // seq, hash and seal
			size += len(raw.Event) + bytes.Count(raw.Event, []byte(`"`)) + bytes.Count(raw.Event, []byte(`\`)) + frame
			page.Events, page.Next = append(page.Events, logEvent(raw)), raw.Seq
		}
		if err != nil && len(page.Events) == 0 {
			return page, fmt.Errorf("read the history: %w", err)
		}
		if err != nil || len(raws) < ask {
			break
		}
	}
	tip, err := a.cfg.Backend.Log.Tip(ctx)
	if _, strange := history.IsFault(err); err != nil && !strange {
		return page, fmt.Errorf("read the end of the history: %w", err)
	}
	page.End = max(tip.Seq, page.Next)
	return page, nil
}

func logEvent(raw history.Raw) wire.LogEvent {
	e := wire.LogEvent{Seq: raw.Seq, Hash: signing.LeafHash(raw.Event).String(), Seal: string(raw.Seal)}
	if utf8.Valid(raw.Event) {
		e.Event = string(raw.Event)
	} else {
		e.Raw = raw.Event
	}
	return e
}
