package intake_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

// wantNews compares the last commit.
func (d *desk) wantNews(want ...string) {
	d.Helper()
	if diff := cmp.Diff(want, d.news()); diff != "" {
		d.Errorf("the last commit (-want +got):\n%s", diff)
	}
}

// wantCounts compares what was counted.
func (d *desk) wantCounts(taken, late int, dropped ...string) {
	d.Helper()
	if d.taken != taken || d.late != late || !cmp.Equal(d.dropped, dropped) {
		d.Errorf("taken %d, late %d, dropped %q; want %d, %d, %q", d.taken, d.late, d.dropped, taken, late, dropped)
	}
}

func TestAProcessJoins(t *testing.T) {
	for _, tt := range []struct {
		name     string
		firstUse bool
		admitted bool
		kinds    []domain.Name
		hint     string // empty when it joins
	}{
		{"with the first key of its id", true, false, nil, ""},
		{"with an admitted key", false, true, nil, ""},
		{"for a kind that its key is admitted for", false, true, []domain.Name{"sh"}, ""},
		{"with a key that nobody admitted", false, false, nil, "the key is not admitted for this runner"},
		{"for a kind that its key is not admitted for", true, true, []domain.Name{"sal"}, "jobs of kind sal"},
		{"for a kind, by first use", true, false, []domain.Name{"sh"}, "jobs of kind sh"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t)
			d.firstUse = tt.firstUse
			d.succeed()
			if tt.admitted {
				d.admit(key(5), "r1", time.Time{})
			}
			before := d.length()
			p := d.process("r1", "a1", key(5))
			p.send(p.join(tt.kinds...))
			d.must(d.turn())
			if tt.hint == "" {
				d.wantNews("runner.reported", "runner.joined report/r1/a1/1/0")
				d.wantCounts(1, 0)
				return
			}
			if len(d.box.hints) != 1 || !strings.HasPrefix(d.box.hints[0], "refused r1/a1: ") || !strings.Contains(d.box.hints[0], tt.hint) {
				t.Errorf("hints %q, want one with %q", d.box.hints, tt.hint)
			}
			if got := d.length(); got != before || len(d.box.letters) > 0 || d.taken > 0 {
				t.Errorf("%d events, %d letters, %d taken; want %d, none, none", got, len(d.box.letters), d.taken, before)
			}
		})
	}
}

func TestAShortJobIsOneCommit(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	p.send(runner.Completed{About: p.about("j1"), Result: "ok"})
	d.must(d.turn())
	d.wantNews("runner.reported", "job.started report/r1/a1/2/0", "job.completed report/r1/a1/2/0")
	d.wantCounts(2, 0)
}

func TestALongJobIsReportedInTurn(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	p.send(runner.Started{About: about})
	d.must(d.turn())
	d.wantNews("runner.reported", "job.started report/r1/a1/2/0")
	p.send(
		runner.Log{About: about, Lines: []runner.Line{{At: about.At, Stream: runner.Stdout, Text: "hello"}}},
		runner.Failed{About: about, Kind: job.FailedTimeout},
		runner.Leave{},
	)
	d.must(d.turn())
	d.wantNews("runner.reported", "job.failed report/r1/a1/3/1", "runner.left report/r1/a1/3/2")
	if s := d.state("j1"); s.Failure != job.FailedTimeout {
		t.Errorf("the job failed as %q", s.Failure)
	}
}

func TestManyBundlesTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		p := d.joined("r1", "a1", key(5))
		for i := range 30 {
			d.submit(fmt.Sprint("j", i), "")
		}
		for i := range 30 {
			p.send(runner.Completed{About: p.about(fmt.Sprint("j", i))})
		}
		done := make(chan error, 1)
		go func() {
			_, err := d.in.Turn(t.Context())
			done <- err
		}()
		synctest.Wait() // until everything is proposed
		_, err := d.leader.Turn(t.Context())
		d.must(err)
		d.must(<-done)
		if got := len(d.news()); got != 30*3 {
			t.Errorf("%d events in the last commit, want three of each bundle", got)
		}
		d.wantCounts(31, 0)
	})
}

