package audittest

import (
	"encoding/hex"
	"fmt"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Processes returns the two processes that serve every history: r1 its own
// queue, r2 also the jobs of kind sh.
func Processes() (r1, r2 Process) {
	return Process{"r1", "a1", Key(Pinned)}, Process{"r2", "b2", Key(Admitted)}
}

// serving returns the process that takes a job's attempts.
func serving(q job.Queue) Process {
	r1, r2 := Processes()
	if q == job.RunnerQueue(r1.Runner) {
		return r1
	}
	return r2
}

// Document returns a client's job that names an id.
func Document(id, target string) string {
	return fmt.Sprintf(`{"id":%q,"payload":"echo %s",%s,"max_attempts":2}`, id, id, target)
}

// Sign returns a document in a form, signed by a key.
func Sign(form job.Form, doc string, key signing.PrivateKey) job.Submission {
	switch form {
	case job.FormDSSE:
		sig := key.Sign(signing.PAE(job.PayloadType, []byte(doc)))
		return job.Submission{Form: form, Doc: []byte(doc), Signatures: []job.SubmittedSignature{{Key: key.Public().ID(), Signature: sig}}}
	case job.FormJCS:
		canonical, err := signing.Canonical([]byte(doc))
		must(err)
		sig := key.Sign(canonical)
		doc = fmt.Sprintf(`%s,"signatures":[{"public_key":%q,"signature":%q}]}`, doc[:len(doc)-1], key.Public().String(), hex.EncodeToString(sig[:]))
	case job.FormUnsigned:
	}
	return job.Submission{Form: form, Doc: []byte(doc)}
}

// Submit writes that a job was submitted. A held one waits for [Author.Release].
func (a *Author) Submit(s job.Submission, held bool) job.ID {
	opened, err := s.Open()
	must(err)
	by := event.ByAPIKey("ci")
	if len(opened.Signers) > 0 {
		by = event.ByClient(string(opened.Signers[0]))
	}
	a.decide(opened.Spec.ID, event.Header{Actor: by}, job.Submit{Job: opened, Namespace: string(a.Namespace), At: a.Now, By: by, Held: held})
	return opened.Spec.ID
}

// Release writes that a held job is queued.
func (a *Author) Release(id job.ID) {
	a.decide(id, event.Header{Actor: event.BySystem("timer")}, job.Release{})
}

// Start writes that a job's open attempt was reported to run.
func (a *Author) Start(id job.ID) {
	p := serving(a.State.Jobs[id].Queue)
	cause := a.Report(p, runner.Started{About: a.About(id)})
	a.decide(id, cause(0), job.Start{Token: a.State.Jobs[id].Token, By: cause(0).Actor, Process: p.Name})
}

// Finish writes how a job's open attempt was reported to have ended: well if
// failure is empty.
func (a *Author) Finish(id job.ID, failure job.FailureKind) {
	p := serving(a.State.Jobs[id].Queue)
	lines := []runner.Line{{At: a.Now, Stream: runner.Stdout, Text: "hello \"" + id.String() + "\"\n"}}
	log := runner.Log{About: a.About(id), Lines: lines}
	var end runner.Report = runner.Completed{About: a.About(id), Result: "done"}
	if failure != "" {
		end = runner.Failed{About: a.About(id), Kind: failure, Exit: 3, Message: "exit code 3"}
	}
	cause := a.Report(p, log, end)
	a.decide(id, cause(1), job.Finish{Token: a.State.Jobs[id].Token, By: cause(1).Actor, Process: p.Name, Failure: failure})
}

// Lose writes that a job's open attempt is lost.
func (a *Author) Lose(id job.ID, reason job.LossReason) {
	a.decide(id, event.Header{Actor: event.BySystem("redelivery")}, job.Lose{Token: a.State.Jobs[id].Token, Reason: reason, At: a.Now})
}

// About names a job's open attempt.
func (a *Author) About(id job.ID) runner.About {
	return runner.About{Job: id, Token: a.State.Jobs[id].Token, At: a.Now}
}

func (a *Author) decide(id job.ID, h event.Header, c job.Command) {
	events, err := job.Decide(a.State.Jobs[id], c)
	must(err)
	h.Aggregate = event.Aggregate{Kind: event.Job, ID: id.String()}
	for _, e := range events {
		a.Emit(h, e)
	}
}
