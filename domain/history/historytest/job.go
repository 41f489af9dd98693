package historytest

import (
	"encoding/hex"
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Job says what a job is to be. The zero Job is for runner r1.
type Job struct {
	Runner, Executor domain.Name
	Payload          string // "x" if empty
	Attempts         int    // 3 if zero
	Held             bool
	More             string   // members of its document besides, such as "delay":5
	Form             job.Form // [job.FormDSSE] if empty; an unsigned one is from the API key web
}

func (j Job) document(id string) []byte {
	if j.Runner == "" && j.Executor == "" {
		j.Runner = "r1"
	}
	if j.Payload == "" {
		j.Payload = "x"
	}
	doc := fixedjson.AppendString([]byte(`{"id":`), id)
	doc = fixedjson.AppendString(append(doc, `,"payload":`...), j.Payload)
	if j.Runner != "" {
		doc = fixedjson.AppendString(append(doc, `,"runner":`...), string(j.Runner))
	}
	if j.Executor != "" {
		doc = fixedjson.AppendString(append(doc, `,"executor":`...), string(j.Executor))
	}
	if j.Attempts > 0 {
		doc = fmt.Appendf(doc, `,"max_attempts":%d`, j.Attempts)
	}
	if j.More != "" {
		doc = append(append(doc, ','), j.More...)
	}
	return append(doc, '}')
}

// Submission returns the job as a client hands it in who has a key.
func (j Job) Submission(id string, client signing.PrivateKey) job.Submission {
	return Sign(j.Form, j.document(id), client)
}

// Sign returns a document in a form, [job.FormDSSE] if empty, signed by a key.
func Sign(form job.Form, doc []byte, key signing.PrivateKey) job.Submission {
	s := job.Submission{Form: form, Doc: doc}
	switch form {
	case "", job.FormDSSE:
		s.Form = job.FormDSSE
		s.Signatures = []job.SubmittedSignature{{Key: key.Public().ID(), Signature: key.Sign(signing.PAE(job.PayloadType, doc))}}
	case job.FormJCS:
		canonical, err := signing.Canonical(doc)
		must(err)
		sig := key.Sign(canonical)
		s.Doc = fmt.Appendf(nil, `%s,"signatures":[{"public_key":%q,"signature":%q}]}`,
			doc[:len(doc)-1], key.Public().String(), hex.EncodeToString(sig[:]))
	case job.FormUnsigned:
	}
	return s
}

// InBulk returns jobs that a client signs together.
func InBulk(namespace domain.Name, client signing.PrivateKey, ids ...string) []job.Submission {
	docs := make([][]byte, len(ids))
	for i, id := range ids {
		docs[i] = Job{}.document(id)
	}
	jobs, err := job.ParseBulk(job.SignBulk(namespace, docs, client).Append(nil), docs)
	must(err)
	return jobs
}

// SubmitMany submits jobs that the client signed together.
func (tx *Tx) SubmitMany(ids ...string) {
	for i, s := range InBulk(tx.Namespace, tx.Client, ids...) {
		tx.submit(ids[i], s, false)
	}
}

// Submit submits a job.
func (tx *Tx) Submit(id string, j Job) { tx.submit(id, j.Submission(id, tx.Client), j.Held) }

func (tx *Tx) submit(id string, s job.Submission, held bool) {
	opened, err := s.Open()
	must(err)
	by := event.ByAPIKey("web")
	if len(opened.Signers) > 0 {
		by = event.ByClient(string(opened.Signers[0]))
	}
	submit := job.Submit{Job: opened, Namespace: string(tx.Namespace), At: tx.Now, By: by, Held: held}
	for _, nonce := range opened.Nonces() {
		submit.Spent = max(submit.Spent, tx.nonces[nonce])
	}
	tx.decide(ID(id), event.Header{Actor: by}, submit)
}

// decide asks a command of a job.
func (tx *Tx) decide(id job.ID, h event.Header, c job.Command) {
	events, err := job.Decide(tx.State.Jobs[id], c)
	must(err)
	h.Aggregate = JobOf(id.String())
	for _, data := range events {
		tx.Emit(h, data)
	}
}

// JobOf names a job's aggregate.
func JobOf(id string) event.Aggregate { return event.Aggregate{Kind: event.Job, ID: id} }

// Release queues or schedules a held job.
func (tx *Tx) Release(id string) {
	tx.decide(ID(id), event.Header{Actor: event.ByAPIKey("web")}, job.Release{At: tx.Now})
}

// Lose gives a job's open attempt up.
func (tx *Tx) Lose(id string, reason job.LossReason) {
	tx.decide(ID(id), event.Header{Actor: event.BySystem("redelivery")},
		job.Lose{Token: tx.Job(id).Token, Reason: reason, At: tx.Now})
}

// Grant returns what an attempt of a job would be granted with.
func (p *Partition) Grant(id string, attempt uint32) job.Grant {
	s := p.Job(id)
	return job.Grant{
		Attempt: attempt, Queue: s.Queue, Job: s.Hash, Keys: s.Signers, Checkpoint: s.Checkpoint, Timeout: s.Limits.Timeout,
	}
}

// ID makes a job id.
func ID(text string) job.ID {
	id, err := job.ParseID(text)
	must(err)
	return id
}

// Jobs returns the ids of all jobs, in the order of their submissions.
func (p *Partition) Jobs() []job.ID { return p.jobs }

// Job returns a job's state.
func (p *Partition) Job(id string) job.State { return p.State.Jobs[ID(id)] }

// About names a job's open attempt.
func (p *Partition) About(id string) runner.About {
	return runner.About{Job: ID(id), Token: p.Job(id).Token, At: p.Now}
}
