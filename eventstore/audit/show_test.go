package audit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
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
