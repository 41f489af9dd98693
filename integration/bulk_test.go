package integration

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// A job of a bulk stands in the history with a proof: its place, its path, and
// the bulk's signature. That proof is the history's word and no way to submit:
// who sends the job alone is told to sign it alone, and it is the same job then.
// A bulk may be of one job.
func TestAJobOfABulkIsSentAlone(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.supervisor()
	w.admit()
	key, err := w.state().Key(w.ns, statedir.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	jobs := make([]client.Job, 3)
	for i := range jobs {
		jobs[i] = client.NewJob("x").Runner("nobody").ID(fmt.Sprintf("b%d", i))
	}
	if _, err := w.SubmitMany(w.ctx(), jobs); err != nil {
		t.Fatal(err)
	}
	proved := w.submitted("b1")
	if proved.Bulk == nil || proved.Bulk.Count != 3 || proved.Bulk.Index != 1 {
		t.Fatalf("b1 stands in the history as %s", job.AppendSubmission(nil, proved))
	}

	signed := job.SignBulk(w.ns, [][]byte{proved.Doc}, key)
	bulk := &wire.BulkEnvelope{
		Payload: base64.StdEncoding.EncodeToString(signed.Payload), PayloadType: signed.PayloadType,
		Signatures: []wire.EnvelopeSignature{{KeyID: signed.Signatures[0].KeyID, Sig: signed.Signatures[0].Signature.String()}},
	}
	for name, c := range map[string]struct{ text, pointer, words string }{
		"as the history has it":   {string(job.AppendSubmission(nil, proved)), "/job/form", "is not known here"},
		"with the bulk as member": {strings.TrimSuffix(string(proved.Doc), "}") + `,"bulk":` + string(signed.Append(nil)) + "}", "/job/bulk", "is not known here"},
		"the bulk's own envelope": {string(signed.Append(nil)), "/job", "one that is sent alone is signed alone"},
	} {
		err := w.Call(w.ctx(), "jobs.submit", wire.Submit{Job: wire.JobText(c.text)}, &wire.Receipt{})
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Pointer != c.pointer || !strings.Contains(e.Message, c.words) {
			t.Errorf("%s: %v; want %q at %s", name, err, c.words, c.pointer)
		}
	}

	alone, err := w.Submit(w.ctx(), jobs[1])
	if err != nil || !alone.Duplicate {
		t.Errorf("b1 signed alone: %+v, %v; it is the same job", alone, err)
	}
	var answer wire.Verdicts
	if err := w.Call(w.ctx(), "jobs.submit_many", wire.SubmitMany{Jobs: []wire.JobText{proved.Doc}, Bulk: bulk}, &answer); err != nil {
		t.Fatal(err)
	}
	if r := answer.Verdicts[0].Receipt; r == nil || !r.Duplicate {
		t.Errorf("b1 in a bulk of its own: %+v; it is the same job", answer.Verdicts[0])
	}
	w.wantTrue()
}

// submitted returns a job as the log has it.
func (w *world) submitted(id string) job.Submission {
	w.t.Helper()
	for _, e := range w.log() {
		if fact, ok := history.FactOf[job.Submitted](&e); ok && e.Aggregate.ID == id {
			return fact.Data.Submission
		}
	}
	w.t.Fatalf("job %s is not in the log", id)
	return job.Submission{}
}
