package historytest

import (
	"fmt"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
)

// Stream makes a history of any length, a commit at a time, as a supervisor
// under load does: large commits, in which jobs are submitted and those of the
// commit before complete. It keeps only what the next commit needs, so that
// histories larger than any memory can be made.
//
//	s := historytest.NewStream("horus", job.FormDSSE)
//	for range 1000 {
//		commit := s.Next()
//	}
type Stream struct {
	Tidy bool // also delete some of the jobs that ended, one commit later

	p       *Partition
	form    job.Form
	worker  *Process
	open    []string // submitted by the last commit
	done    []string // ended by the last commit, and to be deleted
	made    int      // jobs
	payload string
}

// A commit of a [Stream] has 2·streamBundles + 3·streamBundles·streamReports
// events: nearly [signing.MaxSealed].
const (
	streamBundles = 2
	streamReports = 40
	streamTidied  = 10 // deletions, if any
)

// NewStream returns a stream of jobs in a form.
func NewStream(namespace domain.Name, form job.Form) *Stream {
	payload := make([]byte, 200) // a small script
	for i := range payload {
		payload[i] = "echo hello; "[i%12]
	}
	return &Stream{p: New(namespace), form: form, payload: string(payload)}
}

// Seq returns the place of the last event.
func (s *Stream) Seq() uint64 { return s.p.Seq() }

// Next appends a commit and returns it. The first two found the namespace and
// let a process join.
func (s *Stream) Next() *history.Commit {
	var c *history.Commit
	switch {
	case s.p.Seq() == 0:
		c = s.p.Commit(func(tx *Tx) { tx.Found() })
	case s.worker == nil:
		s.worker = s.p.NewProcess("r1")
		c = s.p.Commit(func(tx *Tx) { tx.Report(s.worker, s.worker.Join()) })
	default:
		c = s.p.Commit(s.fill)
	}
	s.forget()
	return c
}

func (s *Stream) fill(tx *Tx) {
	for _, id := range s.done {
		tx.Emit(event.Header{Aggregate: JobOf(id), Version: 4, Actor: event.ByAPIKey("web")}, job.Deleted{})
	}
	ended := s.open
	if s.done = nil; s.Tidy && len(ended) > 0 {
		s.done = ended[:streamTidied]
	}
	s.open = make([]string, 0, streamBundles*streamReports)
	for range cap(s.open) {
		s.made++
		id := fmt.Sprintf("0198c0de-0000-7000-8000-%012x", s.made)
		tx.Submit(id, Job{Payload: s.payload, Form: s.form})
		s.open = append(s.open, id)
	}
	for len(ended) > 0 {
		reports := make([]runner.Report, streamReports)
		for i := range reports {
			reports[i] = runner.Completed{About: tx.About(ended[i]), Result: "hello"}
		}
		tx.Report(s.worker, reports...)
		ended = ended[streamReports:]
	}
}

// forget drops what no later commit needs.
func (s *Stream) forget() {
	p := s.p
	p.Commits = append(p.Commits[:0], p.Commits[len(p.Commits)-1])
	p.jobs = p.jobs[:0]
	for id, j := range p.State.Jobs {
		if j.Status.Terminal() {
			delete(p.State.Jobs, id)
		}
	}
}
