package node

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
)

// New jobs are refused from the first share of Redis' memory on, and taken again
// below the second one. What is left is for the jobs that were taken: their
// reports, their ends, and what is built from those.
const (
	pressedAt  = 75 // percent
	relievedAt = 70
)

// clockTolerance is how far a leader's clock may be behind the history without
// anybody being told: what clocks that are kept in time by the network differ by
// at worst.
const clockTolerance = 5 * time.Second

// health is what is known of Redis, and what follows from that for callers. It
// is safe for concurrent use.
type health struct {
	asked eventstore.Durability // empty: whatever Redis gives

	mu sync.Mutex

	best     eventstore.Durability // level that it had, or that was asked for
	settings redisstore.Settings
	vitals   redisstore.Vitals // zero while this supervisor does not lead
	pressed  bool              // new jobs are refused
	short    bool              // too few replicas have the end of the log
	behind   time.Duration     // how far our clock is behind the history; zero while this supervisor does not lead
	refused  string            // the word with which Redis refuses what is to be appended; empty if it does not
}

// level is the word for receipts.
func (h *health) level() eventstore.Durability {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.settings.Level
}

// set takes note of how Redis is set, and returns what is news: what to warn of,
// and the level before it if that was another one.
func (h *health) set(s redisstore.Settings) (news []string, was eventstore.Durability) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.settings.Level != s.Level {
		was = h.settings.Level
	}
	if s.Refusal != nil && (h.settings.Refusal == nil || h.settings.Refusal.Error() != s.Refusal.Error()) {
		news = append(news, s.Refusal.Error())
	}
	known := map[string]bool{}
	for _, warning := range h.settings.Warnings {
		known[warning] = true
	}
	for _, warning := range s.Warnings {
		if !known[warning] {
			news = append(news, warning)
		}
	}
	h.settings = s
	if h.best.Less(s.Level) || s.Level.Replicas() > 0 {
		h.best = s.Level
	}
	return news, was
}

// measure takes note of how Redis is, and reports whether that changes what
// becomes of new jobs.
func (h *health) measure(v redisstore.Vitals) (pressed, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.vitals = v
	limit := uint64(pressedAt)
	if h.pressed {
		limit = relievedAt
	}
	pressed = v.Max > 0 && v.Used*100 >= v.Max*limit
	changed, h.pressed = pressed != h.pressed, pressed
	return pressed, changed
}

// lag takes note whether too few replicas have the end of the log, and reports
// whether that is news.
func (h *health) lag(short bool) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed, h.short = short != h.short, short
	return changed
}

// clock takes note how far our clock is behind the history, and reports whether
// somebody should know, and whether that is news.
func (h *health) clock(behind time.Duration) (late, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.behind >= clockTolerance
	h.behind = behind
	return behind >= clockTolerance, was != (behind >= clockTolerance)
}

// pressure returns why new jobs are refused, nil if they are not.
func (h *health) pressure() error {
	if err := h.stuck(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.pressed {
		return nil
	}
	return domain.Errorf(domain.Overloaded, "memory", "%s", h.pressedLocked())
}

func (h *health) pressedLocked() string {
	return fmt.Sprintf("Redis uses %d %% of its memory: new jobs are refused from %d %% on until it is below %d %%; jobs that were taken go on. Wait, or give Redis more maxmemory",
		h.shareLocked(), pressedAt, relievedAt)
}

// shareLocked is how much of its memory Redis uses, in percent.
func (h *health) shareLocked() uint64 {
	if h.vitals.Max == 0 {
		return 0
	}
	return uint64(float64(h.vitals.Used) / float64(h.vitals.Max) * 100)
}

// appended takes note of what became of an append.
func (h *health) appended(err error) {
	word := ""
	if said, ok := errors.AsType[redis.Error](err); ok && errors.Is(err, eventstore.ErrRefused) {
		word, _, _ = strings.Cut(said.Error(), " ")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused = word
}

// stuck returns why nothing at all can be written, nil if it can.
func (h *health) stuck() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	full := h.vitals.Max > 0 && h.vitals.Used >= h.vitals.Max
	const meanwhile = "what is to be written waits, and goes on by itself"
	switch {
	case full || h.refused == "OOM":
		return domain.Errorf(domain.Overloaded, "memory_full", "the memory of Redis is full: %s once there is room; give Redis more maxmemory", meanwhile)
	case h.refused != "":
		return domain.Errorf(domain.Overloaded, "refused", "Redis refuses to write (%.20s): %s once it does not; the log says more", h.refused, meanwhile)
	}
	return nil
}

// concerns are sentences for whoever looks after the system, without names and
// addresses: strangers may read them.
func (h *health) concerns() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	if h.settings.Level.Less(h.best) {
		all = append(all, fmt.Sprintf("durability is %s now, and was %s: the settings of Redis were changed", h.settings.Level, h.best))
	}
	if h.settings.Refusal != nil {
		all = append(all, fmt.Sprintf("Redis is not set as it must be (%s): the log says more", domain.ReasonOf(h.settings.Refusal)))
	}
	if h.pressed {
		all = append(all, h.pressedLocked())
	}
	if h.short {
		all = append(all, fmt.Sprintf("fewer than %d replicas have the end of the log: whoever submits is told that the job is not durable", h.settings.Level.Replicas()))
	}
	if h.behind >= clockTolerance {
		all = append(all, fmt.Sprintf("the clock of this supervisor is %s behind the times in the history: these go at half speed until it has caught up, so what waits for a time waits up to twice as long. Set the clock right, or have another supervisor lead",
			h.behind.Round(time.Second)))
	}
	return all
}

// memory is what Redis uses and may use.
func (h *health) memory() (used, limit uint64, pressed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.vitals.Used, h.vitals.Max, h.pressed
}
