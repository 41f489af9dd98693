package chaos

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Report is what a run came to.
type Report struct {
	Seed     uint64 `json:"seed"`
	Seconds  int64  `json:"seconds"` // for which clients submitted
	Redis    string `json:"redis"`
	AOF      string `json:"appendfsync"`
	Programs string `json:"programs"`

	Faults  map[string]int `json:"faults"` // that were done, by whom they happened to and kind
	Skipped int            `json:"faults_without_a_victim"`

	Acknowledged int            `json:"acknowledged"`
	Outcomes     map[string]int `json:"outcomes"`
	Lost         int            `json:"lost"`
	Doubled      int            `json:"doubled_outcomes"`
	BegunTwice   int            `json:"attempts_that_began_twice"`

	Retried     int `json:"attempts_tried_again"` // that ended by themselves
	Resumed     int `json:"attempts_from_a_checkpoint"`
	BegunPaused int `json:"scripts_begun_in_a_pause"` // a second after it was acknowledged, or later
	Replayed    int `json:"replayed"`
	Dropped     int `json:"dropped"`
	Deleted     int `json:"deleted"`

	Executions      int            `json:"executions"`
	RunAgain        int            `json:"jobs_begun_more_often_than_asked"`
	EndedAgain      int            `json:"jobs_ended_more_often_than_asked"`
	AttemptsLost    map[string]int `json:"attempts_lost"` // by reason
	LostUnbegun     int            `json:"attempts_lost_before_their_script_began"`
	LostUnexplained int            `json:"attempts_lost_for_no_fault_of_ours"`
	Late            map[string]int `json:"late_reports_refused"` // by what they said
	Kept            int            `json:"faults_of_a_leader_that_kept_the_lead"`

	Events  int    `json:"events"`
	Terms   int    `json:"terms"`
	Verdict string `json:"audit"`

	Messages     int            `json:"messages_of_clients"`
	ClientErrors map[string]int `json:"errors_that_clients_were_answered"`
	Ended        map[string]int `json:"programs_that_ended_by_themselves"` // by exit code

	Times  []Timing `json:"times"`
	Broken []string `json:"broken"` // a sentence for each promise that was

	load  time.Duration
	begun map[string]int // how often each job was
}

// Timing is how long something took, in milliseconds.
type Timing struct {
	What string `json:"what"`
	N    int    `json:"n"`
	P50  int64  `json:"p50_ms"`
	P99  int64  `json:"p99_ms"`
	Max  int64  `json:"max_ms"`
}

func newReport(p Plan, w *world, l *load) *Report {
	r := &Report{
		Seed: p.Seed, Seconds: int64(p.Load / time.Second), Redis: w.redis.String(), AOF: string(p.AOF),
		Programs: fmt.Sprintf("%d supervisors, %d runners of %d slots, %d clients with %d jobs each under way", Supervisors, Runners, slots, clients, each),
		Faults:   map[string]int{}, Skipped: len(p.Faults) - len(w.hits),
		Acknowledged: len(l.acked), Outcomes: map[string]int{}, AttemptsLost: map[string]int{}, Late: map[string]int{},
		Messages: l.tally.sent(), ClientErrors: l.tally.counts(), Ended: map[string]int{}, load: p.Load,
	}
	for _, h := range w.hits {
		r.Faults[string(h.Role)+": "+string(h.Kind)]++
	}
	for _, p := range slices.Concat(w.supervisors, w.runners) {
		for _, life := range p.past() {
			if life.told == 0 && life.code >= 0 {
				r.Ended[fmt.Sprintf("%s with exit code %d", strings.Fields(p.name)[0], life.code)]++
			}
		}
	}
	return r
}

func (r *Report) wrong(format string, args ...any) {
	r.Broken = append(r.Broken, fmt.Sprintf(format, args...))
}

// time adds a line: percentiles by nearest rank, so each is a time that was
// measured.
func (r *Report) time(what string, took []time.Duration) {
	t := Timing{What: what, N: len(took)}
	if t.N > 0 {
		slices.Sort(took)
		rank := func(p float64) int64 {
			return took[max(int(math.Ceil(p*float64(t.N)))-1, 0)].Milliseconds()
		}
		t.P50, t.P99, t.Max = rank(0.50), rank(0.99), rank(1)
	}
	r.Times = append(r.Times, t)
}

