package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/herocode/horus/integration/redistest"
)

// Kind is what is done to somebody.
type Kind string

// The kinds.
const (
	Kill      Kind = "kill -9, and start again"
	Terminate Kind = "SIGTERM, and start again"
	Stop      Kind = "SIGSTOP, and SIGCONT later"
	Cut       Kind = "network cut: no connection lives"
	Silence   Kind = "network half-open: what was sent comes late"
	Vanish    Kind = "network half-open: what was sent never comes"
	Replies   Kind = "network loses every third reply"
	Pause     Kind = "paused by hand, and resumed later"
	Drain     Kind = "drained by hand, and resumed later"
)

// Role is what somebody does in the system.
type Role string

// The roles. What happens to the network of one of the first three happens
// between it and Redis.
const (
	Leader     Role = "leader" // whoever leads when it happens
	Supervisor Role = "supervisor"
	Runner     Role = "runner"
	Front      Role = "front" // the network between a supervisor and all who call it
	Redis      Role = "redis"
	Queue      Role = "queue"     // a work queue, by an administrator
	RunnerID   Role = "runner id" // all processes of one, by an administrator
)

// How many there are of each.
const (
	Supervisors = 3
	Runners     = 4
	Queues      = 3
	RunnerIDs   = Queues
)

// Fault is one thing that goes wrong.
type Fault struct {
	At    time.Duration // since the load began
	For   time.Duration // until it is made good
	Kind  Kind
	Role  Role
	Index int // which of them, from 0
}

// until is when it is made good.
func (f Fault) until() time.Duration { return f.At + f.For }

// String says "12.3s for 1.5s: runner 2: SIGSTOP, and SIGCONT later".
func (f Fault) String() string {
	who := string(f.Role)
	if f.Role != Leader && f.Role != Redis {
		who = fmt.Sprintf("%s %d", f.Role, f.Index+1)
	}
	return fmt.Sprintf("%s for %s: %s: %s", f.At, f.For, who, f.Kind)
}

// Plan is everything that goes wrong in a run.
type Plan struct {
	Seed   uint64
	AOF    redistest.AOF // how Redis keeps what it acknowledges
	Load   time.Duration // how long clients submit
	Faults []Fault       // in the order in which they begin
}

// Lease is the shortest that there is, so that lost attempts are found soon.
const Lease = 3 * time.Second

const (
	calmBefore = time.Second     // so that there is something to disturb
	calmAfter  = 8 * time.Second // before the load ends, so that what was hit last is met by it
	minGap     = 500 * time.Millisecond
	maxGap     = 2 * time.Second // between the beginnings of two faults
	rest       = time.Second     // for whom it hit last
	resolution = time.Millisecond
)

// NewPlan draws what goes wrong while clients submit for so long. The same seed
// and time give the same plan, for ever: a plan that is drawn otherwise is
// another plan, and seeds that were written down lose their meaning with it.
//
// Kinds are dealt from a deck that holds each of them for each role, so that a
// minute meets nearly all. Redis is killed with -9 only where it syncs its file
// before it answers. Under everysec it may answer up to two seconds before it
// writes at all, while the disk is busy, so that what it acknowledged last may
// be gone with the process; there it is told to end, which writes everything.
func NewPlan(seed uint64, load time.Duration) Plan {
	d := drawer{random: rand.New(rand.NewPCG(seed, 0)), free: map[seat]time.Duration{}} //nolint:gosec // a plan is no secret
	p := Plan{Seed: seed, Load: load, AOF: redistest.Always}
	if d.random.IntN(3) == 0 {
		p.AOF = redistest.EverySecond
	}
	for at := calmBefore; ; at += between(d.random, minGap, maxGap) {
		f, ok := d.next(at, p.AOF)
		if !ok {
			continue // whoever is dealt next was hit a moment ago
		}
		if f.until() > load-calmAfter {
			return p
		}
		p.Faults = append(p.Faults, f)
	}
}

// seat is one whom something can happen to.
type seat struct {
	role  Role
	index int
}

// card is something that can happen to a role.
type card struct {
	role Role
	kind Kind
}

// drawer deals faults.
type drawer struct {
	random *rand.Rand
	deck   []card
	free   map[seat]time.Duration // when the last fault of a seat is forgotten
}

// deck is every kind for every role: runners twice, since they are the most.
func deck(aof redistest.AOF) []card {
	var cards []card
	for _, role := range []Role{Leader, Supervisor, Runner, Runner} {
		for _, kind := range []Kind{Kill, Terminate, Stop, Cut, Silence, Vanish, Replies} {
			cards = append(cards, card{role, kind})
		}
	}
	for _, kind := range []Kind{Cut, Silence, Vanish, Replies} {
		cards = append(cards, card{Front, kind})
	}
	cards = append(cards, card{Redis, Terminate}, card{Redis, Stop})
	for _, role := range []Role{Queue, RunnerID} {
		cards = append(cards, card{role, Pause}, card{role, Drain})
	}
	if aof == redistest.Always {
		cards = append(cards, card{Redis, Kill})
	}
	return cards
}

// next deals the fault that begins at a time, if its seat is free by then.
func (d *drawer) next(at time.Duration, aof redistest.AOF) (Fault, bool) {
	if len(d.deck) == 0 {
		d.deck = deck(aof)
		d.random.Shuffle(len(d.deck), func(i, j int) { d.deck[i], d.deck[j] = d.deck[j], d.deck[i] })
	}
	c := d.deck[0]
	f := Fault{At: at, Kind: c.kind, Role: c.role}
	switch c.role {
	case Supervisor, Front:
		f.Index = d.random.IntN(Supervisors)
	case Runner:
		f.Index = d.random.IntN(Runners)
	case Queue, RunnerID:
		f.Index = d.random.IntN(Queues) // which is RunnerIDs
	case Leader, Redis:
	}
	f.For = d.lasts(c)
	at0 := seat{f.Role, f.Index}
	if f.At < d.free[at0] {
		return f, false
	}
	d.free[at0], d.deck = f.until()+rest, slices.Delete(d.deck, 0, 1)
	return f, true
}

// lasts draws how long something goes on: what is dead is away for a moment, and
// what is silent sometimes less and sometimes more than a lease and a takeover.
func (d *drawer) lasts(c card) time.Duration {
	switch {
	case c.kind == Kill || c.kind == Terminate:
		return between(d.random, 0, 2*time.Second)
	case c.role == Redis:
		return between(d.random, 500*time.Millisecond, Lease+time.Second)
	case c.kind == Cut || c.kind == Replies:
		return between(d.random, 200*time.Millisecond, 4*time.Second)
	default: // Stop, Silence, Vanish, Pause, Drain
		return between(d.random, time.Second, 2*Lease)
	}
}

func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(random.Int64N(int64(most-least)))).Round(resolution)
}
