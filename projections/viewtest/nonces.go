package viewtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/projections/engine"
)

// spendMany submits jobs, each with a nonce of its own for so long.
func (l *Leader) spendMany(prefix string, n int, life time.Duration) {
	l.t.Helper()
	l.History.Commit(func(tx *historytest.Tx) {
		for i := range n {
			word := fmt.Sprint(prefix, i)
			tx.Submit(word, historytest.Job{More: fmt.Sprintf(`"nonce":%q,"not_after":%q`, word, tx.Now.Add(life))})
		}
	})
}

// The views know the nonces that are spent, and few of the others, whoever folds
// them: an engine that was there, one that came later, or one that begins anew.
func theNoncesThatAreSpentAreKnown(t *testing.T, l *Leader) {
	l.Begin()
	l.spendMany("old", 30, time.Minute)
	l.spendMany("long", 5, 24*time.Hour)
	l.Feed()
	l.CheckViews()
	l.History.Now = l.History.Now.Add(2 * time.Minute)
	for i := range 8 {
		l.spendMany(fmt.Sprint("new", i, "-"), 5, time.Minute)
		if i == 4 {
			l.Crash()
			l.Begin()
		}
		l.Feed()
		l.CheckViews()
	}
	nonces := l.Dump(t.Context(), t, l.Live())["nonces"]
	for name := range nonces {
		if strings.Contains(name, "/old") {
			t.Errorf("%s is good again, and still there", name)
		}
	}
	if want := 1 + 2*(5+8*5); len(nonces) != want {
		t.Errorf("%d fields are there, want %d", len(nonces), want)
	}
	report, err := engine.Rebuild(t.Context(), l.Config(), nil)
	if err != nil || report.Difference != nil {
		t.Errorf("a rebuild: %v, %v", report.Difference, err)
	}
	l.spendMany("last", 3, time.Minute) // the engine goes on in the new generation
	l.Feed()
	l.CheckViews()
	if err := l.Engine.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}
