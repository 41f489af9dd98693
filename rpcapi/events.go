package rpcapi

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
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

func eventsInfo() jsonrpc.Info {
	one := 1
	return jsonrpc.Info{
		Name: "events.read", Result: "page",
		Summary: "Read the history, event by event.",
		Description: "The events come as they are stored, with the seals, so that the caller can check everything by himself: hashes, the chain of seals, every signature. " +
			"To follow, call again with `after` set to the `next` of the last answer and a `wait`; an answer without events is no error. " +
			"Only what is durable is told. A stand-by answers too, but where durability is asked of replicas only the leader knows how far that is (-32011 at a stand-by).\n\n" +
			"With `types`, `aggregate` or `runner` only some events come, each with the seal of its commit and the path to it: that it happened, and at that place, is proved by them. " +
			"That nothing was left out between two of them is not: for that read everything. " +
			"A call looks at some thousand events, so it may answer with none and a `next` that is further on.\n\n" +
			"Payloads and results of all jobs are in it.",
		Errors: []domain.Code{domain.Overloaded, domain.TryAgain, domain.Halted},
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
			}}, Next: 1, End: 2, Durable: 2},
		}},
	}
}

const (
	maxEventBytes = 4 << 20 // of events in an answer, as they are written there: one more still fits 8 MiB
	eventsAtOnce  = 32      // read in one round trip: each may have a megabyte
	maxScanned    = 4096    // events that one call looks at for those that are asked for
)

func (a *API) events(ctx context.Context, p eventParams) (wire.EventPage, error) {
	var patience context.Context // of whoever waits
	for {
		news := a.lookout.news() // before the look, so that nothing is missed
		page, err := a.page(ctx, &p.EventQuery)
		if answered := len(page.Events) > 0 || page.Next > p.After || page.End < p.After; err != nil || answered || p.Wait == nil {
			return page, err
		}
		if patience == nil {
			leave, err := a.seat(ctx)
			if err != nil {
				return page, err
			}
			defer leave()
			var cancel context.CancelFunc
			patience, cancel = context.WithTimeout(ctx, time.Duration(*p.Wait)*time.Second)
			defer cancel()
		}
		if !a.lookout.wait(patience, news) {
			return page, ctx.Err()
		}
	}
}

// page reads events that are durable. What cannot be read is an error only when
// nothing stands before it.
func (a *API) page(ctx context.Context, q *wire.EventQuery) (wire.EventPage, error) {
	page := wire.EventPage{Events: []wire.LogEvent{}, Next: q.After}
	bound, err := a.cfg.Backend.System.Durable(ctx)
	if err != nil {
		return page, err
	}
	if isFiltered(q) {
		s := scan{api: a, query: q, page: &page, bound: bound, left: limitOf(q.Limit)}
		err = s.run(ctx)
	} else {
		err = a.fill(ctx, &page, limitOf(q.Limit), bound)
	}
	if err != nil {
		return page, fmt.Errorf("read the history: %w", err)
	}
	end, err := a.end(ctx)
	if err != nil {
		return page, err
	}
	page.End = max(end, page.Next)
	if end > 0 && end < page.Next {
		page.End = end // the log is shorter than its reader knows it
	}
	page.Durable = min(page.End, bound)
	return page, nil
}

// fill reads all events up to a bound.
func (a *API) fill(ctx context.Context, page *wire.EventPage, limit int, bound uint64) error {
	for size := 0; len(page.Events) < limit && size < maxEventBytes; {
		ask := min(limit-len(page.Events), eventsAtOnce)
		raws, err := a.cfg.Backend.Log.Read(ctx, page.Next, ask)
		for _, raw := range raws {
			if size >= maxEventBytes || raw.Seq > bound {
				return nil
			}
			size += sizeOf(raw.Event)
			page.Events, page.Next = append(page.Events, logEvent(raw)), raw.Seq
		}
		if err != nil && len(page.Events) == 0 {
			return err
		}
		if err != nil || len(raws) < ask {
			return nil //nolint:nilerr // what stands before it is an answer, and the next call says why there is no more
		}
	}
	return nil
}

// sizeOf is how much room an event takes in an answer.
func sizeOf(data []byte) int {
	const frame = 512 + 8*70 // seq, hash, seal and path
	return len(data) + bytes.Count(data, []byte(`"`)) + bytes.Count(data, []byte(`\`)) + frame
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

func isFiltered(q *wire.EventQuery) bool {
	return len(q.Types) > 0 || q.Aggregate != "" || q.Runner != ""
}

// wanted reports whether an event is one that was asked for.
func wanted(q *wire.EventQuery, e *history.Entry) bool {
	isType := func(pattern string) bool { return matches(pattern, e.Type) }
	switch {
	case len(q.Types) > 0 && !slices.ContainsFunc(q.Types, isType):
		return false
	case q.Aggregate != "" && !matches(q.Aggregate, e.Aggregate.String()):
		return false
	case q.Runner != "" && !ofRunner(q.Runner, e):
		return false
	}
	return true
}

// matches compares a name with a pattern, in which an asterisk at the end stands
// for anything.
func matches(pattern, name string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// ofRunner reports whether an event happened to a runner, or because it said so.
func ofRunner(id string, e *history.Entry) bool {
	switch e.Aggregate.Kind {
	case event.Runner:
		return e.Aggregate.ID == id
	case event.Report:
		return strings.HasPrefix(e.Aggregate.ID, id+"/")
	}
	return e.Actor == event.ByRunner(id)
}
