package runnersdk

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/runnersdk/queue"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// resealed seals an event anew, changed before or after.
func (w *world) resealed(encoded []byte) queue.Assignment {
	return queuetest.Assignment(w.Seal(encoded)[0])
}

// encoded is the granting event of a job.
func (w *world) encoded(s job.Submission, g *job.Grant, change func(*event.Header)) []byte {
	h := w.Header(queuetest.JobAggregate("j1"))
	if change != nil {
		change(&h)
	}
	return event.Append(nil, h, job.Submitted{Submission: s, Grant: g})
}

func TestEntryIsRefused(t *testing.T) {
	doc := queuetest.Document("j1", "p")
	tests := []struct {
		name string
		make func(*world) queue.Assignment
		want string
	}{
		{
			name: "when its event was changed",
			make: func(w *world) queue.Assignment {
				a := w.Assign(queuetest.Sign(doc, w.client))
				a.Grant.Event = bytes.Replace(a.Grant.Event, []byte(`"runner:r1"`), []byte(`"runner:r2"`), 1)
				return a
			},
			want: "queue",
		},
		{
			name: "when the sealed bytes are others",
			make: func(w *world) queue.Assignment {
				a := w.Assign(queuetest.Sign(doc, w.client))
				a.Grant.Event = bytes.Replace(a.Grant.Event, []byte(`"n":1`), []byte(`"n":2`), 1)
				return a
			},
			want: "proof",
		},
		{
			name: "when the seal's signature is another's",
			make: func(w *world) queue.Assignment {
				a := w.Assign(queuetest.Sign(doc, w.client))
				a.Grant.Seal.Signature[7] ^= 1
				return a
			},
			want: "seal",
		},
		{
			name: "when a client sealed it",
			make: func(w *world) queue.Assignment {
				w.Supervisor = w.client
				return w.Assign(queuetest.Sign(doc, w.client))
			},
			want: "key",
		},
		{
			name: "when a supervisor sealed it that nobody admitted",
			make: func(w *world) queue.Assignment {
				w.Supervisor = queuetest.Key(w.t, "stranger")
				return w.Assign(queuetest.Sign(doc, w.client))
			},
			want: "key",
		},
		{
			name: "when a supervisor sealed it before it was admitted",
			make: func(w *world) queue.Assignment {
				second := queuetest.Key(w.t, "second")
				w.Admit(access.Supervisor, "s2", second)
				w.Statements--
				w.Supervisor = second
				a := w.Assign(queuetest.Sign(doc, w.client))
				w.Statements++
				return a
			},
			want: "key",
		},
		{
			name: "when the seal follows statements that are not there",
			make: func(w *world) queue.Assignment {
				w.Statements += 3
				return w.Assign(queuetest.Sign(doc, w.client))
			},
			want: "statements",
		},
		{
			name: "when it stands in another place",
			make: func(w *world) queue.Assignment {
				a := w.Assign(queuetest.Sign(doc, w.client))
				a.ID.Term++
				return a
			},
			want: "entry_id",
		},
		{
			name: "when it was granted elsewhere",
			make: func(w *world) queue.Assignment {
				s := queuetest.Sign(doc, w.client)
				_, grant := w.GrantOf(s)
				return w.resealed(w.encoded(s, grant, func(h *event.Header) { h.Namespace = "other" }))
			},
			want: "namespace",
		},
		{
			name: "when it was granted in another partition",
			make: func(w *world) queue.Assignment {
				s := queuetest.Sign(doc, w.client)
				_, grant := w.GrantOf(s)
				return w.resealed(w.encoded(s, grant, func(h *event.Header) { h.Partition = 1 }))
			},
			want: "namespace",
		},
		{
			name: "when the event grants nothing",
			make: func(w *world) queue.Assignment {
				return w.resealed(w.encoded(queuetest.Sign(doc, w.client), nil, nil))
			},
			want: "grant",
		},
		{
			name: "when its next attempt comes without the job",
			make: func(w *world) queue.Assignment {
				_, grant := w.GrantOf(queuetest.Sign(doc, w.client))
				grant.Attempt = 2
				return queuetest.Assignment(w.Commit(queuetest.JobAggregate("j1"), job.Queued{Grant: *grant}))
			},
			want: "grant",
		},
		{
			name: "when its next attempt comes with another job",
			make: func(w *world) queue.Assignment {
				_, grant := w.GrantOf(queuetest.Sign(doc, w.client))
				grant.Attempt = 2
				a := queuetest.Assignment(w.Commit(queuetest.JobAggregate("j1"), job.Queued{Grant: *grant}))
				other := queuetest.Sign(queuetest.Document("j1", "evil"), w.client)
				a.Submission = &other
				return a
			},
			want: "job",
		},
		{
			name: "when the job says that it is another",
			make: func(w *world) queue.Assignment {
				s := queuetest.Sign(queuetest.Document("j2", "p"), w.client)
				_, grant := w.GrantOf(s)
				return w.resealed(w.encoded(s, grant, nil))
			},
			want: "job",
		},
		{
			name: "when the grant names other signers",
			make: func(w *world) queue.Assignment {
				s := queuetest.Sign(doc, w.client)
				_, grant := w.GrantOf(s)
				grant.Keys = nil
				return w.resealed(w.encoded(s, grant, nil))
			},
			want: "job",
		},
		{
			name: "when the job asks for another runner",
			make: func(w *world) queue.Assignment {
				s := queuetest.Sign(strings.Replace(doc, `"r1"`, `"r2"`, 1), w.client)
				_, grant := w.GrantOf(s)
				grant.Queue = job.RunnerQueue(me)
				return w.resealed(w.encoded(s, grant, nil))
			},
			want: "queue",
		},
		{
			name: "when the client's key was not admitted",
			make: func(w *world) queue.Assignment { return w.Assign(queuetest.Sign(doc, queuetest.Key(w.t, "stranger"))) },
			want: "client_key",
		},
		{
			name: "when one of its signers is no client",
			make: func(w *world) queue.Assignment { return w.Assign(queuetest.Sign(doc, w.client, w.Operator)) },
			want: "client_key",
		},
		{
			name: "when the client signed something else",
			make: func(w *world) queue.Assignment {
				s := queuetest.Sign(doc, w.client)
				s.Signatures[0].Signature = w.client.Sign([]byte(doc))
				return w.Assign(s)
			},
			want: "signature",
		},
		{
			name: "when it is meant for another namespace",
			make: func(w *world) queue.Assignment {
				return w.Assign(queuetest.Sign(strings.Replace(doc, `{`, `{"audience":"other",`, 1), w.client))
			},
			want: "audience",
		},
		{
			name: "when it says that it stood in another place of its bulk",
			make: func(w *world) queue.Assignment {
				s := bulk(w, space, doc, queuetest.Document("j2", "p"))[0]
				s.Bulk.Index = 1
				return w.Assign(s)
			},
			want: "signature",
		},
		{
			name: "when it was put into a bulk that its client signed",
			make: func(w *world) queue.Assignment {
				s := bulk(w, space, doc, queuetest.Document("j2", "p"))[0]
				s.Doc = []byte(queuetest.Document("j1", "evil"))
				return w.Assign(s)
			},
			want: "signature",
		},
		{
			name: "when its bulk is meant for another namespace",
			make: func(w *world) queue.Assignment {
				return w.Assign(bulk(w, "other", doc, queuetest.Document("j2", "p"))[0])
			},
			want: "audience",
		},
		{
			name: "when it was granted too late",
			make: func(w *world) queue.Assignment {
				past := time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
				return w.Assign(queuetest.Sign(strings.Replace(doc, `{`, `{"not_after":"`+past+`",`, 1), w.client))
			},
			want: "not_after",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				d := begin(t, echo)
				d.put(test.make(d.world))
				d.turn()
				d.expect("j1 refused: " + test.want)
			})
		})
	}
}

