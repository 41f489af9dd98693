package bench

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// signed says which signatures of clients jobs bear.
type signed int

const (
	byNobody signed = iota // the supervisor records whose API key it was
	byEach                 // every job has its own, of 16 keys in turn
	asBulk                 // one for all jobs of a message
)

// form is how several jobs travel in one message.
type form int

const (
	submitMany form = iota // as one call of jobs.submit_many
	batch                  // as a JSON-RPC batch of jobs.submit
)

// mail is JSON-RPC messages, and how many jobs are in them.
type mail struct {
	bodies [][]byte
	jobs   int
}

// named is a job as it travels, and its id.
type named struct {
	id   string
	text wire.JobText
}

// texts writes the jobs of a load, signed with all keys in turn, or not.
func (s *system) texts(l load) ([]named, error) {
	pattern := client.NewJob(l.payloadText()).Runner(runnerID)
	jobs := make([]named, l.jobs)
	for i := range jobs {
		var key signing.PrivateKey
		if l.signed == byEach {
			key = s.signers[i%len(s.signers)]
		}
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make a job id: %w", err)
		}
		jobs[i].id = id.String()
		if jobs[i].text, err = pattern.ID(jobs[i].id).Sign(key); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// messages writes a load as it travels, signed. That is the clients' work, and
// done before the clock starts.
func (s *system) messages(l load) (mail, error) {
	jobs, err := s.texts(l)
	if err != nil {
		return mail{}, err
	}
	m := mail{jobs: l.jobs}
	for some := range slices.Chunk(jobs, max(l.together, 1)) {
		body, err := s.message(l, some, s.signers[len(m.bodies)%len(s.signers)])
		if err != nil {
			return mail{}, err
		}
		m.bodies = append(m.bodies, body)
	}
	return m, nil
}

// message writes the message for some jobs; the key is for a bulk.
func (s *system) message(l load, jobs []named, key signing.PrivateKey) ([]byte, error) {
	texts := make([]wire.JobText, len(jobs))
	for i, j := range jobs {
		texts[i] = j.text
	}
	if l.together > 1 && l.form == submitMany {
		params := wire.SubmitMany{Jobs: texts}
		if l.signed == asBulk {
			params.Bulk = s.bulk(texts, key)
		}
		return call("jobs.submit_many", 1, params)
	}
	calls := make([]byte, 0, len(texts)*512)
	for i, text := range texts {
		one, err := call("jobs.submit", i, wire.Submit{Job: text})
		if err != nil {
			return nil, err
		}
		calls = append(append(calls, ','), one...)
	}
	if l.together > 1 {
		calls[0] = '['
		return append(calls, ']'), nil
	}
	return calls[1:], nil
}

func call(method string, id int, params any) ([]byte, error) {
	body, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", id, method, params})
	if err != nil {
		return nil, fmt.Errorf("write a call of %s: %w", method, err)
	}
	return body, nil
}

// bulk signs jobs together.
func (s *system) bulk(texts []wire.JobText, key signing.PrivateKey) *wire.BulkEnvelope {
	docs := make([][]byte, len(texts))
	for i, text := range texts {
		docs[i] = text
	}
	signed := job.SignBulk(s.ns, docs, key)
	return &wire.BulkEnvelope{
		Payload: base64.StdEncoding.EncodeToString(signed.Payload), PayloadType: signed.PayloadType,
		Signatures: []wire.EnvelopeSignature{{KeyID: signed.Signatures[0].KeyID, Sig: signed.Signatures[0].Signature.String()}},
	}
}
