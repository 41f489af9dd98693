package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/memstore"
	"github.com/herocode/horus/eventstore/redisstore"
)

// New jobs are refused from 75 % on, and taken again below 70 %: between the two
// nothing changes, or a Redis at the edge would answer each caller otherwise.
func TestMemoryHasTwoLimits(t *testing.T) {
	h := &health{}
	steps := []struct {
		used             uint64
		refuses, changed bool
		full             bool
	}{
		{used: 10},
		{used: 749},
		{used: 750, refuses: true, changed: true},
		{used: 749, refuses: true},
		{used: 700, refuses: true},
		{used: 699, changed: true},
		{used: 749},
		{used: 999, refuses: true, changed: true},
		{used: 1000, refuses: true, full: true},
		{used: 1200, refuses: true, full: true},
		{used: 720, refuses: true},
		{used: 0, changed: true},
	}
	for i, step := range steps {
		pressed, changed := h.measure(redisstore.Vitals{Used: step.used, Max: 1000})
		if pressed != step.refuses || changed != step.changed {
			t.Errorf("step %d, %d of 1000: refuses %v, changed %v", i, step.used, pressed, changed)
		}
		if err := h.pressure(); (err != nil) != step.refuses || err != nil && domain.CodeOf(err) != domain.Overloaded {
			t.Errorf("step %d: pressure is %v", i, err)
		}
		if err := h.stuck(); (err != nil) != step.full {
			t.Errorf("step %d: stuck is %v", i, err)
		}
	}
	h.measure(redisstore.Vitals{Used: 1000})
	if h.pressure() != nil || h.stuck() != nil {
		t.Error("a Redis without a limit is refused something")
	}
	h.measure(redisstore.Vitals{Used: 78 << 20, Max: 100 << 20})
	want := "Redis uses 78 % of its memory: new jobs are refused from 75 % on until it is below 70 %; " +
		"jobs that were taken go on. Wait, or give Redis more maxmemory"
	if got := h.pressure(); got == nil || got.Error() != want || len(want) > 256 { // what an answer has room for
		t.Errorf("pressure says %v", got)
	}
	if diff := cmp.Diff([]string{want}, h.concerns()); diff != "" {
		t.Errorf("concerns (-want +got):\n%s", diff)
	}
}

// What Redis refuses to write is in the way of new jobs, whatever the reason, for
// as long as a commit waits for it.
func TestARedisThatRefusesToWriteTakesNoJobs(t *testing.T) {
	h := &health{}
	refused := fmt.Errorf("append: %w: %w", eventstore.ErrRefused, proto("NOREPLICAS Not enough good replicas to write."))
	for _, step := range []struct {
		err  error
		code string
	}{
		{nil, ""},
		{refused, "refused"},
		{errors.New("timeout"), ""}, // nobody knows
		{fmt.Errorf("append: %w: %w", eventstore.ErrRefused, proto("OOM command not allowed")), "memory_full"},
		{nil, ""},
	} {
		h.appended(step.err)
		for name, err := range map[string]error{"stuck": h.stuck(), "pressure": h.pressure()} {
			if domain.ReasonOf(err) != step.code || err != nil && domain.CodeOf(err) != domain.Overloaded {
				t.Errorf("%s after %v: %v, want %q", name, step.err, err, step.code)
			}
		}
	}
	h.appended(refused)
	if err := h.stuck(); !strings.Contains(err.Error(), "Redis refuses to write (NOREPLICAS)") {
		t.Errorf("stuck says %v", err)
	}
}

// proto is an error that Redis answered.
type proto string

func (p proto) Error() string { return string(p) }
func (proto) RedisError()     {}

// hospital is a watch over a Redis that a test describes.
type hospital struct {
	*watch
	t        *testing.T
	settings redisstore.Settings
	life     redisstore.Vitals
	trouble  error
	checks   int
	log      strings.Builder
	at       time.Time
	behind   time.Duration
}

func (h *hospital) Now() time.Time { return h.at }

func newHospital(t *testing.T, asked eventstore.Durability) *hospital {
	h := &hospital{t: t, at: time.Unix(1, 0), settings: redisstore.Settings{Level: eventstore.Fsync}, life: redisstore.Vitals{Run: "a", Used: 1, Max: 10}}
	s := &supervisor{
		scene: clocked{h}, health: &health{asked: asked, best: asked}, desk: newDesk(memstore.New(), &health{}),
		cfg: Config{Log: slog.New(slog.NewTextHandler(&h.log, nil))},
	}
	s.desk.open(&reign{})
	h.watch = &watch{
		supervisor: s,
		vitals:     func(context.Context) (redisstore.Vitals, error) { return h.life, h.trouble },
		behind:     func(*reign) time.Duration { return h.behind },
		check: func(context.Context, eventstore.Durability) (redisstore.Settings, error) {
			h.checks++
			return h.settings, h.trouble
		},
	}
	h.turns(1)
	return h
}

// clocked is a scene at which nothing happens.
type clocked struct{ *hospital }

func (c clocked) Now() time.Time                                       { return c.at }
func (c clocked) Go(func())                                            {}
func (c clocked) Rest(context.Context, <-chan struct{}, time.Duration) {}

