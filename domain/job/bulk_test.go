package job_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

// docs makes the documents of n jobs.
func docs(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = fmt.Appendf(nil, `{"id":"b%d","payload":"echo %d","executor":"sh"}`, i, i)
	}
	return list
}

func mustParseBulk(t testing.TB, n int) []job.Submission {
	t.Helper()
	jobs, err := job.ParseBulk(job.SignBulk("horus", docs(n), key(t, 1)).Append(nil), docs(n))
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestEachJobOfABulkStandsAlone(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 256, 257, job.MaxBulk} {
		for i, s := range mustParseBulk(t, n) {
			back, err := job.ParseSubmission(job.AppendSubmission(nil, s))
			if err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
			o, err := back.Open()
			if err != nil || !holds(t, o) {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
			if o.Spec.Audience != "horus" || o.Spec.ID.String() != fmt.Sprintf("b%d", i) {
				t.Fatalf("%d of %d: %+v", i, n, o.Spec)
			}
		}
	}
}

// A client that gathers signs a job alone when it was in company before: it is
// the same job.
func TestAJobIsTheSameAloneAndInABulk(t *testing.T) {
	inBulk, err := mustParseBulk(t, 3)[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	alone := mustOpen(t, enveloped(t, job.PayloadType, string(docs(3)[1]), 1))
	if inBulk.Hash != alone.Hash || !slices.Equal(inBulk.Signers, alone.Signers) {
		t.Errorf("in a bulk %s, alone %s", inBulk.Hash, alone.Hash)
	}
}

func TestABulkIsForItsNamespace(t *testing.T) {
	o, err := mustParseBulk(t, 2)[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Spec.CheckFor("horus", noon); err != nil {
		t.Error(err)
	}
	if err := o.Spec.CheckFor("other", noon); domain.CodeOf(err) != domain.Expired || domain.ReasonOf(err) != "audience" {
		t.Errorf("elsewhere: %v", err)
	}
	doc := [][]byte{[]byte(`{"id":"j1","payload":"x","executor":"sh","audience":"other"}`)}
	jobs, err := job.ParseBulk(job.SignBulk("horus", doc, key(t, 1)).Append(nil), doc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jobs[0].Open(); domain.ReasonOf(err) != "audience" {
		t.Errorf("a job for somebody else than its bulk: %v", err)
	}
}

func TestWhatIsNoBulkIsRefused(t *testing.T) {
	good := job.SignBulk("horus", docs(3), key(t, 1))
	swapped := docs(3)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	edited := func(edit func(*signing.Envelope)) []byte {
		e := good
		edit(&e)
		return e.Append(nil)
	}
	text := func(text string) []byte { return edited(func(e *signing.Envelope) { e.Payload = []byte(text) }) }
	root := strings.Repeat("00", 32)
	for name, c := range map[string]struct {
		envelope []byte
		docs     [][]byte
	}{
		"another order":         {good.Append(nil), swapped},
		"a job less":            {good.Append(nil), docs(2)},
		"a job more":            {good.Append(nil), docs(4)},
		"a space in a job":      {good.Append(nil), [][]byte{docs(1)[0], docs(2)[1], append([]byte(" "), docs(3)[2]...)}},
		"no jobs":               {job.SignBulk("horus", nil, key(t, 1)).Append(nil), nil},
		"too many":              {job.SignBulk("horus", docs(job.MaxBulk+1), key(t, 1)).Append(nil), docs(job.MaxBulk + 1)},
		"a job's type":          {edited(func(e *signing.Envelope) { e.PayloadType = job.PayloadType }), docs(3)},
		"no key id":             {edited(func(e *signing.Envelope) { e.Signatures = []signing.EnvelopeSignature{{KeyID: "me"}} }), docs(3)},
		"white space":           {text(`{"count": 3,"namespace":"horus","root":"` + root + `"}`), docs(3)},
		"another order of it":   {text(`{"namespace":"horus","count":3,"root":"` + root + `"}`), docs(3)},
		"another root":          {text(`{"count":3,"namespace":"horus","root":"` + root + `"}`), docs(3)},
		"no namespace of words": {text(`{"count":3,"namespace":"*","root":"` + root + `"}`), docs(3)},
	} {
		if _, err := job.ParseBulk(c.envelope, c.docs); domain.CodeOf(err) != domain.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A path that leads elsewhere is a signature of something else.
func TestAJobCannotMoveInABulk(t *testing.T) {
	for name, edit := range map[string]func(*job.Submission){
		"another place":     func(s *job.Submission) { s.Bulk.Index++ },
		"another count":     func(s *job.Submission) { s.Bulk.Count-- },
		"another namespace": func(s *job.Submission) { s.Bulk.Namespace = "other" },
		"a shorter path":    func(s *job.Submission) { s.Bulk.Path = s.Bulk.Path[1:] },
		"another document":  func(s *job.Submission) { s.Doc = bytes.Replace(s.Doc, []byte("echo"), []byte("true"), 1) },
		"no bulk":           func(s *job.Submission) { s.Bulk = nil },
	} {
		s := mustParseBulk(t, 7)[2]
		edit(&s)
		if o, err := s.Open(); err == nil && holds(t, o) {
			t.Errorf("%s: the signature holds", name)
		}
	}
	s := mustParseBulk(t, 1)[0]
	s.Form, s.Signatures = job.FormUnsigned, nil
	if _, err := s.Open(); domain.ReasonOf(err) != "form" {
		t.Errorf("an unsigned job in a bulk: %v", err)
	}
}

func TestABulksPlaceHasOneSpelling(t *testing.T) {
	text := string(job.AppendSubmission(nil, mustParseBulk(t, 3)[0]))
	for name, bad := range map[string]string{
		"place beyond the end": strings.Replace(text, `"index":0`, `"index":3`, 1),
		"no count":             strings.Replace(text, `"count":3`, `"count":0`, 1),
		"too many":             strings.Replace(text, `"count":3`, `"count":1001`, 1),
		"another order":        strings.Replace(text, `"ns":"horus","count":3`, `"count":3,"ns":"horus"`, 1),
		"a path of no base64":  strings.Replace(text, `"path":"`, `"path":"*`, 1),
		"half a hash":          text[:strings.Index(text, `"path":"`)+8] + `AAAA"}}`,
	} {
		if _, err := job.ParseSubmission([]byte(bad)); bad == text || domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := job.Submitted{Submission: mustParseBulk(t, 3)[2], Due: noon}
	again, err := job.DecodeEvent("job.submitted", e.AppendData(nil))
	if err != nil || string(again.AppendData(nil)) != string(e.AppendData(nil)) {
		t.Errorf("%s: %v", e.AppendData(nil), err)
	}
}
