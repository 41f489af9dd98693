package views

import (
	"github.com/herocode/horus/domain/job"
)

// Table is one of the hashes of a generation.
type Table uint8

// The tables.
const (
	Jobs    Table = iota // job id → its record
	Open                 // job id → the attempt that waits or runs
	Logs                 // <submit seq>/<n> → where the n-th piece of the job's output stands
	Tips                 // aggregate that is no job → place of its last event
	Runners              // runner id → its processes
	Queues               // queue → how many jobs wait and run
)

// NumTables is how many tables a generation has.
const NumTables = 6

// Tables lists every table.
func Tables() []Table { return []Table{Jobs, Open, Logs, Tips, Runners, Queues} }

// String returns the table's name in keys.
func (t Table) String() string {
	return [...]string{"jobs", "open", "logs", "tips", "runners", "queues"}[t]
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