func TestARepeatedBundleIsDropped(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	b := p.bundle(runner.Completed{About: p.about("j1")}).Sign(p.key)
	d.box.put(b)
	d.box.put(b)
	d.must(d.turn())
	length := d.length()
	d.succeed()
	d.box.put(b)
	d.must(d.turn())
	if got := d.length(); got != length+1 { // the new term
		t.Errorf("%d events, want %d", got, length+1)
	}
	d.wantCounts(2, 0, "repeated", "repeated")
}

func TestALateReportIsEvidence(t *testing.T) {
	d := open(t)
	p, q := d.joined("r1", "a1", key(5)), d.joined("r1", "a2", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	q.send(runner.Started{About: about})
	d.must(d.turn())
	for _, tt := range []struct {
		name   string
		report runner.Report
		named  []string // what the job's history says of it
	}{
		{"an attempt of another process", runner.Completed{About: about}, []string{"job.report_refused report/r1/a1/2/0"}},
		{"another grant", runner.Started{About: runner.About{Job: about.Job, Token: signing.Hash{1}, At: about.At}}, nil},
		{"a job that is not there", runner.Completed{About: runner.About{Job: opened(t, "nobody", "").Spec.ID, Token: about.Token, At: about.At}}, nil},
	} {
		d.late = 0
		p.send(tt.report)
		d.must(d.turn())
		d.wantNews(append([]string{"runner.reported"}, tt.named...)...)
		if d.late != 1 {
			t.Errorf("%s: %d late reports, want 1", tt.name, d.late)
		}
	}
	q.send(runner.Completed{About: about}, runner.Failed{About: about, Kind: job.FailedError})
	d.must(d.turn())
	d.wantNews("runner.reported", "job.completed report/r1/a2/3/0", "job.report_refused report/r1/a2/3/1")
}

// What is said of a job behind its end changes nothing, whether it is the same end
// again in a bundle of its own, another end, or a sign of life.
func TestAnEndIsTheEnd(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	p.send(runner.Completed{About: about, Result: "one"})
	d.must(d.turn())
	ended := d.state("j1")
	for name, tt := range map[string]struct {
		report runner.Report
		late   int
		named  bool // in the job's history: an end that was refused is evidence
	}{
		"the same end":   {runner.Completed{About: about, Result: "one"}, 1, true},
		"another result": {runner.Completed{About: about, Result: "two"}, 1, true},
		"another end":    {runner.Failed{About: about, Kind: job.FailedError}, 1, true},
		"that it began":  {runner.Started{About: about}, 1, false},
		"how far it is":  {runner.Progress{About: about, Percent: 50}, 0, false},
		"what it leaves": {runner.Checkpoint{About: about, Data: []byte("half")}, 1, false},
		"what it wrote":  {runner.Log{About: about, Lines: []runner.Line{{At: about.At, Stream: runner.Stdout, Text: "more"}}}, 0, false},
	} {
		d.late = 0
		p.send(tt.report)
		d.must(d.turn())
		got := d.state("j1")
		got.Refused, got.Version = ended.Refused, ended.Version // what was refused is counted
		if evidence := strings.Contains(strings.Join(d.news(), " "), "job.report_refused"); !reflect.DeepEqual(got, ended) || d.late != tt.late || evidence != tt.named {
			t.Errorf("%s: %d late, %q; the job was %+v and is %+v", name, d.late, d.news(), ended, got)
		}
	}
}

func TestAReportFromWhoMayNotServeTheQueueChangesNothing(t *testing.T) {
	for _, member := range []string{`"runner":"r2"`, `"executor":"sh"`} {
		d := open(t)
		p := d.joined("r1", "a1", key(5))
		d.submit("j1", member)
		about := p.about("j1")
		p.send(runner.Completed{About: about})
		d.must(d.turn())
		d.wantNews("runner.reported")
		d.wantCounts(2, 1)
		if s := d.state("j1"); s.Status != job.Waiting {
			t.Errorf("the job of %s is %s", member, s.Status)
		}
	}
}

func TestARunnerOfAKindServesItsQueue(t *testing.T) {
	d := open(t)
	d.admit(key(5), "r1", time.Time{})
	p := d.process("r1", "a1", key(5))
	p.send(p.join("sh"))
	d.must(d.turn())
	d.submit("j1", `"executor":"sh"`)
	p.send(runner.Completed{About: p.about("j1")})
	d.must(d.turn())
	d.wantNews("runner.reported", "job.started report/r1/a1/2/0", "job.completed report/r1/a1/2/0")
}

func TestWhatNobodyMayHaveWrittenIsDropped(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(p *process)
		reason string
	}{
		{"no bundle", func(p *process) { p.box.putFields(map[string]string{"x": "y"}) }, "key_id"},
		{"half a bundle", func(p *process) {
			s := p.bundle(runner.Leave{}).Sign(p.key)
			s.Doc = s.Doc[:len(s.Doc)/2]
			p.box.put(s)
		}, "format"},
		{"a bundle that is too large", func(p *process) {
			s := p.bundle(runner.Leave{}).Sign(p.key)
			s.Doc = make([]byte, runner.MaxBundleBytes+1)
			p.box.put(s)
		}, "bundle"},
		{"another namespace", func(p *process) {
			b := p.bundle(runner.Leave{})
			b.Namespace = "other"
			p.box.put(b.Sign(p.key))
		}, "place"},
		{"another partition", func(p *process) {
			b := p.bundle(runner.Leave{})
			b.Partition = 1
			p.box.put(b.Sign(p.key))
		}, "place"},
		{"a signature of something else", func(p *process) {
			s := p.bundle(runner.Leave{}).Sign(p.key)
			s.Signature = p.key.Sign([]byte("something else"))
			p.box.put(s)
		}, "signature"},
		{"a key that nobody knows", func(p *process) { p.box.put(p.bundle(runner.Leave{}).Sign(key(9))) }, "key"},
		{"the key of another runner", func(p *process) {
			p.desk.joined("r2", "b1", key(6))
			p.taken--
			p.box.put(p.bundle(runner.Leave{}).Sign(key(6)))
		}, "process"},
		{"a second join", func(p *process) { p.send(p.join()) }, "process"},
		{"a join in the middle", func(p *process) { p.send(runner.Started{About: p.about("j1")}, p.join()) }, "process"},
		{"a process that did not join", func(p *process) {
			p.name, p.number = "c1", 0
			p.send(runner.Leave{})
		}, "process"},
		{"a process that left", func(p *process) {
			p.send(runner.Leave{})
			p.must(p.turn())
			p.taken--
			p.send(runner.Started{About: p.about("j1")})
		}, "process"},
		{"a join of an admitted key that shows another", func(p *process) {
			p.admit(p.key, "r1", time.Time{})
			p.name, p.number = "c1", 0
			p.box.put(p.bundle(runner.Join{Key: key(9).Public(), Slots: 1}).Sign(p.key))
		}, "runner_key"},
		{"a join that shows another key", func(p *process) {
			p.name, p.number = "c1", 0
			p.box.put(p.bundle(runner.Join{Key: key(9).Public(), Slots: 1}).Sign(p.key))
		}, "runner_key"},
	} {
		d := open(t)
		p := d.joined("r1", "a1", key(5))
		d.submit("j1", "")
		tt.spoil(p)
		good := d.process("r3", "c3", key(7)) // whoever comes behind is taken
		good.send(good.join())
		d.must(d.turn())
		if !cmp.Equal(d.dropped, []string{tt.reason}) || d.taken != 2 || len(d.box.letters) > 0 {
			t.Errorf("%s: dropped %q, taken %d, %d letters left; want %q, 2, none", tt.name, d.dropped, d.taken, len(d.box.letters), tt.reason)
		}
		d.length()
	}
}

