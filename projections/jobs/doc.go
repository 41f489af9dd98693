// Package jobs is the read model of jobs: a small record of each, in which
// order they came, and where in the log the rest of them stands.
//
// A read of one job sees everything that was written before it was asked for; a
// list may lag, and says how far it reaches.
//
//	reader := &jobs.Reader{Views: views, Log: log, Namespace: "horus"}
//	j, err := reader.Get(ctx, id)
//	page, err := reader.List(ctx, jobs.Filter{Runner: "r1"}, "", 100)
package jobs