// turns turns so often, a second apart, and returns what was logged.
func (h *hospital) turns(n int) string {
	h.log.Reset()
	for range n {
		if _, err := h.watch.turn(h.t.Context()); err != nil && h.trouble == nil {
			h.t.Fatal(err)
		}
		h.at = h.at.Add(watchEvery)
	}
	return h.log.String()
}

func TestSettingsAreLookedAtNowAndThen(t *testing.T) {
	h := newHospital(t, "")
	if h.turns(59); h.checks != 1 {
		t.Fatalf("%d looks within a minute", h.checks)
	}
	if h.turns(1); h.checks != 2 {
		t.Fatalf("%d looks after a minute", h.checks)
	}
	h.life.Run = "b"
	if h.turns(2); h.checks != 3 {
		t.Fatalf("%d looks after Redis was started again", h.checks)
	}
	h.trouble = errors.New("down")
	h.turns(3)
	h.trouble = nil
	if h.turns(2); h.checks != 4 {
		t.Fatalf("%d looks after Redis answered again", h.checks)
	}
}

// What was promised when the supervisor started is not true for ever.
func TestALevelThatBecameWorseIsSaid(t *testing.T) {
	h := newHospital(t, "")
	if h.health.level() != eventstore.Fsync || len(h.health.concerns()) != 0 {
		t.Fatalf("%s, %q", h.health.level(), h.health.concerns())
	}
	h.settings = redisstore.Settings{Level: eventstore.EverySecond, Warnings: []string{"Redis at r:1 is slow"}}
	h.life.Run = "b"
	said := h.turns(3)
	for _, words := range []string{"less durable than it was", "durability=everysec was=fsync", "Redis at r:1 is slow"} {
		if strings.Count(said, words) != 1 {
			t.Errorf("%q is not said once in\n%s", words, said)
		}
	}
	want := []string{"durability is everysec now, and was fsync: the settings of Redis were changed"}
	if diff := cmp.Diff(want, h.health.concerns()); diff != "" || h.health.level() != eventstore.EverySecond {
		t.Errorf("%s (-want +got):\n%s", h.health.level(), diff)
	}
	h.settings.Refusal = domain.Errorf(domain.Invalid, "redis_evicts", "Redis at r:1 throws jobs away")
	h.settings.Level, h.life.Run = eventstore.Memory, "c"
	if said := h.turns(3); strings.Count(said, "throws jobs away") != 1 {
		t.Errorf("said\n%s", said)
	}
	if got := strings.Join(h.health.concerns(), "\n"); !strings.Contains(got, "redis_evicts") || strings.Contains(got, "r:1") {
		t.Errorf("concerns are\n%s", got)
	}
	h.settings, h.life.Run = redisstore.Settings{Level: eventstore.Fsync}, "d"
	if said := h.turns(3); !strings.Contains(said, "more durable") || len(h.health.concerns()) != 0 {
		t.Errorf("said\n%s\nwith %q", said, h.health.concerns())
	}
}

func TestMemoryIsMeasuredWhileLeading(t *testing.T) {
	h := newHospital(t, "")
	h.life.Used = 8
	if said := h.turns(3); strings.Count(said, "refusing new jobs") != 1 || h.health.pressure() == nil {
		t.Errorf("said\n%s", said)
	}
	h.desk.close()
	if h.turns(1); h.health.pressure() != nil {
		t.Error("a supervisor that leads no more refuses jobs")
	}
}

// A clock that was set back by an hour went unnoticed: jobs waited, and nobody
// knew what for.
func TestAClockThatIsBehindIsAConcern(t *testing.T) {
	h := newHospital(t, "")
	h.behind = clockTolerance - 1
	if said := h.turns(3); said != "" || len(h.health.concerns()) != 0 {
		t.Errorf("said\n%s\nwith %q", said, h.health.concerns())
	}
	h.behind = time.Hour
	if said := h.turns(3); strings.Count(said, "the clock is behind") != 1 || !strings.Contains(said, "behind=1h0m0s") {
		t.Errorf("said\n%s", said)
	}
	if got := h.health.concerns(); len(got) != 1 || !strings.HasPrefix(got[0], "the clock of this supervisor is 1h0m0s behind") {
		t.Errorf("concerns are %q", got)
	}
	h.behind = 0
	if said := h.turns(3); strings.Count(said, "has caught up") != 1 || len(h.health.concerns()) != 0 {
		t.Errorf("said\n%s\nwith %q", said, h.health.concerns())
	}
	h.behind = time.Hour
	h.turns(1)
	h.desk.close()
	if h.turns(1); len(h.health.concerns()) != 0 {
		t.Error("the clock of a supervisor that leads no more is a concern")
	}
}

func TestReplicasThatLagAreAConcern(t *testing.T) {
	asked := eventstore.Replicated(2)
	h := newHospital(t, asked)
	h.settings = redisstore.Settings{Level: asked}
	h.turns(61)
	if !h.health.lag(true) || h.health.lag(true) {
		t.Error("news are no news, or twice")
	}
	if got := h.health.concerns(); len(got) != 1 || !strings.HasPrefix(got[0], "fewer than 2 replicas") {
		t.Errorf("concerns are %q", got)
	}
}
