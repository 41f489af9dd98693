package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Verdict is what became of one job of many: it has a receipt or an error.
type Verdict struct {
	Receipt wire.Receipt
	Err     error // why the job is not in the history, or may not be; nil if it is
}

// SubmitMany submits any number of jobs, in their order, up to 1,000 in one
// message and under one signature. It returns a verdict for each, and an error
// when some were not taken in, which names the first of them. Jobs without an
// id get one, so that what is sent again never runs twice; whoever calls
// SubmitMany again gives jobs ids of his own.
func (c *Client) SubmitMany(ctx context.Context, jobs []Job) ([]Verdict, error) {
	verdicts := make([]Verdict, len(jobs))
	texts := make([]wire.JobText, len(jobs))
	for i, j := range jobs {
		if err := j.name(); err != nil {
			return nil, err
		}
		text, err := j.Sign(signing.PrivateKey{})
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	for from := 0; from < len(texts); {
		to := from + oneMessage(texts[from:])
		err := c.submitMessage(ctx, texts[from:to], verdicts[from:to])
		if from = to; domain.CodeOf(err) == domain.Unauthenticated {
			refuse(verdicts[from:], err) // who is not known is not known for the rest
			break
		}
	}
	return verdicts, refusals(verdicts)
}

// oneMessage returns how many of the jobs travel together, at least one.
func oneMessage(texts []wire.JobText) int {
	bytes := 0
	for i, text := range texts {
		if bytes += len(text); i == job.MaxBulk || i > 0 && bytes > maxBatchBytes {
			return i
		}
	}
	return len(texts)
}

func refuse(verdicts []Verdict, err error) {
	for i := range verdicts {
		verdicts[i].Err = err
	}
}

// submitMessage sends jobs, and those again that may be sent again. It returns
// the error that concerned all of those that were sent last.
func (c *Client) submitMessage(ctx context.Context, texts []wire.JobText, verdicts []Verdict) error {
	left := make([]int, len(texts)) // places of the jobs that have no verdict for good
	for i := range left {
		left[i] = i
	}
	err := c.persist(ctx, func() (again error) {
		part := make([]wire.JobText, len(left))
		for i, place := range left {
			part[i] = texts[place]
		}
		got, err := c.own.submit(ctx, part)
		if err != nil {
			return err
		}
		rest := left[:0]
		for i, place := range left {
			verdicts[place] = got[i]
			if _, retry := retryAfter(got[i].Err); retry {
				rest, again = append(rest, place), got[i].Err
			}
		}
		left = rest
		return again
	})
	for _, place := range left {
		if err != nil && verdicts[place].Err == nil {
			verdicts[place].Err = err
		}
	}
	return err
}

// refusals says how many jobs were not taken in, and why the first was not.
func refusals(verdicts []Verdict) error {
	count, first := 0, 0
	for i := range verdicts {
		if verdicts[i].Err != nil {
			if count++; count == 1 {
				first = i
			}
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d jobs were not taken in; of those the first is number %d: %w", count, len(verdicts), first, verdicts[first].Err)
}

// post sends jobs: a lone one as jobs.submit, several as jobs.submit_many.
type post struct {
	wires *wires
	key   signing.PrivateKey // signs them; zero for jobs that are as they should be

	mu sync.Mutex

	namespace domain.Name // that bulks are for; empty until it was asked for
}

// submit sends jobs once. An error concerns all of them.
func (p *post) submit(ctx context.Context, jobs []wire.JobText) ([]Verdict, error) {
	if len(jobs) == 1 {
		var v Verdict
		v.Err = p.wires.call(ctx, "jobs.submit", wire.Submit{Job: p.alone(jobs[0])}, &v.Receipt)
		return []Verdict{v}, nil
	}
	var answer wire.Verdicts
	if err := p.wires.call(ctx, "jobs.submit_many", p.together(ctx, jobs), &answer); err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(jobs))
	for i := range verdicts {
		switch {
		case i < len(answer.Verdicts) && answer.Verdicts[i].Error != nil:
			verdicts[i].Err = errorOf(answer.Verdicts[i].Error)
		case i < len(answer.Verdicts) && answer.Verdicts[i].Receipt != nil:
			verdicts[i].Receipt = *answer.Verdicts[i].Receipt
		default:
			verdicts[i].Err = errUnanswered()
		}
	}
	return verdicts, nil
}

// alone returns a job as it travels by itself.
func (p *post) alone(text wire.JobText) wire.JobText {
	if p.key.IsZero() {
		return text
	}
	return envelope(text, p.key)
}

// together returns jobs as they travel in company: under one signature, or each
// under its own where nobody says which namespace that would be for: the API key
// may not ask, or the supervisor cannot tell now.
func (p *post) together(ctx context.Context, jobs []wire.JobText) wire.SubmitMany {
	params := wire.SubmitMany{Jobs: jobs}
	if p.key.IsZero() {
		return params
	}
	namespace, err := p.where(ctx)
	if err != nil {
		params.Jobs = make([]wire.JobText, len(jobs))
		for i, text := range jobs {
			params.Jobs[i] = envelope(text, p.key)
		}
		return params
	}
	docs := make([][]byte, len(jobs))
	for i, text := range jobs {
		docs[i] = text
	}
	signed := job.SignBulk(namespace, docs, p.key)
	params.Bulk = &wire.BulkEnvelope{
		Payload: base64.StdEncoding.EncodeToString(signed.Payload), PayloadType: signed.PayloadType,
		Signatures: []wire.EnvelopeSignature{{KeyID: signed.Signatures[0].KeyID, Sig: signed.Signatures[0].Signature.String()}},
	}
	return params
}

// where returns the namespace, and asks a supervisor for it once.
func (p *post) where(ctx context.Context) (domain.Name, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.namespace != "" {
		return p.namespace, nil
	}
	var info wire.Info
	if err := p.wires.call(ctx, "system.info", struct{}{}, &info); err != nil {
		return "", err
	}
	p.namespace = info.Namespace
	return p.namespace, nil
}