// bulk is jobs that a client signed together.
func bulk(w *world, namespace domain.Name, docs ...string) []job.Submission {
	w.t.Helper()
	texts := make([][]byte, len(docs))
	for i, doc := range docs {
		texts[i] = []byte(doc)
	}
	jobs, err := job.ParseBulk(job.SignBulk(namespace, texts, w.client).Append(nil), texts)
	if err != nil {
		w.t.Fatal(err)
	}
	return jobs
}

// Each job of a bulk stands alone, with its place among the others.
func TestJobsOfABulkRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		for _, s := range bulk(d.world, space, queuetest.Document("j1", "a"), queuetest.Document("j2", "b"), queuetest.Document("j3", "c"))[1:] {
			d.put(d.Assign(s))
		}
		d.turn()
		got := story(d.reports())
		slices.Sort(got)
		if !slices.Equal(got, []string{"j2 completed: b", "j3 completed: c"}) {
			t.Errorf("reports: %q", got)
		}
	})
}

// A runner whose clock was ahead refused what had been granted in time: the
// attempt was lost and counted. Neither does a clock that is behind begin what was
// granted too late.
func TestClockOfARunnerJudgesNoEntry(t *testing.T) {
	for _, wrong := range []time.Duration{time.Hour, -time.Hour} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t)
			c := w.config(&logs{})
			c.Now = func() time.Time { return time.Now().Add(wrong) }
			s := w.serve(c, echo)
			until := func(id string, left time.Duration) {
				at := time.Now().Add(left).UTC().Format(time.RFC3339)
				doc := strings.Replace(queuetest.Document(id, "p"), `{`, `{"not_after":"`+at+`",`, 1)
				w.put(w.Assign(queuetest.Sign(doc, w.client)))
			}
			until("j1", time.Minute)
			time.Sleep(5 * time.Second)
			s.expect("j1 completed: p")
			until("j2", -time.Minute)
			time.Sleep(5 * time.Second)
			s.expect("j2 refused: not_after")
			s.end()
		})
	}
}

