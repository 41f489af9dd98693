// Package sim runs the whole system in one thread: supervisors, runner
// processes, clients and the store between them, in an order and with faults
// that all come from one seed. What runs is the production code; only the wire
// to the store, the clock and the goroutines are the simulator's.
//
// Its one idea: everything that waits is a thread of the simulator, which is a
// coroutine. A call to the store lets all others go on until it arrives, and
// until its answer does, so whatever can happen between two lines that talk to
// the store does happen for some seed. Nothing depends on the real clock, on a
// real scheduler or on real randomness: the same seed is the same run, to the
// byte.
//
//	report := sim.Run(sim.Options{Seed: 7})
//	if report.Broken != "" { fmt.Println(report.Story) } // what happened to the job, in plain words
//
// Faults: lost, doubled and late requests, lost answers, refused writes, a
// server that comes back with an older copy of all its data, deleted keys,
// processes that stop for a while, crash and start again, clocks that are set,
// leads that are handed over, handlers that hang. A run ends in calm weather, in
// which every job must end soon.
//
// What must hold is checked with every append and when the run is over: see
// ledger and check.
package sim
