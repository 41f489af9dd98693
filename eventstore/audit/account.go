package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// Account is what a [Proof] proves of a job.
type Account struct {
	Finding   Finding
	Namespace domain.Name
	Partition uint16
	Job       job.ID
	Seq       uint64 // the first place at which something is wrong; 0 when it is the file as a whole
	Why       string // it is tampered with, or what is missing; one line

	// Founding is the fingerprint of the founding that the file holds, and
	// Trusted says that it is the one that was asked for.
	Founding signing.Hash
	Trusted  bool

	// What follows is said when it is proved.
	State   job.State
	Events  []AccountEvent
	Result  string // what the job returned, in its runner's words
	Message string // why it failed, in its runner's words
	Exit    int32  // exit code of its process; 0 if there was none
}

// AccountEvent is something that happened to the job.
type AccountEvent struct {
	Seq     uint64          `json:"seq"`
	Version uint64          `json:"version"`
	Type    string          `json:"type"`
	At      event.Time      `json:"at"`
	Actor   event.Actor     `json:"actor"`
	Signed  []signing.KeyID `json:"signed_by,omitempty"` // by clients who submitted or a runner who reported; empty when the seal alone says it
	Sealed  signing.KeyID   `json:"sealed_by"`           // by the supervisor
}

// Shortcoming says what no proof of a job can prove.
const Shortcoming = "It cannot prove that nothing else happened later, to the job or to the keys (a key may have been revoked since), " +
	"or that the log has not lost this part: that shows the whole history alone (horus audit verify)."

// CheckProof judges the bytes of a proof with nothing but the fingerprint of the
// founding, as [Fingerprint] computes it; the zero Hash trusts any founding, and
// the account says so.
//
// Checked are every event's path, every seal and every signature, with keys as
// of their place in the log, and that the job's events are whole from the first
// one on and legal.
func CheckProof(data []byte, trust signing.Hash) Account {
	p, err := ParseProof(data)
	if p == nil {
		return Account{Finding: CannotTell, Why: printable(err.Error())}
	}
	a := Account{Namespace: p.Namespace, Partition: p.Partition, Job: p.Job}
	if err == nil {
		err = a.follow(p, trust)
	}
	if err != nil {
		a.Finding, a.Why, a.Events = Tampered, why(err), nil
		a.Seq, _ = history.IsFault(err)
		return a
	}
	a.Finding = Valid
	return a
}

func (a *Account) follow(p *Proof, trust signing.Hash) error {
	x := history.NewExcerpt(string(p.Namespace), p.Partition, signing.NewVerifier(rememberedKeys))
	for i, part := range p.Parts {
		if err := x.Check(part); err != nil {
			return err
		}
		if i == 0 {
			a.Founding = part.Entries[0].Hash
			a.Trusted = a.Founding == trust
			if !trust.IsZero() && !a.Trusted {
				return fault(1, "the history was founded by %s, and %s is trusted", a.Founding, trust)
			}
		}
		if err := a.tell(part); err != nil {
			return err
		}
	}
	a.State = x.State().Jobs[p.Job]
	if a.State.Version == 0 || a.State.Version != p.Version {
		return fault(0, "the file promises %d events of the job and has %d", p.Version, a.State.Version)
	}
	return nil
}

// tell takes down what a part that was checked says of the job.
func (a *Account) tell(p *history.Part) error {
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.Aggregate.Kind != event.Job {
			continue
		}
		if e.Aggregate.ID != a.Job.String() {
			return fault(e.Seq, "an event of another job")
		}
		told := AccountEvent{Seq: e.Seq, Version: e.Version, Type: e.Type, At: e.At, Actor: e.Actor, Sealed: p.Seal.Key}
		if submitted, ok := e.Data.(job.Submitted); ok {
			if opened, err := submitted.Open(); err == nil { // checked
				told.Signed = opened.Signers
			}
		}
		r, ok := reportOf(p.Entries, e)
		if ok {
			told.Signed = []signing.KeyID{r.key}
		}
		a.outcome(e.Data, r.says)
		a.Events = append(a.Events, told)
	}
	return nil
}