// A key that is revoked is good for nothing, also where no statement admitted it.
func TestARevokedKeySpeaksNoMore(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	p.send(runner.Started{About: about})
	d.must(d.turn())
	d.execute(nil, func(tx *eventstore.Tx) error {
		_, err := tx.DecideAccess(eventstore.By{Actor: event.ByAPIKey("root")}, access.Revoke{Revoked: access.Revoked{Key: p.key.Public().ID()}})
		return err
	})
	p.send(runner.Completed{About: about})
	d.must(d.turn())
	again := d.process("r1", "a2", key(5))
	again.send(again.join())
	d.must(d.turn())
	d.wantCounts(2, 0, "runner_key", "runner_key")
	d.length()
}

// A key that had ended still spoke, and an auditor refused the history.
func TestAKeyThatEndedSpeaksNoMore(t *testing.T) {
	d := open(t)
	d.admit(key(5), "r1", d.now.Add(time.Minute))
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	p.send(runner.Started{About: about})
	d.now = d.now.Add(time.Minute)
	d.must(d.turn())
	d.now = d.now.Add(time.Microsecond)
	p.send(runner.Completed{About: about})
	d.must(d.turn())
	d.wantNews("runner.reported", "job.started report/r1/a1/2/0")
	d.wantCounts(2, 0, "runner_key")
	if key, ok := d.leader.Access().Key(access.Runner, p.key.Public().ID(), 0); !ok || len(d.box.hints) != 1 {
		t.Errorf("key %v, hints %q", key, d.box.hints)
	}
}

