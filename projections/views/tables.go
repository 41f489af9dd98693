package views

import (
	"github.com/herocode/horus/domain/job"
)

// Table is one of the hashes of a generation.
type Table uint8

// The tables.
const (
	Jobs      Table = iota // job id → its record
	Open                   // job id → the attempt that waits or runs
	Logs                   // <submit seq>/<n> → where the n-th piece of the job's output stands
	Tips                   // aggregate that is no job → place of its last event
	Runners                // runner id → what is known of the id
	Processes              // <runner id>/<process> → a process that joined and did not leave
	Queues                 // queue → how many jobs wait and run
	Modes                  // queue or runner id → that it is paused or drained, since when and by whom
	Nonces                 // <key id>/<nonce> → the submission that spent it, and until when; and their line
)

// NumTables is how many tables a generation has.
const NumTables = 9

// Tables lists every table.
func Tables() []Table {
	return []Table{Jobs, Open, Logs, Tips, Runners, Processes, Queues, Modes, Nonces}
}

// String returns the table's name in keys.
func (t Table) String() string {
	return [...]string{"jobs", "open", "logs", "tips", "runners", "processes", "queues", "modes", "nonces"}[t]
}

// Field names one value of a table.
type Field struct {
	Table Table
	Name  string
}

// Listing is a job's place in the list of all jobs of a status: the place of
// its submission in the log. Lists are ordered by it.
type Listing struct {
	Status job.Status
	Seq    uint64
}
