package runnersdk

import (
	"context"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// Why an entry was refused: the words of a Refused report. They never change.
const (
	refusedForm       = "form"       // cannot be read
	refusedNamespace  = "namespace"  // granted in another namespace or partition
	refusedGrant      = "grant"      // the event grants nothing
	refusedEntryID    = "entry_id"   // the entry's id is not the grant's place
	refusedQueue      = "queue"      // granted for another queue, or the job asks for another
	refusedProof      = "proof"      // the path does not lead to the seal
	refusedStatements = "statements" // the seal follows statements that nobody has
	refusedKey        = "key"        // sealed with a key that may not
	refusedSeal       = "seal"       // the seal's signature is bad
	refusedJob        = "job"        // another job than the one granted
	refusedClientKey  = "client_key" // signed with a key that may not
	refusedSignature  = "signature"  // the client's signature is bad
	refusedAudience   = "audience"   // meant for another namespace
	refusedNotAfter   = "not_after"  // granted too late
	refusedCheckpoint = "checkpoint" // begins with another checkpoint than the one granted
	refusedMark       = "mark"       // was given out before
)

func refuse(reason, format string, args ...any) *domain.Error {
	return domain.Errorf(domain.Invalid, reason, format, args...)
}

// claim is one entry on its way through the checks.
type claim struct {
	queue      job.Queue
	id         queue.EntryID
	proof      signing.Proof
	event      history.Entry
	grant      job.Grant
	opened     *job.Opened
	checkpoint []byte
	refusal    *domain.Error // why it is not run; nil if it is

	seal     int // index of the check of its seal; -1 when that is known to be good
	from, to int // of the checks of its client's signatures
}

// about names the attempt; ok is false when the entry names none.
func (c *claim) about(at event.Time) (about runner.About, ok bool) {
	id, err := job.ParseID(c.event.Aggregate.ID)
	return runner.About{Job: id, Token: c.event.Hash, At: at}, err == nil && c.event.Aggregate.Kind == event.Job
}

// checker says which entries may be run. It is not safe for concurrent use.
type checker struct {
	trust    *trust
	verifier *signing.Verifier
	marks    map[job.Queue]*mark
	reader   queue.Reader

	sealed   signing.Seal // the last one found good: neighbours share it
	checks   []signing.Check
	verdicts []bool
}

// check judges a whole claim at once: each one that is returned may be run or
// bears its refusal. Entries that were removed while they were pending are left
// out. An error means that nothing was judged: statements could not be read.
func (c *checker) check(ctx context.Context, entries []queue.Entry) ([]claim, error) {
	claims := make([]claim, 0, len(entries))
	var statements uint64
	for i := range entries {
		e := &entries[i]
		if len(e.Fields) == 0 {
			continue
		}
		claims = append(claims, claim{queue: e.Queue})
		k := &claims[len(claims)-1]
		k.refusal = c.read(k, e)
		statements = max(statements, k.proof.Seal.Statements)
	}
	if err := c.trust.reach(ctx, statements); err != nil {
		return nil, err
	}
	c.judge(claims)
	c.verdicts = append(c.verdicts[:0], make([]bool, len(c.checks))...)
	c.verifier.VerifyAll(c.checks, c.verdicts)
	for i := range claims {
		c.settle(&claims[i])
	}
	return claims, nil
}

// read reads an entry and everything in it. It believes nothing.
func (c *checker) read(k *claim, e *queue.Entry) *domain.Error {
	a, err := c.reader.Assignment(e.ID, e.Fields)
	if err != nil {
		return refuse(refusedForm, "read the entry: %v", err)
	}
	k.id, k.proof, k.checkpoint = a.ID, a.Grant, a.Checkpoint
	if k.event, err = history.ParseEntry(a.Grant.Seq, a.Grant.Event); err != nil {
		return refuse(refusedForm, "read the granting event: %v", err)
	}
	open, grant := granted(k.event.Data, a.Submission)
	if open == nil || grant == nil {
		return refuse(refusedGrant, "%s grants no attempt of a job that is here", k.event.Type)
	}
	k.grant = *grant
	if k.opened, err = open(); err != nil {
		return refuse(refusedForm, "read the job: %v", err)
	}
	return nil
}

// granted returns how to read the job that an event grants an attempt of, and
// the grant. beside is the job when the event does not hold it.
func granted(data event.Data, beside *job.Submission) (open func() (*job.Opened, error), grant *job.Grant) {
	switch e := data.(type) {
	case job.Submitted:
		return e.Open, e.Grant
	case job.Queued:
		if beside != nil {
			return beside.Open, &e.Grant
		}
	}
	return nil, nil
}

// judge checks everything but signatures, and collects those.
func (c *checker) judge(claims []claim) {
	c.trust.mu.Lock()
	defer c.trust.mu.Unlock()
	c.checks = c.checks[:0]
	last, at := c.sealed, -1
	for i := range claims {
		k := &claims[i]
		if k.refusal != nil {
			continue
		}
		key, refusal := c.place(k)
		if refusal == nil {
			refusal = c.content(k)
		}
		if k.refusal = refusal; refusal != nil {
			continue
		}
		if k.proof.Seal != last {
			last, at = k.proof.Seal, len(c.checks)
			c.checks = append(c.checks, last.Check(key))
		}
		k.seal, k.from = at, len(c.checks)
		k.refusal = c.signatures(k)
		k.to = len(c.checks)
	}
}

// place checks that the grant was sealed here, by one who may, and is for the
// queue and the place where the entry stands. It returns the seal's key.
func (c *checker) place(k *claim) (signing.PublicKey, *domain.Error) {
	var none signing.PublicKey
	switch {
	case !c.trust.here(&k.event):
		return none, refuse(refusedNamespace, "the grant is of %s, partition %d", k.event.Namespace, k.event.Partition)
	case k.id.Term != k.proof.Seal.Term || k.id.Seq != k.proof.Seq:
		return none, refuse(refusedEntryID, "the entry %s holds the grant %d-%d", k.id, k.proof.Seal.Term, k.proof.Seq)
	case c.marks[k.queue] == nil || k.grant.Queue != k.queue:
		return none, refuse(refusedQueue, "a grant of queue %s came from queue %s", k.grant.Queue, k.queue)
	case k.proof.Seal.Statements > c.trust.state.Statements:
		return none, refuse(refusedStatements, "the seal follows %d statements; there are %d", k.proof.Seal.Statements, c.trust.state.Statements)
	}
	key, err := c.trust.sealer(&k.proof.Seal, k.event.At)
	if err != nil {
		return none, refuse(refusedKey, "%v", err)
	}
	if err := k.proof.CheckLeaf(k.event.Hash); err != nil { // the hash of the bytes that the proof is about
		return none, refuse(refusedProof, "%v", err)
	}
	return key, nil
}

// content checks that the job is the one that was granted, in time and for here.
// The time is that of the grant, which its leader sealed: this process' own clock
// may be wrong, and would have a good entry wait until its lease is over. What
// expires in the queue the leader takes back.
func (c *checker) content(k *claim) *domain.Error {
	spec := &k.opened.Spec
	sameID := spec.ID.IsZero() || spec.ID.String() == k.event.Aggregate.ID
	switch {
	case !sameID || k.grant.Job != k.opened.Hash || !slices.Equal(k.grant.Keys, k.opened.Signers):
		return refuse(refusedJob, "the job is not the one that was granted")
	case spec.Queue() != k.queue:
		return refuse(refusedQueue, "the job asks for queue %s", spec.Queue())
	case k.grant.Checkpoint != hashOf(k.checkpoint):
		return refuse(refusedCheckpoint, "the checkpoint is not the one that was granted")
	}
	if err := spec.CheckFor(string(c.trust.keys.Namespace), k.event.At); err != nil {
		if domain.ReasonOf(err) == refusedAudience {
			return refuse(refusedAudience, "%v", err)
		}
		return refuse(refusedNotAfter, "%v", err)
	}
	return nil
}

// hashOf names a checkpoint as a grant does.
func hashOf(checkpoint []byte) signing.Hash {
	if checkpoint == nil {
		return signing.Hash{}
	}
	return (&runner.Checkpoint{Data: checkpoint}).Hash()
}

// signatures collects the checks of the client's signatures. A key is judged as
// of the submission: a later attempt is granted by another event, and the
// supervisor that granted it stands for what was so then.
func (c *checker) signatures(k *claim) *domain.Error {
	at := k.event.At
	if _, first := k.event.Data.(job.Submitted); !first {
		at = 0
	}
	var err error
	c.checks, err = k.opened.AppendChecks(c.checks, func(id signing.KeyID) (signing.PublicKey, bool) {
		return c.trust.client(id, &k.proof.Seal, at)
	})
	if err != nil {
		return refuse(refusedClientKey, "%v", err)
	}
	return nil
}

// settle takes the verdicts over and moves the mark behind what may be run. An
// entry that is refused moves nothing: whoever forged it would keep good ones
// from being run.
func (c *checker) settle(k *claim) {
	if k.refusal != nil {
		return
	}
	if k.seal >= 0 && !c.verdicts[k.seal] {
		k.refusal = refuse(refusedSeal, "the seal is not of the key that it names")
		return
	}
	if c.sealed != k.proof.Seal {
		c.sealed = k.proof.Seal
		c.trust.saw(&c.sealed)
	}
	if slices.Contains(c.verdicts[k.from:k.to], false) {
		k.refusal = refuse(refusedSignature, "a signature is not of the client's key")
		return
	}
	if m := c.marks[k.queue]; m.passed(k.id) {
		k.refusal = refuse(refusedMark, "the entry %s stands before what was given out", k.id)
	} else {
		m.last = k.id
	}
}