// outcome takes down what the report said that ended the job, if one did. What a
// late report says of it, or one on an attempt that was tried again, is no
// outcome; a replay has none any more.
func (a *Account) outcome(e event.Data, r runner.Report) {
	switch e.(type) {
	case job.Completed, job.Failed, job.Stopped, job.Replayed:
		a.Result, a.Message, a.Exit = "", "", 0
	default:
		return
	}
	switch r := r.(type) {
	case runner.Completed:
		a.Result = r.Result
	case runner.Failed:
		a.Result, a.Message, a.Exit = r.Result, r.Message, r.Exit
	case runner.Stopped:
		a.Result = r.Result
	case nil, runner.Join, runner.Leave, runner.Log, runner.Progress, runner.Checkpoint, runner.Refused, runner.Started:
	}
}

// ExitCode is what a program exits with: 0 proved, 1 tampered, 2 cannot tell.
func (a *Account) ExitCode() int { return Verdict{Finding: a.Finding}.ExitCode() }

// MarshalJSON writes the account for programs. Members that a finding does not
// have are left out.
func (a *Account) MarshalJSON() ([]byte, error) {
	type outcome struct {
		Failure job.FailureKind `json:"failure,omitempty"`
		Result  string          `json:"result"`
		Message string          `json:"message,omitempty"`
		Exit    int32           `json:"exit"`
	}
	doc := struct {
		Verdict   Finding        `json:"verdict"`
		Namespace domain.Name    `json:"namespace,omitempty"`
		Partition uint16         `json:"partition"`
		Job       string         `json:"job,omitempty"`
		Seq       uint64         `json:"seq,omitzero"`
		Why       string         `json:"why,omitempty"`
		Founded   string         `json:"founded_by,omitempty"`
		Trust     string         `json:"trust,omitempty"`
		State     string         `json:"state,omitempty"`
		Version   uint64         `json:"version,omitzero"`
		Outcome   *outcome       `json:"outcome,omitempty"`
		Events    []AccountEvent `json:"events,omitempty"`
		Limits    string         `json:"limits,omitempty"`
	}{Verdict: a.Finding, Namespace: a.Namespace, Partition: a.Partition, Seq: a.Seq, Why: a.Why, Events: a.Events}
	if !a.Job.IsZero() {
		doc.Job = a.Job.String()
	}
	if !a.Founding.IsZero() {
		doc.Founded, doc.Trust = a.Founding.String(), Verdict{Trusted: a.Trusted}.trust()
	}
	if a.Finding == Valid {
		doc.State, doc.Version, doc.Limits = a.State.Status.String(), a.State.Version, Shortcoming
		if a.State.Status.Terminal() {
			doc.Outcome = &outcome{a.State.Failure, a.Result, a.Message, a.Exit}
		}
	}
	return json.Marshal(doc)
}

// String says the account to people: in one line what is wrong, in a few what
// is proved.
func (a *Account) String() string {
	switch a.Finding {
	case Valid:
		return a.story()
	case Tampered:
		if a.Seq == 0 {
			return "tampered: " + a.Why
		}
		return fmt.Sprintf("tampered at seq %d of %s: %s", a.Seq, place(a.Namespace, a.Partition), a.Why)
	case CannotTell:
	}
	return "cannot tell: " + a.Why
}

func (a *Account) story() string {
	var b bytes.Buffer
	last := a.Events[len(a.Events)-1]
	_, _ = fmt.Fprintf(&b, "proved: job %s is %s as of its event %d, seq %d of %s\n",
		a.Job, a.State.Status, a.State.Version, last.Seq, place(a.Namespace, a.Partition))
	_, _ = fmt.Fprintf(&b, "  founded by  %s (%s)\n", a.Founding, Verdict{Trusted: a.Trusted}.trusting())
	if a.State.Failure != "" { // dropped and deleted ones too
		_, _ = fmt.Fprintf(&b, "  failed      %s\n", strings.TrimSuffix(string(a.State.Failure)+": "+printable(a.Message), ": "))
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "SEQ\tTIME\tEVENT\tACTOR\tSIGNED BY\tSEALED BY")
	for _, e := range a.Events {
		keys := make([]string, len(e.Signed))
		for i, key := range e.Signed {
			keys[i] = string(key)
		}
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", e.Seq, e.At, e.Type, printable(string(e.Actor)),
			cmp.Or(strings.Join(keys, ","), "-"), e.Sealed)
	}
	_ = w.Flush() // to memory
	return b.String() + "\n" + Shortcoming
}
