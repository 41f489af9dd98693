package audit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
)

// show shows entries of a log.
func show(t *testing.T, log []history.Raw, from, to uint64) ([]audit.Shown, audit.Verdict, error) {
	t.Helper()
	source, err := audit.FromLog(t.Context(), memory(log))
	if err != nil {
		t.Fatal(err)
	}
	return audit.Show(t.Context(), source, audit.Options{Namespace: namespace}, from, to)
}

func TestEntriesAreShown(t *testing.T) {
	log := written(2, 60)
	end := uint64(len(log))
	for from := uint64(1); from <= end; from++ {
		for to := from; to <= min(from+7, end+1); to++ {
			shown, verdict, err := show(t, log, from, to)
			if err != nil || !verdict.Finding.Proved() || uint64(len(shown)) != min(to, end)-from+1 {
				t.Fatalf("%d to %d: %d entries, %s, %v", from, to, len(shown), verdict, err)
			}
			for i, s := range shown {
				raw := log[from-1+uint64(i)]
				proof := signing.Proof{Event: s.Event, Seq: s.Seq, Path: s.Path, Seal: *s.Seal}
				if s.Seq != raw.Seq || string(s.Event) != string(raw.Event) || s.Why != "" || proof.Check() != nil {
					t.Fatalf("%d to %d: %s", from, to, s)
				}
			}
		}
	}
	if _, _, err := show(t, log, end+1, end+1); domain.CodeOf(err) != domain.NotFound {
		t.Errorf("behind the end: %v", err)
	}
	for _, places := range [][2]uint64{{0, 1}, {2, 1}, {1, audit.MaxShown + 1}} {
		if _, _, err := show(t, log, places[0], places[1]); domain.CodeOf(err) != domain.Invalid {
			t.Errorf("%v: %v", places, err)
		}
	}
}

func TestEveryEventOfAJobIsPutIntoWords(t *testing.T) {
	said := map[string]bool{}
	for seed := range uint64(5) {
		p := lived(seed, 500)
		for _, c := range p.Commits {
			for i := range c.Entries {
				e := &c.Entries[i]
				text := audit.Shown{Seq: e.Seq, Event: e.Bytes}.String()
				if e.Aggregate.Kind != event.Job {
					continue
				}
				if !strings.Contains(text, "\nsays  ") {
					t.Fatalf("no words for\n%s", text)
				}
				said[e.Type] = true
			}
		}
	}
	for _, e := range job.Events() {
		if !said[e.EventName()] {
			t.Errorf("%s was not said", e.EventName())
		}
	}
}

func TestWhatHappenedIsPutIntoWords(t *testing.T) {
	p := lived(1, 1)
	r1 := p.Processes()[0]
	p.Commit(func(tx *historytest.Tx) {
		tx.Submit("j1", historytest.Job{More: `"delay":2,"retry_on":["error"]`})
		tx.Await("j1")
		about := tx.About("j1")
		tx.Report(r1, runner.Checkpoint{About: about, Data: []byte("page 7")}, runner.Failed{About: about, Kind: job.FailedError})
		tx.Await("j1")
		tx.Stop("j1")
		tx.Withdraw("j1")
		tx.Report(r1, runner.Completed{About: about})
		tx.Delete("j1")
	})
	first := p.Commits[len(p.Commits)-1].Seal.First
	for i, want := range []string{
		"submitted; it is to be queued at 2026-01-02T15:06:07.005000Z",
		"attempt 1 waits in queue runner:r1",
		"",
		"attempt 1 began in process a0",
		"attempt 1 handed over checkpoint 6e2c1e96ee3e…: the next one begins with it",
		"attempt 1 failed (error); another one is due at 2026-01-02T15:06:0",
		"attempt 2 waits in queue runner:r1, behind checkpoint ",
		"it is to be stopped; attempt 2 may be running",
		"stopped, with attempt 2",
		"",
		"process a0 said too late that an attempt completed (grant ",
		"deleted: out of all lists; its history stays",
	} {
		shown, _, err := show(t, p.Raws(), first+uint64(i), first+uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		if text := shown[0].String(); !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestWhatWasTamperedWithIsShownAsItStands(t *testing.T) {
	log := slices.Clone(short().Raws())
	start := uint64(historytest.Starts(log)[4]) // the first of the last commit
	log[start+1].Event = []byte("{\x1b}")
	shown, verdict, err := show(t, log, start, start+2)
	if err != nil || verdict.Finding != audit.Tampered || len(shown) != 3 {
		t.Fatalf("%d entries, %s, %v", len(shown), verdict, err)
	}
	for i, proved := range []bool{true, false, false} { // a commit is proved as a whole
		if text := shown[i].String(); strings.Contains(text, "\nproved  ") != proved || strings.Contains(text, "\nnot proved  ") == proved {
			t.Errorf("%s", text)
		}
	}
	if text := shown[2].String(); strings.ContainsRune(text, '\x1b') {
		t.Errorf("it speaks to the terminal: %q", text)
	}
	var doc struct {
		Proved bool
		Why    string
		Event  string
	}
	text, err := json.Marshal(shown[2])
	if err != nil || json.Unmarshal(text, &doc) != nil || doc.Proved || doc.Why == "" || doc.Event != "{\x1b}" {
		t.Errorf("%s, %v", text, err)
	}
}
