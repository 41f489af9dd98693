package rpcapi

import (
	"fmt"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client/wire"
	"github.com/herocode/horus/rpcapi/door"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Limits bound what callers may cost. Zero means the default. What is not here
// cannot be changed: the format of the history rests on it, or every client.
type Limits struct {
	jsonrpc.Limits // of one message

	CallsPerSecond int // of one API key, or of one address without a key; as many at once after a second's rest; 20,000
	Waits          int // calls that wait for something at the same time; 1,024
	WaitsPerKey    int // of one API key; 512
	Submits        int // jobs on their way into the history at the same time; 2,048
	Bodies         int // bytes of all messages above 64 KiB that are read or answered at the same time; 256 MiB

	// Whoever listens holds to these two, see package door; the API tells them.
	Connections           int // at the same time; 1,024
	ConnectionsPerAddress int // of one address; 512
}

// What callers can ask for, as the bounds of parameters say.
const (
	maxPage     = 1000              // jobs, lines or events in an answer
	maxWait     = 300 * time.Second // for an outcome
	maxLongPoll = 30 * time.Second  // for a line or an event
)

// WithDefaults returns the limits with defaults filled in.
func (l Limits) WithDefaults() Limits {
	l.Limits = l.Limits.WithDefaults()
	for _, field := range []struct {
		n     *int
		value int
	}{
		{&l.CallsPerSecond, 20_000},
		{&l.Waits, 1024},
		{&l.WaitsPerKey, 512},
		{&l.Submits, 2048},
		{&l.Bodies, 256 << 20},
		{&l.Connections, 1024},
		{&l.ConnectionsPerAddress, 512},
	} {
		if *field.n == 0 {
			*field.n = field.value
		}
	}
	return l
}

// Check returns what is wrong with limits that have no zeros. What it says
// names the flag of the supervisor.
func (l Limits) Check() error {
	const mebibyte = 1 << 20
	for _, bound := range []struct {
		name        string
		n, low, top int
	}{
		{"limit-body", l.Message, mebibyte, 64 * mebibyte}, // a job fits, and what a stand-by passes on
		{"limit-batch", l.Batch, 1, 1024},                  // an error fits for each
		{"limit-calls", l.CallsPerSecond, 1, 1_000_000},
		{"limit-waits", l.Waits, 1, 1_000_000},
		{"limit-waits-per-key", l.WaitsPerKey, 1, 1_000_000},
		{"limit-submits", l.Submits, 1, 100_000},
		{"limit-bodies", l.Bodies, l.Message, 1 << 40},
		{"limit-connections", l.Connections, 1, 1_000_000},
		{"limit-connections-per-address", l.ConnectionsPerAddress, 1, 1_000_000},
	} {
		if bound.n < bound.low || bound.n > bound.top {
			return fmt.Errorf("%s is %d; it can be %d to %d", bound.name, bound.n, bound.low, bound.top)
		}
	}
	return nil
}

// Told returns the limits as system.info tells them.
func (l Limits) Told() wire.Limits {
	return wire.Limits{
		MessageBytes: l.Message, Batch: l.Batch, Depth: l.Depth, ReplyBytes: l.Reply,
		Page: maxPage, WaitSeconds: int64(maxWait / time.Second), LongPollSeconds: int64(maxLongPoll / time.Second),
		CallsPerSecond: l.CallsPerSecond, Waits: l.Waits, WaitsPerKey: l.WaitsPerKey, Submits: l.Submits, BodiesBytes: l.Bodies,
		Connections: l.Connections, ConnectionsPerAddress: l.ConnectionsPerAddress,
		HeaderSeconds: int64(door.HeaderTime / time.Second), BodySeconds: int64(jsonrpc.BodyTime / time.Second),
		IdleSeconds: int64(door.IdleTime / time.Second), AnswerSeconds: int64(door.AnswerTime / time.Second),
		JobBytes: job.MaxDocumentBytes, PayloadBytes: job.MaxPayloadBytes,
		EnvVars: job.MaxEnvVars, EnvBytes: job.MaxEnvBytes,
		TimeoutSeconds: int64(job.MaxTimeout / time.Second), MaxAttempts: job.MaxMaxAttempts, Keys: access.MaxKeys, APIKeys: access.MaxAPIKeys,
	}
}
