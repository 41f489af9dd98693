package rpcapi

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/strictjson"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

type submitManyParams struct {
	wire.SubmitMany
	secret
}

// ScanJSON implements [strictjson.Scanner].
func (p *submitManyParams) ScanJSON(c *strictjson.Cursor) {
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "jobs":
			p.Jobs = []wire.JobText{}
			for c.Array(); c.Element(); {
				p.Jobs = append(p.Jobs, bytes.Clone(c.Skip()))
			}
		case "bulk":
			p.Bulk = scanBulk(c)
		case "secret":
			p.Secret = c.Text()
		default:
			c.Lose()
		}
	}
}

func scanBulk(c *strictjson.Cursor) *wire.BulkEnvelope {
	var bulk wire.BulkEnvelope
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "payload":
			bulk.Payload = c.Text()
		case "payloadType":
			bulk.PayloadType = c.Text()
		case "signatures":
			bulk.Signatures = []wire.EnvelopeSignature{}
			for c.Array(); c.Element(); {
				bulk.Signatures = append(bulk.Signatures, scanSignature(c))
			}
		default:
			c.Lose()
		}
	}
	return &bulk
}

func scanSignature(c *strictjson.Cursor) (s wire.EnvelopeSignature) {
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "keyid":
			s.KeyID = c.Text()
		case "sig":
			s.Sig = c.Text()
		default:
			c.Lose()
		}
	}
	return s
}

func submitManyInfo() jsonrpc.Info {
	return jsonrpc.Info{
		Name: "jobs.submit_many", Mutates: true, Result: "verdicts",
		Summary: "Submit up to 1,000 jobs at once.",
		Description: "Each job gets the verdict that jobs.submit would give it, in the order of the jobs; one that is refused keeps none of the others out. " +
			"Up to 256 jobs of together 1 MiB are one commit and are recorded all at once or not at all; more take several commits, one after another. " +
			"When nothing could be recorded the whole call is an error; otherwise those that could not have errors of their own. " +
			"It is safe to send the same call again when all jobs name their ids.\n\n" +
			"With `bulk` one signature covers all of them: a DSSE envelope whose payload names the namespace, how many jobs there are and the root of the Merkle tree over them. " +
			"Each job then stands in the history with its place in that tree, and is the same job as one that was signed alone.",
		Errors: []domain.Code{domain.Invalid, domain.Unauthenticated},
		Examples: []jsonrpc.Example{{
			Name: "two jobs, of which one names no runner",
			Params: submitManyParams{SubmitMany: wire.SubmitMany{Jobs: []wire.JobText{
				wire.JobText(`{"id":"hello","payload":"echo hello","executor":"sh"}`), wire.JobText(`{"id":"lost","payload":"date"}`),
			}}},
			Result: wire.Verdicts{Verdicts: []wire.Verdict{
				{Receipt: &receipt{ID: "hello", State: job.Waiting, Durability: "everysec"}},
				{Error: &jsonrpc.Error{
					Code: jsonrpc.CodeInvalidParams, Message: "/jobs/1/executor breaks the rule required_without=Runner",
					Data: &jsonrpc.Data{Reason: "bounds", Retry: jsonrpc.RetryNo, Pointer: "/jobs/1/executor"},
				}},
			}},
		}},
	}
}

// candidate is one of many jobs on its way.
type candidate struct {
	submission

	from, to int // its signatures among the checks of all
	receipt  receipt
	err      error // why it is not taken in
}

func (a *API) submitMany(ctx context.Context, p submitManyParams) (wire.Verdicts, error) {
	done, err := a.enterSubmit(len(p.Jobs))
	if err != nil {
		return wire.Verdicts{}, err
	}
	defer done()
	candidates, err := a.candidates(ctx, p)
	if err != nil {
		return wire.Verdicts{}, err
	}
	for rest, first := candidates, true; len(rest) > 0; first = false {
		n := oneCommit(rest)
		err := a.take(ctx, rest[:n])
		if err != nil && first {
			return wire.Verdicts{}, later(err) // nothing is recorded, or the same again tells
		}
		rest = rest[n:]
	}
	return a.verdicts(candidates), nil
}

