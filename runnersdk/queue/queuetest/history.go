package queuetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// History makes what a supervisor would have sealed, event by event, for the
// runner's end of a wire. Its fields may be changed between events, to make
// what a bad supervisor would.
type History struct {
	t testing.TB

	Namespace  domain.Name
	Supervisor signing.PrivateKey // seals what comes next
	Operator   signing.PrivateKey
	Term, Seq  uint64 // of the last event
	Statements uint64
	Founding   signing.Hash // its fingerprint

	tell     func(statement string)
	prev     signing.Hash
	versions map[string]uint64
}

// Key makes a key of a name: the same one each time.
func Key(t testing.TB, name string) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(strings.NewReader(strings.Repeat(name, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Found begins the history of a namespace. tell is given every statement's
// value.
func Found(t testing.TB, namespace domain.Name, tell func(statement string)) *History {
	t.Helper()
	h := &History{
		t: t, Namespace: namespace, Supervisor: Key(t, "supervisor"), Operator: Key(t, "operator"),
		Term: 7, tell: tell, versions: map[string]uint64{},
	}
	h.State(access.Founded{
		Namespace: namespace, Partitions: 1, Supervisor: "s1",
		Key: h.Supervisor.Public(), Operator: h.Operator.Public(),
	})
	return h
}

// State adds a statement.
func (h *History) State(e access.Event) {
	proof := h.Commit(event.Aggregate{Kind: event.Access}, e)
	if h.Statements == 0 {
		h.Founding = signing.LeafHash(proof.Event)
	}
	h.Statements++
	h.tell(string(queue.AppendStatement(nil, proof)))
}

// Admit states that a key may act.
func (h *History) Admit(class access.Class, name domain.Name, k signing.PrivateKey) {
	admitted := access.Key{Class: class, Name: name, Public: k.Public()}
	admitted.Proof = k.Sign(access.AdmissionText(h.Namespace, admitted))
	h.State(access.Admitted{Key: admitted})
}

// Header is what the next event of an aggregate says besides its data.
func (h *History) Header(a event.Aggregate) event.Header {
	h.versions[a.String()]++
	return event.Header{
		Namespace: string(h.Namespace), Aggregate: a, Version: h.versions[a.String()],
		At: event.At(time.Now()), Actor: event.BySystem("test"),
	}
}

// Commit seals one event.
func (h *History) Commit(a event.Aggregate, d event.Data) signing.Proof {
	return h.Seal(event.Append(nil, h.Header(a), d))[0]
}

// Seal seals encoded events as one commit.
func (h *History) Seal(events ...[]byte) []signing.Proof {
	leaves := make([]signing.Hash, len(events))
	for i, e := range events {
		leaves[i] = signing.LeafHash(e)
	}
	seal := signing.Seal{
		Namespace: string(h.Namespace), Term: h.Term, First: h.Seq + 1, Count: uint32(len(events)),
		Root: signing.Root(leaves), Statements: h.Statements, Prev: h.prev,
	}.Sign(h.Supervisor)
	h.prev = seal.Hash()
	proofs := make([]signing.Proof, len(events))
	for i, path := range signing.Paths(leaves) {
		h.Seq++
		proofs[i] = signing.Proof{Event: events[i], Seq: h.Seq, Path: path, Seal: seal}
	}
	return proofs
}

// Document is a job for the runner r1, as a client writes it.
func Document(id, payload string) string {
	return fmt.Sprintf(`{"id":%q,"payload":%q,"runner":"r1","timeout":60}`, id, payload)
}

// Sign is a job in an envelope with signatures of these keys.
func Sign(doc string, keys ...signing.PrivateKey) job.Submission {
	s := job.Submission{Form: job.FormDSSE, Doc: []byte(doc)}
	for _, k := range keys {
		s.Signatures = append(s.Signatures, job.SubmittedSignature{
			Key: k.Public().ID(), Signature: k.Sign(signing.PAE(job.PayloadType, s.Doc)),
		})
	}
	return s
}

// GrantOf is what a job's first attempt is granted.
func (h *History) GrantOf(s job.Submission) (job.ID, *job.Grant) {
	h.t.Helper()
	opened, err := s.Open()
	if err != nil {
		h.t.Fatalf("open the job: %v", err)
	}
	return opened.Spec.ID, &job.Grant{Attempt: 1, Queue: opened.Spec.Queue(), Job: opened.Hash, Keys: opened.Signers}
}

// Assign is the queue entry of a job's first attempt.
func (h *History) Assign(s job.Submission) queue.Assignment {
	h.t.Helper()
	id, grant := h.GrantOf(s)
	return Assignment(h.Commit(JobAggregate(id.String()), job.Submitted{Submission: s, Grant: grant}))
}

// JobAggregate names a job's events.
func JobAggregate(id string) event.Aggregate { return event.Aggregate{Kind: event.Job, ID: id} }

// Assignment is the queue entry of a granting event.
func Assignment(p signing.Proof) queue.Assignment {
	return queue.Assignment{ID: queue.EntryID{Term: p.Seal.Term, Seq: p.Seq}, Grant: p}
}

// Welcome is the notice that lets a process in. Nothing before it is open
// unless marks say so.
func (h *History) Welcome(id domain.Name, process string, join runner.Join, marks ...runner.Mark) queue.Notice {
	if len(marks) == 0 {
		for _, q := range runner.Queues(id, join.Kinds) {
			marks = append(marks, runner.Mark{Queue: q, Seq: h.Seq + 1})
		}
	}
	joined := runner.Joined{Process: process, Key: join.Key, Kinds: join.Kinds, Slots: join.Slots, Marks: marks}
	proof := h.Commit(event.Aggregate{Kind: event.Runner, ID: string(id)}, joined)
	return queue.Notice{Kind: queue.NoticeJoined, Process: process, Proof: proof}
}

// FieldMap turns an entry's names and values in turn into a map.
func FieldMap(pairs []string) map[string]string {
	fields := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	return fields
}
