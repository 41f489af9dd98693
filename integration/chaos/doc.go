// Package chaos runs Horus as its users do, in programs of their own on a real
// Redis, breaks everything that can break at any moment, and then checks that
// what was promised holds.
//
//	plan := NewPlan(seed, time.Minute) // what breaks, and when
//	world := newWorld(t, plan)         // three supervisors, four runners, a Redis
//	load := world.begin()              // clients who never give up
//	world.suffer(plan)
//	report := world.judge(load)        // nothing lost, nothing ended twice
//
// A plan is a pure function of its seed. What the programs make of it is not:
// when a kill meets which line is the machine's to say, so the same seed is the
// same plan and never the same run. Package integration/sim has what is missing
// here, the same run again and clocks that are wrong, in one thread and without
// a network.
//
// Jobs are shell scripts that write what happens to them into a file of the
// test's, so that how often each ran is known from somebody else than Horus.
package chaos