// candidates reads all jobs and checks their signatures together. An error
// concerns all of them.
func (a *API) candidates(ctx context.Context, p submitManyParams) ([]candidate, error) {
	list := make([]candidate, len(p.Jobs))
	var checks []signing.Check
	opened, errs, err := openMany(p.Jobs, p.Bulk)
	if err != nil {
		return nil, err
	}
	for i := range list {
		c := &list[i]
		if c.err = errs[i]; c.err != nil {
			continue
		}
		if c.err = maySubmit(ctx, opened[i].Spec.Queue()); c.err != nil {
			continue
		}
		by, more, err := a.claimed(ctx, opened[i])
		if err == nil {
			c.submission, err = a.submission(opened[i], by, false)
		}
		if domain.CodeOf(err) == domain.TryAgain {
			return nil, err // nobody leads here, for any of them
		}
		c.err, c.from = err, len(checks)
		checks = append(checks, more...)
		c.to = len(checks)
	}
	good := a.gate.verdicts(checks)
	for i := range list {
		c := &list[i]
		for _, ok := range good[c.from:c.to] {
			if c.err == nil && !ok {
				c.err = badSignature()
			}
		}
	}
	return list, nil
}

// openMany reads jobs, each with an error of its own or that of the bulk.
func openMany(texts []wire.JobText, bulk *wire.BulkEnvelope) (opened []*job.Opened, errs []error, err error) {
	opened, errs = make([]*job.Opened, len(texts)), make([]error, len(texts))
	if bulk == nil {
		for i, text := range texts {
			opened[i], errs[i] = open(fmt.Sprintf("/jobs/%d", i), text)
		}
		return opened, errs, nil
	}
	envelope, err := json.Marshal(bulk)
	if err != nil {
		return nil, nil, err
	}
	docs := make([][]byte, len(texts))
	for i, text := range texts {
		docs[i] = text
	}
	submissions, err := job.ParseBulk(envelope, docs)
	if err != nil {
		return nil, nil, within("/bulk", err)
	}
	for i := range submissions {
		if opened[i], errs[i] = submissions[i].Open(); errs[i] != nil {
			errs[i] = within(fmt.Sprintf("/jobs/%d", i), errs[i])
		}
	}
	return opened, errs, nil
}

// Bounds of a commit, of which the leader makes more when they do not hold.
const (
	commitBytes = 1 << 20
	frameBytes  = 2 << 10 // of a job's event around its document: signatures, place in a bulk, grant
)

// oneCommit returns how many of the jobs fit into one commit, at least one.
func oneCommit(list []candidate) int {
	bytes := 0
	for i := range list {
		if list[i].err == nil {
			bytes += len(list[i].opened.Doc) + frameBytes
		}
		if i == signing.MaxSealed || i > 0 && bytes > commitBytes {
			return i
		}
	}
	return len(list)
}

// take decides upon jobs in one step. What becomes of one changes nothing about
// the others; an error, which all of them get, is that of the commit.
func (a *API) take(ctx context.Context, list []candidate) error {
	var aggregates []event.Aggregate
	for i := range list {
		if list[i].err == nil {
			aggregates = append(aggregates, list[i].aggregates()...)
		}
	}
	if len(aggregates) == 0 {
		return nil
	}
	decided := make([]candidate, len(list)) // Decide may be called again
	err := a.cfg.Backend.Leader.Execute(ctx, eventstore.Work{Aggregates: aggregates, Decide: func(tx *eventstore.Tx) error {
		copy(decided, list)
		for i := range decided {
			if c := &decided[i]; c.err == nil {
				c.receipt, c.err = c.decide(tx)
			}
		}
		return nil
	}})
	for i := range list {
		if list[i].err == nil {
			list[i] = decided[i]
			if err != nil {
				list[i].err = err
			}
		}
	}
	return err
}

func (a *API) verdicts(list []candidate) wire.Verdicts {
	durability := string(a.cfg.Durability())
	answer := wire.Verdicts{Verdicts: make([]wire.Verdict, len(list))}
	for i := range list {
		c := &list[i]
		if c.err == nil {
			c.receipt.Durability = durability
			answer.Verdicts[i].Receipt = &c.receipt
			continue
		}
		refusal, secret := jsonrpc.ErrorOf(later(c.err))
		if secret {
			a.cfg.Log.Error("a job of many failed", "error", c.err)
		}
		answer.Verdicts[i].Error = refusal
	}
	return answer
}
