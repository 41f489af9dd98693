package runnersdk

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// Config says what a runner is. Runner, Key and Wire are required.
type Config struct {
	Runner domain.Name        // required: the id whose jobs it takes
	Key    signing.PrivateKey // required: signs its reports
	Wire   queue.Wire         // required: how it reaches its supervisor

	Kinds     []domain.Name // of jobs it takes besides; at most 16, each admitted for Key
	Slots     int           // jobs at once; 1 if zero
	Namespace domain.Name   // horus if empty; that of Wire
	Partition uint16        // that of Wire

	Lease time.Duration   // how long an attempt is ours without a renewal; 3 s to 5 min, 9 s if zero; the leader's if that is shorter
	Grace time.Duration   // how long running jobs may go on when the runner stops; 10 s if zero
	Hurry <-chan struct{} // closed by whoever does not want to wait for Grace; may be nil

	Trust signing.Hash             // fingerprint of the founding; another one is refused
	Pin   func(signing.Hash) error // called once with the founding that was met when Trust is zero

	Logger  *slog.Logger     // says nothing if nil
	Now     func() time.Time // time.Now if nil
	Process string           // name of this process, 1 to 32 hexadecimal digits; random if empty
	Go      func(func())     // runs a handler beside all else; in a goroutine if nil
}

// Limits of a Config.
const (
	minLease = queue.MinLease
	maxLease = queue.MaxLease
	maxKinds = 16
)

// check fills in what is zero and refuses what cannot be. Its error has
// [domain.Invalid] and the reason config.
func (c *Config) check() error {
	c.Slots = cmp.Or(c.Slots, 1)
	c.Namespace = cmp.Or(c.Namespace, "horus")
	c.Lease = cmp.Or(c.Lease, 9*time.Second)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Go == nil {
		c.Go = func(f func()) { go f() }
	}
	if c.Process == "" {
		var raw [8]byte
		_, _ = rand.Read(raw[:]) // never fails
		c.Process = hex.EncodeToString(raw[:])
	}
	if c.Wire == nil || c.Key.String() == (signing.PrivateKey{}).String() {
		return bad("a runner needs a Wire and a Key")
	}
	return c.checkBounds()
}

func (c *Config) checkBounds() error {
	for _, name := range append([]domain.Name{c.Runner, c.Namespace}, c.Kinds...) {
		if _, err := domain.ParseName(string(name)); err != nil {
			return bad("%.70q: %v", name, err)
		}
	}
	sorted := slices.Sorted(slices.Values(c.Kinds))
	switch {
	case len(c.Kinds) > maxKinds || len(slices.Compact(sorted)) != len(c.Kinds):
		return bad("Kinds must be at most %d different ones", maxKinds)
	case c.Slots < 1 || c.Slots > runner.MaxSlots:
		return bad("Slots must be 1 to %d", runner.MaxSlots)
	case c.Lease < minLease || c.Lease > maxLease:
		return bad("Lease must be %s to %s", minLease, maxLease)
	case c.Grace < 0:
		return bad("Grace is negative")
	case c.Process == "" || len(c.Process) > 32 || strings.Trim(c.Process, "0123456789abcdef") != "":
		return bad("Process must be 1 to 32 hexadecimal digits")
	}
	return nil
}

func bad(format string, args ...any) error {
	return domain.Errorf(domain.Invalid, "config", "configure the runner: "+format, args...)
}

// keys names what the runner and its supervisor share.
func (c *Config) keys() queue.Keys { return queue.Keys{Namespace: c.Namespace, Partition: c.Partition} }

// stamp returns a time for a report. A clock before 1970 is at its start.
func stamp(t time.Time) event.Time { return min(max(event.At(t), 1), math.MaxInt64) }