// Markdown is the report for people.
func (r *Report) Markdown() string {
	var b strings.Builder
	row := func(name string, value any) { fmt.Fprintf(&b, "| %s | %v |\n", name, value) }
	fmt.Fprintf(&b, "| seed %d | %s of load |\n|---|---|\n", r.Seed, r.load)
	row("programs", r.Programs)
	row("Redis", r.Redis+", appendfsync "+r.AOF)
	row("faults", fmt.Sprintf("%d (and %d that found nobody)", total(r.Faults), r.Skipped))
	row("jobs acknowledged", r.Acknowledged)
	row("outcomes", counted(r.Outcomes))
	row("**acknowledged and lost**", fmt.Sprintf("**%d**", r.Lost))
	row("**jobs with several outcomes**", fmt.Sprintf("**%d**", r.Doubled))
	row("**attempts that began twice**", fmt.Sprintf("**%d**", r.BegunTwice))
	row("times that a script began, as scripts count", r.Executions)
	row("jobs begun more often than they asked for (allowed)", r.RunAgain)
	row("jobs run to their end more often than that (allowed)", r.EndedAgain)
	row("attempts lost, by reason", counted(r.AttemptsLost))
	row("… of these before their script began", r.LostUnbegun)
	row("… of these without a fault of ours", r.LostUnexplained)
	row("attempts that failed and were tried again", r.Retried)
	row("attempts that went on from a checkpoint", r.Resumed)
	row("scripts begun in a pause that had lasted for a second", r.BegunPaused)
	row("replayed, dropped, deleted jobs", fmt.Sprintf("%d, %d, %d", r.Replayed, r.Dropped, r.Deleted))
	row("late reports refused, by what they said", counted(r.Late))
	row("terms begun", r.Terms)
	row("faults of a leader that led on or again", r.Kept)
	row("history", fmt.Sprintf("%d events, %s", r.Events, r.Verdict))
	row("programs that ended without being told", counted(r.Ended))
	row("messages of clients", r.Messages)
	row("errors that they were answered", counted(r.ClientErrors))
	row("promises broken", len(r.Broken))
	b.WriteString("\n| from → to | n | p50 | p99 | longest |\n|---|---:|---:|---:|---:|\n")
	for _, t := range r.Times {
		if t.N == 0 { // nothing took no time
			fmt.Fprintf(&b, "| %s | 0 | – | – | – |\n", t.What)
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %d ms | %d ms | %d ms |\n", t.What, t.N, t.P50, t.P99, t.Max)
	}
	b.WriteString("\n| what was done | times |\n|---|---:|\n")
	for _, what := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(&b, "| %s | %d |\n", what, r.Faults[what])
	}
	return b.String()
}

// Marks between which a page holds a report.
const (
	beginMark = "<!-- report: written by make chaos -->\n"
	endMark   = "<!-- end of the report -->\n"
)

// Write writes the report to a file, if it is given one: as JSON where its name
// says so, into the place of the report before in a page that has one, and as
// Markdown alone anywhere else.
func (r *Report) Write(path string) error {
	if path == "" {
		return nil
	}
	text := r.Markdown()
	if filepath.Ext(path) == ".json" {
		text = r.JSON()
	} else if page, err := os.ReadFile(path); err == nil {
		before, rest, begins := strings.Cut(string(page), beginMark)
		_, after, ends := strings.Cut(rest, endMark)
		if begins && ends {
			text = before + beginMark + "\n" + text + "\n" + endMark + after
		}
	}
	return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // everybody may read it
}

// JSON is the report for programs.
func (r *Report) JSON() string {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // it is numbers and texts
	}
	return string(text) + "\n"
}

func total(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// counted says "12 completed, 3 failed", the most first.
func counted(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	if len(names) == 0 {
		return "none"
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%d × %s", counts[name], name)
	}
	return strings.Join(names, "<br>")
}