// What cannot be read names no job: it is logged and not reported, since such a
// report could not be read either.
func TestUnreadableEntryIsLoggedOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		good := d.Assign(queuetest.Sign(queuetest.Document("j1", "p"), d.client))
		d.wire.Put(job.RunnerQueue(me), queue.EntryID{Term: 7, Seq: 2}, map[string]string{"grant": "no proof"})
		d.put(good)
		d.turn()
		d.expect("j1 completed: p")
		if !d.logs.has("reason=form") {
			t.Error("it was not logged")
		}
	})
}

func TestJobsWithoutASignatureRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		s := job.Submission{Form: job.FormUnsigned, Doc: []byte(`{"payload":"p","runner":"r1"}`)}
		_, grant := d.GrantOf(s)
		d.put(d.resealed(d.encoded(s, grant, nil)))
		d.turn()
		d.expect("j1 completed: p")
	})
}

// A client's key may end between the first attempt and the second: it held when
// the job was signed.
func TestEndedClientKeyIsGoodForALaterAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		brief := queuetest.Key(t, "brief")
		k := access.Key{Class: access.Client, Name: "c2", Public: brief.Public(), Until: event.At(time.Now().Add(time.Minute))}
		k.Proof = brief.Sign(access.AdmissionText(space, k))
		d.State(access.Admitted{Key: k})
		s := queuetest.Sign(queuetest.Document("j1", "p"), brief)
		_, grant := d.GrantOf(s)
		grant.Attempt = 2
		time.Sleep(time.Hour)
		a := queuetest.Assignment(d.Commit(queuetest.JobAggregate("j1"), job.Queued{Grant: *grant}))
		a.Submission = &s
		d.put(a)
		d.put(d.Assign(queuetest.Sign(queuetest.Document("j2", "p"), brief)))
		d.turn()
		got := story(d.reports())
		slices.Sort(got)
		if !slices.Equal(got, []string{"j1 completed: p", "j2 refused: client_key"}) {
			t.Errorf("reports: %q", got)
		}
	})
}

func TestOneBadEntryDoesNotHarmItsNeighbours(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		var assignments []queue.Assignment
		for _, id := range []string{"j1", "j2", "j3", "j4"} {
			s := queuetest.Sign(queuetest.Document(id, "p"), d.client)
			if id == "j2" {
				s.Signatures[0].Signature[3] ^= 1
			}
			assignments = append(assignments, d.Assign(s))
		}
		assignments[2].Grant.Seal.Signature[3] ^= 1
		for _, a := range assignments {
			d.put(a)
		}
		d.turn()
		got := story(d.reports())
		slices.Sort(got)
		want := []string{"j1 completed: p", "j2 refused: signature", "j3 refused: seal", "j4 completed: p"}
		if !slices.Equal(got, want) {
			t.Errorf("reports: %q, want %q", got, want)
		}
	})
}

// A finished job that somebody puts back does not run again.
func TestMark(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := job.RunnerQueue(me)
		finished := w.Assign(queuetest.Sign(queuetest.Document("j1", "p"), w.client))
		open := w.Assign(queuetest.Sign(queuetest.Document("j2", "p"), w.client))
		d := w.beginWith(echo, open.ID.Seq)
		d.put(finished)
		d.put(open)
		d.turn()
		got := story(d.reports())
		slices.Sort(got)
		if want := []string{"j1 refused: mark", "j2 completed: p"}; !slices.Equal(got, want) {
			t.Errorf("before and at the lowest open grant: %q", got)
		}
		d.wire.Remove(q, open.ID)
		d.wire.DropQueue(q)
		d.wire.MakeQueue(q)
		d.put(open)
		d.turn()
		d.expect("j2 refused: mark")
		d.Term, d.Seq = d.Term+1, open.ID.Seq-1 // the log lost its tail, and gives numbers again
		d.submit("j3", "p")
		d.turn()
		d.expect("j3 completed: p")
	})
}

// A forged entry with a high place must not make good ones look old.
func TestForgedEntryMovesNoMark(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		forged := d.Assign(queuetest.Sign(queuetest.Document("j1", "p"), d.client))
		forged.Grant.Seal.Signature[3] ^= 1
		d.put(forged)
		d.turn()
		if last := d.checker.marks[job.RunnerQueue(me)].last; last.Seq != 0 {
			t.Errorf("the mark moved to %s", last)
		}
		synctest.Wait()
	})
}
