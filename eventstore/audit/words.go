package audit

import (
	"fmt"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// meaning says in a sentence what happened to a job; ok is false for what is no
// event of one, or cannot be read.
func meaning(seq uint64, data []byte) (text string, ok bool) {
	e, err := history.ParseEntry(seq, data)
	if err != nil {
		return "", false
	}
	event, ok := e.Data.(job.Event)
	if !ok {
		return "", false
	}
	return sentence(event), true
}

func sentence(e job.Event) string {
	switch e := e.(type) {
	case job.Submitted:
		switch {
		case e.Grant != nil:
			return "submitted; " + grants(*e.Grant)
		case !e.Due.IsZero():
			return fmt.Sprintf("submitted; it is to be queued at %s", e.Due)
		}
		return "submitted, and held until somebody releases it"
	case job.Scheduled:
		return fmt.Sprintf("released; it is to be queued at %s", e.Due)
	case job.Queued:
		return grants(e.Grant)
	case job.Started:
		return fmt.Sprintf("attempt %d began in process %s", e.Attempt, printable(e.Process))
	case job.Checkpointed:
		return fmt.Sprintf("attempt %d handed over checkpoint %s: the next one begins with it", e.Attempt, short(e.Hash))
	case job.AttemptFailed:
		return fmt.Sprintf("attempt %d failed (%s); another one is due at %s", e.Attempt, e.Kind, e.Due)
	case job.AttemptLost:
		return fmt.Sprintf("attempt %d is lost: %s", e.Attempt, reason(e.Reason))
	case job.Stopping:
		return fmt.Sprintf("it is to be stopped; attempt %d may be running", e.Attempt)
	case job.Completed:
		return fmt.Sprintf("completed, by attempt %d", e.Attempt)
	case job.Failed:
		return fmt.Sprintf("failed for good (%s), with attempt %d", e.Kind, e.Attempt)
	case job.Stopped:
		if e.Attempt == 0 {
			return "stopped before it was ever queued"
		}
		return fmt.Sprintf("stopped, with attempt %d", e.Attempt)
	case job.ReportRefused:
		return fmt.Sprintf("process %s said too late that an attempt %s (grant %s): refused, and nothing changes",
			printable(e.Process), e.Said, short(e.Token))
	case job.Replayed:
		text := "somebody gave it new attempts: " + many(uint64(e.Attempts), "attempt")
		if e.Limits.Timeout > 0 {
			text += fmt.Sprintf(" of %s each", e.Limits.Timeout)
		}
		if !e.Limits.Expires.IsZero() {
			text += fmt.Sprintf(", not begun after %s", e.Limits.Expires)
		}
		return text
	case job.Dropped:
		return "taken off the dead-letter list"
	case job.Deleted:
		return "deleted: out of all lists; its history stays"
	}
	panic("audit: unknown job event")
}

func grants(g job.Grant) string {
	text := fmt.Sprintf("attempt %d waits in queue %s", g.Attempt, g.Queue)
	if !g.Checkpoint.IsZero() {
		text += ", behind checkpoint " + short(g.Checkpoint)
	}
	if g.Timeout > 0 {
		text += fmt.Sprintf(", for %s at most", g.Timeout)
	}
	return text
}

func reason(r job.LossReason) string {
	switch r {
	case job.LostLease:
		return "its runner stopped renewing it"
	case job.LostQueue:
		return "its queue entry was not there any more; it does not count"
	case job.LostTimeout:
		return "its time is over, and its runner did not say so"
	case job.LostStop:
		return "it was to be stopped, and its runner did not say that it was"
	}
	return string(r)
}

// short is the beginning of a hash, for people.
func short(h signing.Hash) string { return h.String()[:12] + "…" }
