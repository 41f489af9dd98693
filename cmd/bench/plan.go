package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// section is a group of measurements that stand in one table.
type section struct {
	name    string
	about   string // one line
	notes   []string
	long    bool // takes minutes
	alone   bool // starts a Redis for itself, so it is left out on somebody else's
	measure func(ctx context.Context, b *bench) ([]Row, error)
}

const (
	noteCallers = "Callers are in this process and hand their messages to the API as its HTTP handler does. " +
		"In the figures: strict reading, API key, pace, validation, signatures, decision, commit, read models, answer, metrics. Not in them: the network and HTTP."
	noteSigning = "Jobs are signed before the clock starts: that is the clients' work."
	noteRunner  = "The runner checks grant, seal and client signature of every job, and its handler does nothing."
)

// sections is all that can be measured, in the order in which it is.
func sections() []section { return slices.Concat(ways(), conditions()) }

// ways are ways to submit and to run jobs.
func ways() []section {
	return []section{
		{
			name: "submit", about: "from a submit to the queue; nobody runs the jobs", measure: measureSubmit,
			notes: []string{noteCallers, "Its yardstick commits and queues, too, and runs nothing. The bytes are those of a waiting job."},
		},
		{
			name: "jobs", about: "from a submit to an outcome that can be read", measure: measureJobs,
			notes: []string{noteRunner, "The bytes are those of a finished job with its history and evidence."},
		},
		{
			name: "slots", about: "the same, 50 callers, as so many jobs run at once (256 elsewhere)", measure: measureSlots,
			notes: []string{"A runner claims no more than it may run: with one slot each job is a claim of its own."},
		},
		{
			name: "bulk", about: "the same, 100 jobs a call under one signature (jobs.submit_many)", measure: measureBulk,
			notes: []string{noteSigning, "The yardsticks commit 100 at once, too. 20 callers: as many as are let in by the limit of 2,048 jobs on their way."},
		},
		{
			name: "http", about: "ways to submit, 50 callers; 20 of 100 jobs at once", measure: measureHTTP,
			notes: []string{
				"The callers' side of HTTP is in this process, so in the CPU of Horus.",
				"each signed: 16 keys in turn. batches: 100 calls of jobs.submit in a JSON-RPC batch, unsigned; submit_many: 100 jobs under one signature. " + noteSigning,
				"client library: 50 goroutines share a client that sends together and signs, with one key, what comes together. Signing is in its figures.",
			},
		},
		{
			name: "signatures", about: "what clients sign, 50 callers in this process; 20 of bulks", measure: measureSignatures,
			notes: []string{noteSigning, "each: 16 keys in turn; bulk: 100 jobs a call under one signature. The yardsticks sign commits alone."},
		},
		{
			name: "payloads", about: "the size of what a job is given, 50 callers in this process", measure: measurePayloads,
			notes: []string{"The yardsticks write events and queue entries that are larger by as much."},
		},
	}
}

// conditions are what else a system meets, and the guard.
func conditions() []section {
	return []section{
		{
			name: "latency", about: "200 jobs a second: how long after the call", measure: measureLatency,
			notes: []string{
				"A job comes every 5 ms whether or not those before are done.",
				"PING is a round trip to Redis just before each; a submit of a new id needs one, too.",
			},
		},
		{
			name: "idle", about: "nothing to do, with a history behind it: what it takes each second", measure: measureIdle,
			notes: []string{"A supervisor and a runner beat, look after their neighbours, and look through read models for damage."},
		},
		{
			name: "audit", about: "verify a history, and build the read models again from it", measure: measureAudit,
			notes: []string{
				"The yardstick reads the log from Redis and computes one SHA-256 over all of it. The supervisor goes on meanwhile.",
				"each signed: with a client's signature on every job, which is every third event, and 16 keys.",
			},
		},
		{
			name: "takeover", about: "from the end of the leader to the first submit that is answered", measure: measureTakeover,
			notes: []string{
				"The leader is cut off from Redis in the middle of a term and ends; a stand-by on the same Redis is called.",
				"A stand-by waits 2 s for the leader's beat before it believes that it is gone.",
			},
		},
		{
			name: "growth", about: "the cost of a job as the history grows, 50 callers in this process", measure: measureGrowth,
			notes: []string{"With --long up to a million jobs, else to 100,000."},
		},
		{
			name: "durability", about: "from a submit to the queue, where an answer waits for more", measure: measureDurability, alone: true,
			notes: []string{
				"everysec: for nothing but Redis; always: for its disk (appendfsync always); replica: for one replica (--durability replicated:1).",
				"The yardsticks commit to the same Redis, with WAIT where a replica is waited for.",
			},
		},
		{
			name: "overload", about: "ten times as many jobs are submitted as can be done", measure: measureOverload, long: true,
			notes: []string{"Who is sent away does not come again. The peak was measured just before, with 256 callers."},
		},
		{
			name: "guard", about: "what no change is to make worse, 50 callers in this process", measure: measureGuard, long: true,
			notes: []string{"hashed: the bytes of a job's events. With --limits what is worse than they allow is an error."},
		},
	}
}

// Named is what a section is called, and what it is about.
type Named struct {
	Name, About string
	Long        bool // only measured when it is asked for
}

// Sections lists what can be measured.
func Sections() []Named {
	all := sections()
	named := make([]Named, len(all))
	for i, s := range all {
		named[i] = Named{s.name, s.about, s.long}
	}
	return named
}

// planned returns the sections of those names, in the order of the list; all
// that are not long, or all, when there are no names. On a Redis that is not our
// own none is planned unasked that starts another.
func planned(names []string, long, own bool) ([]section, error) {
	var plan []section
	left := map[string]bool{}
	for _, name := range names {
		left[name] = true
	}
	for _, s := range sections() {
		if left[s.name] || len(names) == 0 && (long || !s.long) && (own || !s.alone) {
			plan = append(plan, s)
		}
		delete(left, s.name)
	}
	for _, name := range names {
		if left[name] {
			return nil, fmt.Errorf("there is no section %q; there are %s", name, namesOf(sections()))
		}
	}
	return plan, nil
}

func namesOf(all []section) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}
