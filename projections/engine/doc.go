// Package engine folds a partition's history into its views and work queues,
// each commit exactly once.
//
// Its one idea: what was folded, what follows from it and how far it reaches
// are one transaction, which is kept only if the position is still where the
// engine left it. So a crash between any two lines repeats nothing, and an
// engine that was paused while another took over writes nothing.
//
// A leader opens an engine, catches up with the log, takes the engine's chain
// for its own, and feeds it:
//
//	e, err := engine.Open(ctx, cfg)
//	err = e.CatchUp(ctx)                  // views reach the end of the log; nothing is queued
//	leader := eventstore.NewLeader(…, e.Tip(), e.Chain()) // with Feed: e.Offer, Indexed: e.Passed
//	lost, err := e.Reconcile(ctx)         // queues are as the views say; from here on the engine is live
//	busy, err := e.Turn(ctx)              // again and again; wait for e.Wake() when it is not busy
//
// Attempts whose queue entry is gone come back from Reconcile. The leader gives
// them up (job.Lose with job.LostQueue) once everything that runners had
// reported is in the history.
package engine