// The second bundle of a process lay behind its join, and its key was not known
// when both were read.
func TestABundleMayFollowItsJoinAtOnce(t *testing.T) {
	d := open(t)
	p := d.process("r1", "a1", key(5))
	p.send(p.join())
	p.send(runner.Leave{})
	d.must(d.turn())
	d.wantCounts(2, 0)
	if got := d.length(); got != 2+2+2 {
		t.Errorf("%d events, want founding, term and two of each bundle", got)
	}
}

func TestANewLeaderKnowsWhoJoinedBefore(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	d.succeed()
	p.send(runner.Completed{About: about})
	d.must(d.turn())
	d.wantNews("runner.reported", "job.started report/r1/a1/2/0", "job.completed report/r1/a1/2/0")
}

// A bundle that touched a job which could not be read just then was overtaken
// by the next one of its process, and dropped as repeated when it was read
// again: its outcome was lost.
func TestABundleIsNotOvertaken(t *testing.T) {
	d := open(t)
	d.submit("cold", "")
	d.succeed()
	q := d.joined("r1", "a2", key(5))
	d.submit("hot", "")
	cold, hot := q.about("cold"), q.about("hot")
	q.send(runner.Completed{About: cold})
	q.send(runner.Completed{About: hot})
	d.find = func() error { return errLost }
	if err := d.turn(); !errors.Is(err, errLost) {
		t.Fatalf("Turn = %v, want the index' trouble", err)
	}
	d.find = nil
	d.must(d.turn())
	for _, id := range []string{"cold", "hot"} {
		if s := d.state(id); s.Status != job.Done {
			t.Errorf("job %s is %s", id, s.Status)
		}
	}
	if len(d.dropped) > 0 {
		t.Errorf("dropped %q", d.dropped)
	}
}

