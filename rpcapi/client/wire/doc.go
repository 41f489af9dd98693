// Package wire holds the shapes of the calls of Horus' API: what the server
// reads and what the client writes, so that nobody else spells a name.
//
// The order of a parameter struct's fields is the order of positional
// parameters; `validate` tags are the bounds and `doc` tags the words of the
// OpenRPC document. Times are RFC 3339 in UTC, empty or absent when there is
// none; a job's state is one of [github.com/herocode/horus/domain/job.Statuses].
package wire
