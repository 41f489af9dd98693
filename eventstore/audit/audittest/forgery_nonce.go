package audittest

import (
	"fmt"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// once submits a job that says something about its nonce, whoever has that.
func (a author) once(id, says string, clients ...signing.PrivateKey) uint64 {
	j := historytest.Job{More: says, Form: job.FormUnsigned}
	s, by := j.Submission(id, a.Client), event.ByAPIKey("web")
	for _, client := range clients {
		j.Form = job.FormDSSE
		signed := j.Submission(id, client)
		s.Form, s.Signatures = job.FormDSSE, append(s.Signatures, signed.Signatures...)
		by = event.ByClient(string(s.Signatures[0].Key))
	}
	return a.Emit(event.Header{Aggregate: historytest.JobOf(id), Actor: by}, job.Submitted{Submission: s}).Seq
}

// spent is what a job says that has a nonce for a minute.
func (a author) spent() string {
	return fmt.Sprintf(`"nonce":"forged","not_after":%q`, a.Now.Add(time.Minute))
}

func ofNonces() []Forgery {
	client := historytest.Key("client")
	return []Forgery{
		{"a nonce is used for two jobs", func(a author) uint64 {
			a.once("forged-1", a.spent(), client)
			a.Seal()
			return a.once("forged-2", a.spent(), client)
		}},
		{"a nonce is used for two jobs of one commit", func(a author) uint64 {
			a.once("forged-1", a.spent(), client)
			return a.once("forged-2", a.spent(), client)
		}},
		{"a nonce is used in the last instant of the job that has it", func(a author) uint64 {
			says := a.spent()
			a.once("forged-1", says, client)
			a.Seal()
			a.Now = a.Now.Add(time.Minute - time.Millisecond)
			return a.once("forged-2", says, client)
		}},
		{"a second signer's nonce is another job's", func(a author) uint64 {
			other := historytest.Key("forger")
			a.Admit(other, access.Key{Class: access.Client, Name: "forger"})
			a.once("forged-1", a.spent(), client)
			return a.once("forged-2", a.spent(), other, client)
		}},
		{"a nonce stays a job's that ended", func(a author) uint64 {
			a.Submit("forged-1", historytest.Job{More: a.spent()})
			a.Stop("forged-1")
			a.Withdraw("forged-1")
			a.Seal()
			return a.once("forged-2", a.spent(), client)
		}},
		{"a nonce is nobody's", func(a author) uint64 { return a.once("forged-1", a.spent()) }},
		{"a nonce is a job's for ever", func(a author) uint64 { return a.once("forged-1", `"nonce":"forged"`, client) }},
		{"a nonce has two words", func(a author) uint64 {
			return a.once("forged-1", fmt.Sprintf(`"nonce":"a b","not_after":%q`, a.Now.Add(time.Minute)), client)
		}},
	}
}
