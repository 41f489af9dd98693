package audittest

import (
	"math/rand/v2"
	"slices"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
)

// ofProofs change what proves that clients submitted their jobs.
func ofProofs() (list []Mutation) {
	koblitz := historytest.Secp256k1Key(historytest.Koblitz).Public().ID()
	of := func(edits []submissionEdit, is func(*job.Submission) bool) {
		for _, e := range edits {
			list = append(list, Mutation{e.name, func(dice *rand.Rand, log []history.Raw) []history.Raw {
				return resubmitted(log, submissions(dice, log, is), func(some []job.Submission) { e.do(&some[0]) })
			}})
		}
	}
	of(bulkEdits(), inCompany)
	of(secp256k1Edits(), func(s *job.Submission) bool { return len(s.Signatures) > 0 && s.Signatures[0].Key == koblitz })
	return append(list, Mutation{"two jobs of a bulk exchange their proofs", func(dice *rand.Rand, log []history.Raw) []history.Raw {
		return resubmitted(log, submissions(dice, log, inCompany), func(some []job.Submission) {
			other := slices.IndexFunc(some, func(s job.Submission) bool {
				return s.Signatures[0] == some[0].Signatures[0] && s.Bulk.Index != some[0].Bulk.Index
			})
			if other > 0 { // else it is the only one of its bulk that is left
				some[0].Bulk, some[other].Bulk = some[other].Bulk, some[0].Bulk
			}
		})
	}})
}

func inCompany(s *job.Submission) bool { return s.Bulk != nil && len(s.Bulk.Path) > 0 }

// submissions returns the places of jobs that were submitted so, as indices, in
// any order.
func submissions(dice *rand.Rand, log []history.Raw, is func(*job.Submission) bool) []int {
	return slices.DeleteFunc(dice.Perm(len(log)), func(i int) bool {
		_, submitted := submission(log[i])
		return submitted == nil || !is(&submitted.Submission)
	})
}

func submission(raw history.Raw) (header event.Header, submitted *job.Submitted) {
	e, err := history.ParseEntry(raw.Seq, raw.Event)
	if err != nil {
		panic(err) // the log was clean
	}
	if data, ok := e.Data.(job.Submitted); ok {
		submitted = &data
	}
	return e.Header, submitted
}

// resubmitted returns the log with what was submitted at some places edited, and
// as it was if there are none.
func resubmitted(log []history.Raw, places []int, edit func([]job.Submission)) []history.Raw {
	if len(places) == 0 {
		return log
	}
	some := make([]job.Submission, len(places))
	for k, i := range places {
		_, submitted := submission(log[i])
		some[k] = submitted.Submission
	}
	edit(some)
	log = slices.Clone(log)
	for k, i := range places {
		header, submitted := submission(log[i])
		submitted.Submission = some[k]
		log[i].Event = event.Append(nil, header, *submitted)
	}
	return log
}
