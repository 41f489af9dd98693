package eventstore

import (
	"strings"

	"github.com/herocode/horus/domain"
)

// Durability is the word for what an acknowledged commit survives. Receipts
// bear it.
type Durability string

// The levels that a store has by itself, from the least safe.
const (
	Memory      Durability = "memory"   // a crash of ours
	EverySecond Durability = "everysec" // and one of the store; one of its machine takes a second or two with it
	Fsync       Durability = "fsync"    // and one of its machine
)

// MaxReplicas bounds the replicas of [Replicated]: one digit.
const MaxReplicas = 9

const replicated = "replicated:"

// Replicated is the level of what so many replicas have: 1 to [MaxReplicas]. It
// survives the loss of the store's machine if one of them takes over.
func Replicated(replicas int) Durability {
	return Durability(replicated + string(rune('0'+replicas)))
}

// ParseDurability reads a level that can be asked for. Memory is none. The error
// has [domain.Invalid] and the reason "durability".
func ParseDurability(text string) (Durability, error) {
	d := Durability(text)
	if d == EverySecond || d == Fsync || d.Replicas() > 0 {
		return d, nil
	}
	return "", domain.Errorf(domain.Invalid, "durability",
		"%.20q is no durability that can be asked for: it is everysec, fsync, or replicated:1 to replicated:%d", text, MaxReplicas)
}

// Replicas returns how many replicas the level asks for; 0 of a level that a
// store has by itself.
func (d Durability) Replicas() int {
	digit, ok := strings.CutPrefix(string(d), replicated)
	if !ok || len(digit) != 1 || digit[0] < '1' || digit[0] > '0'+MaxReplicas {
		return 0
	}
	return int(digit[0] - '0')
}

// Less reports whether a level that a store has by itself keeps less than
// another.
func (d Durability) Less(than Durability) bool { return d.rank() < than.rank() }

func (d Durability) rank() int {
	switch d {
	case EverySecond:
		return 1
	case Fsync:
		return 2
	default:
		return 0
	}
}
