package audit

import (
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/event"
)

// remembers is somebody who forgets nothing.
type remembers struct {
	known   map[event.Aggregate]bool   // and not forgotten
	version map[event.Aggregate]uint64 // of the last event of what was forgotten
	final   map[event.Aggregate]bool   // nothing may follow it
	wrong   uint64
	begins  bool
}

func (m *remembers) fault(seq uint64, begins bool) {
	if m.wrong == 0 {
		m.wrong, m.begins = seq, begins
	}
}

// TestWhatDoesNotFollowIsFound compares with somebody who forgets nothing,
// whether everything fits in memory or is put aside a few at a time.
func TestWhatDoesNotFollowIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOnce()
		o.limit = rapid.SampledFrom([]int{1, 2, 7, 1000}).Draw(t, "limit")
		defer o.close()
		m := remembers{known: map[event.Aggregate]bool{}, version: map[event.Aggregate]uint64{}, final: map[event.Aggregate]bool{}}
		names := rapid.IntRange(1, 60).Draw(t, "names")
		for i := range rapid.IntRange(0, 60).Draw(t, "events") {
			name, seq := numbered(rapid.IntRange(1, names).Draw(t, "name")), uint64(i)+1 //nolint:gosec // not negative
			last := rapid.IntRange(0, 3).Draw(t, "last") == 0
			before, had := m.version[name]
			var err error
			switch {
			case m.known[name]: // in the auditor's memory, which judges what comes until it ends
				m.known[name], m.version[name], m.final[name] = false, seq, last
				err = o.end(name, seq, last)
			case rapid.Bool().Draw(t, "begins"):
				if had {
					m.fault(seq, true)
				}
				m.known[name] = true
				o.begin(name, seq)
			default:
				version := before + uint64(rapid.IntRange(0, 8).Draw(t, "gap")/4) + boolean(rapid.IntRange(0, 5).Draw(t, "good") > 0) //nolint:gosec // few
				if !had || m.final[name] || version != before+1 {
					m.fault(seq, false)
				}
				m.version[name], m.final[name] = version, last
				err = o.follow(name, seq, version, last)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if seq, begins, err := o.wrong(); err != nil || seq != m.wrong || begins != m.begins {
			t.Fatalf("found at %d, a beginning: %v, %v; want %d, %v", seq, begins, err, m.wrong, m.begins)
		}
	})
}

// numbered is a job's aggregate.
func numbered(n int) event.Aggregate {
	return event.Aggregate{Kind: event.Job, ID: strconv.Itoa(n)}
}

func boolean(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func TestWhatIsPutAsideLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := newOnce()
	o.limit = 2
	for i := range 5 {
		name := numbered(i)
		o.begin(name, 1)
		if err := o.end(name, 2, false); err != nil {
			t.Fatal(err)
		}
	}
	if o.file == nil || len(o.ends) != 2 {
		t.Errorf("put aside %v, want two runs", o.ends)
	}
	if found, err := os.ReadDir(os.TempDir()); err != nil || len(found) > 0 {
		t.Errorf("%v in the directory, %v", found, err)
	}
	o.close()
}

func TestADirectoryThatTakesNothingIsSaid(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/nowhere")
	o := newOnce()
	o.limit = 1
	o.begin(numbered(1), 1)
	if err := o.end(numbered(1), 2, false); err == nil {
		t.Error("nothing could be put aside, and nobody said so")
	}
	o.begin(numbered(2), 3)
	if _, _, err := o.wrong(); err == nil {
		t.Error("nothing could be put aside at the end, and nobody said so")
	}
}
