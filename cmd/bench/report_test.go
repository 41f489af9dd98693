package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func reportOf(ratio, cpu Spread) *Report {
	return &Report{
		At:      time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC),
		Machine: Machine{CPU: "Abacus", Cores: 2, GOMAXPROCS: 2, Go: "go1.26", System: "linux/amd64"},
		Redis:   Redis{Version: "7.0.15", Own: true, AOF: true, Fsync: "everysec"}, Jobs: 4000, Rounds: 3,
		Sections: []Section{{
			Name: "jobs", About: "from a submit to an outcome",
			Notes: []string{"The handler does nothing."},
			Rows: []Row{
				{Name: "bare loop, 50 callers", Yardstick: true, Figures: map[string]Spread{"jobs_per_s": {30_000, 29_000, 31_000}}},
				{Name: "50 callers", Figures: map[string]Spread{"ratio": ratio, "cpu_ratio": cpu, "jobs_per_s": {15_012.4, 14_000, 16_000}, "commands": {5.544, 5, 6}}},
			},
		}},
	}
}

func TestTable(t *testing.T) {
	report := reportOf(Spread{0.5, 0.45, 0.55}, Spread{2, 2, 2})
	report.Changes = Compare(reportOf(Spread{0.4, 0.38, 0.41}, Spread{1, 1, 1}), report)
	var text strings.Builder
	if err := report.Table(&text); err != nil {
		t.Fatal(err)
	}
	want := `Abacus, 2 cores (GOMAXPROCS 2), linux/amd64, go1.26
Redis 7.0.15, AOF everysec, started for this run; 2026-11-22 10:30 UTC
Medians of 3 rounds in turns, with the lowest and the highest in brackets. CPU, commands, bytes and allocations are for each job.

jobs: from a submit to an outcome
                               × yardstick  × its CPU  jobs/s  commands
  bare loop, 50 callers                  1          1  30,000         -
  50 callers             0.50 (0.45–0.55)       2.00  15,012      5.54
  - The handler does nothing.

compared with the older report; better and worse are outside of what the other's rounds found
                          figure               old               new  change        
  jobs: 50 callers   × yardstick  0.40 (0.38–0.41)  0.50 (0.45–0.55)   +25 %  better
`
	if diff := cmp.Diff(trimmed(want), trimmed(text.String())); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// trimmed makes a run of spaces one, so that the test does not count columns.
func trimmed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestCompare(t *testing.T) {
	known := Spread{0.5, 0.45, 0.55}
	for name, test := range map[string]struct {
		figure   string
		old, now Spread
		want     Verdict
	}{
		"the same":                          {"ratio", known, known, ""},
		"within the older rounds":           {"ratio", known, Spread{0.46, 0.46, 0.47}, ""},
		"the older median within the newer": {"ratio", known, Spread{0.6, 0.49, 0.7}, ""},
		"ranges that only overlap":          {"ratio", known, Spread{0.6, 0.54, 0.7}, Better},
		"a lower ratio":                     {"ratio", known, Spread{0.3, 0.2, 0.4}, Worse},
		"more time":                         {"p50_ms", known, Spread{0.6, 0.6, 0.7}, Worse},
		"less time":                         {"p50_ms", known, Spread{0.3, 0.2, 0.4}, Better},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(s Spread) *Report {
				return &Report{Sections: []Section{{Name: "s", Rows: []Row{
					{Name: "r", Figures: map[string]Spread{test.figure: s}},
					{Name: "yardstick", Yardstick: true, Figures: map[string]Spread{test.figure: s}},
				}}}}
			}
			got := Compare(with(test.old), with(test.now))
			if len(got) != 1 || got[0].Row != "r" || got[0].Figure != test.figure || got[0].Verdict != test.want {
				t.Errorf("changes %+v, want one of r, %q", got, test.want)
			}
		})
	}
}

// What only one of the reports has is no change.
func TestCompareStrangers(t *testing.T) {
	report := reportOf(Spread{1, 1, 1}, Spread{1, 1, 1})
	other := reportOf(Spread{1, 1, 1}, Spread{1, 1, 1})
	other.Sections[0].Name = "others"
	if got := Compare(other, report); len(got) != 0 {
		t.Errorf("changes %+v of rows that only one report has", got)
	}
}

func TestReadWhatWasWritten(t *testing.T) {
	report := reportOf(Spread{0.5, 0.45, 0.55}, Spread{2, 2, 2})
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(text))
	if diff := cmp.Diff(report, got); diff != "" || err != nil {
		t.Errorf("read (%v; -want +got):\n%s", err, diff)
	}
	for _, wrong := range []string{"", "{}", `{"sections":[]}`, "[]", "jobs: 1"} {
		if _, err := Read(strings.NewReader(wrong)); err == nil {
			t.Errorf("%q was read as a report", wrong)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 0.494: "0.49", 9.999: "10.00", 10: "10.0", 99.94: "99.9", 100.4: "100", 1234567.8: "1,234,568", -1500: "-1,500", 999: "999", 1000: "1,000",
	} {
		if got := plain(n); got != want {
			t.Errorf("%v is written %s, want %s", n, got, want)
		}
	}
}