func TestAnErrorThatMayPassKeepsTheLetters(t *testing.T) {
	once := func() func() error {
		n := 0
		return func() error {
			if n++; n == 1 {
				return errLost
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name    string
		trouble func(d *desk)
		dropped []string
	}{
		{"of the index", func(d *desk) { d.find = once() }, nil},
		{"of the queues: what was taken before is repeated", func(d *desk) { d.marks = once() }, []string{"repeated"}},
		{"of a read", func(d *desk) { d.box.onRead = once() }, nil},
		{"of a drop: what was taken is repeated", func(d *desk) { d.box.onDrop = once() }, []string{"repeated", "repeated"}},
	} {
		d := open(t)
		p := d.joined("r1", "a1", key(5))
		d.submit("j1", "")
		d.succeed()
		q := d.process("r1", "a2", key(5))
		p.send(runner.Completed{About: p.about("j1")})
		q.send(q.join())
		tt.trouble(d)
		if err := d.turn(); !errors.Is(err, errLost) {
			t.Errorf("%s: Turn = %v", tt.name, err)
		}
		if len(d.box.letters) != 2 {
			t.Errorf("%s: %d letters are left, want both", tt.name, len(d.box.letters))
		}
		d.must(d.turn())
		if len(d.box.letters) > 0 || d.state("j1").Status != job.Done {
			t.Errorf("%s: %d letters are left, and the job is %s", tt.name, len(d.box.letters), d.state("j1").Status)
		}
		d.wantCounts(3, 0, tt.dropped...)
	}
}

func TestACrashBetweenCommitAndDropRepeatsHarmlessly(t *testing.T) {
	d := open(t)
	p := d.joined("r1", "a1", key(5))
	d.submit("j1", "")
	about := p.about("j1")
	p.send(runner.Started{About: about})
	p.send(runner.Completed{About: about}, runner.Leave{})
	d.box.onDrop = func() error { return errLost }
	if err := d.turn(); !errors.Is(err, errLost) {
		t.Fatalf("Turn = %v", err)
	}
	length := d.length()
	d.box.onDrop = nil
	d.succeed()
	d.must(d.turn())
	if got := d.length(); got != length+1 || len(d.box.letters) > 0 {
		t.Errorf("%d events and %d letters, want %d and none", got, len(d.box.letters), length+1)
	}
	d.wantCounts(3, 0, "repeated", "repeated")
}

// A hint that could not be sent kept the inbox of all runners from moving.
func TestAHintThatCannotBeSentHoldsNobodyUp(t *testing.T) {
	d := open(t)
	d.box.onHint = func() error { return errLost }
	p := d.process("r1", "a1", key(5))
	p.send(p.join("sh"))
	good := d.process("r2", "b1", key(6))
	good.send(good.join())
	d.must(d.turn())
	d.wantCounts(1, 0, "runner_kind")
	if len(d.box.letters) > 0 {
		t.Errorf("%d letters are left", len(d.box.letters))
	}
}

func (d *desk) isDrained() bool {
	select {
	case <-d.in.Drained():
		return true
	default:
		return false
	}
}

func TestDrainedClosesWhenWhatLayThereIsTaken(t *testing.T) {
	d := open(t)
	p := d.process("r1", "a1", key(5))
	p.send(p.join())
	d.submit("j1", "")
	for range 4 {
		p.send(runner.Started{About: runner.About{Job: opened(t, "j1", "").Spec.ID, At: 1}})
	}
	d.box.short = 2 // a read may return fewer letters than there are
	for turn, want := range []bool{false, false, true} {
		if d.isDrained() {
			t.Fatalf("drained before turn %d", turn+1)
		}
		d.must(d.turn())
		p.send(runner.Started{About: runner.About{Job: opened(t, "j1", "").Spec.ID, At: 1}}) // later letters do not count
		if d.isDrained() != want {
			t.Errorf("drained after turn %d: %v", turn+1, !want)
		}
	}
}

func TestAnEmptyInboxIsDrainedAtOnce(t *testing.T) {
	d := open(t)
	d.must(d.turn())
	if !d.isDrained() {
		t.Error("an empty inbox is not drained")
	}
}

func TestNothingIsDrainedWhileItCannotBeTaken(t *testing.T) {
	d := open(t)
	p := d.process("r1", "a1", key(5))
	p.send(p.join())
	d.find = func() error { return errLost }
	if err := d.turn(); !errors.Is(err, errLost) || d.isDrained() {
		t.Errorf("Turn = %v, drained %v", err, d.isDrained())
	}
	d.find = nil
	d.must(d.turn())
	if !d.isDrained() {
		t.Error("not drained")
	}
}
