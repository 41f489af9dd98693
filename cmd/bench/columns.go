package bench

import (
	"math"
	"strconv"
	"strings"
)

// column is a figure as tables show it.
type column struct {
	key     string
	heading string
	lower   bool // the lower the better; else the higher
}

// columns are all figures, in the order of tables. Of a row that has several,
// the first is the one that is compared.
func columns() []column {
	return []column{
		{key: "ratio", heading: "× yardstick"},
		{key: "cpu_ratio", heading: "× its CPU", lower: true},
		{key: "ping_ratio", heading: "× PING", lower: true},
		{key: "goodput_share", heading: "share of the peak"},
		{key: "takeover_s", heading: "seconds", lower: true},
		{key: "events_per_s", heading: "events/s"},
		{key: "jobs_per_s", heading: "jobs/s"},
		{key: "horus_us", heading: "µs Horus", lower: true},
		{key: "redis_us", heading: "µs Redis", lower: true},
		{key: "commands", heading: "commands", lower: true},
		{key: "redis_bytes", heading: "bytes", lower: true},
		{key: "allocs", heading: "allocs", lower: true},
		{key: "events", heading: "events", lower: true},
		{key: "hashed_bytes", heading: "hashed", lower: true},
		{key: "idle_commands_per_s", heading: "commands/s", lower: true},
		{key: "idle_horus_ms_per_s", heading: "ms Horus/s", lower: true},
		{key: "idle_redis_ms_per_s", heading: "ms Redis/s", lower: true},
		{key: "offered_times", heading: "offered × peak"},
		{key: "refused_p50_ms", heading: "refused p50 ms", lower: true},
		{key: "p50_ms", heading: "p50 ms", lower: true},
		{key: "p99_ms", heading: "p99 ms", lower: true},
		{key: "p999_ms", heading: "p99.9 ms", lower: true},
	}
}

// plain writes a number with as many digits as people read: three that count,
// and thousands apart.
func plain(n float64) string {
	switch size := math.Abs(n); {
	case size >= 100:
		return thousands(int64(math.Round(n)))
	case size >= 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	case size == 0:
		return "0"
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}
