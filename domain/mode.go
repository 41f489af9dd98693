package domain

// Mode says whether work flows through a queue, or to the processes of a runner
// id. What it means to each stands in their packages.
type Mode string

// The modes. Their words never change.
const (
	Open    Mode = ""        // as ever
	Paused  Mode = "paused"  // nothing is taken
	Drained Mode = "drained" // what is there is worked off, and nothing more
)

// ParseMode reads the word of a mode; that of [Open] is empty. Its error has
// [Invalid] and the reason "mode".
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Open, Paused, Drained:
		return m, nil
	}
	return Open, Errorf(Invalid, "mode", "a mode is %s or %s", Paused, Drained)
}
