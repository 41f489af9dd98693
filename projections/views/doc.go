// Package views is the contract between the engine that builds the read models
// and work queues of a partition, the readers of these, and the stores that
// keep them.
//
// Its one idea: a view is only as good as the position that it was written
// with. Everything that belongs to a stretch of history is written in one
// transaction together with the place that it reaches, and everything that is
// read is read together with that place.
//
// Views live in generations. One is live; a rebuild fills another beside it and
// then makes that one live. Work queues, notices and statements belong to the
// partition and to no generation.
//
//	position, err := writer.Watch(ctx)
//	tx := &views.Tx{Generation: position.Live, Position: next}
//	tx.Put(views.Jobs, "j1", record)
//	position, err = writer.Commit(ctx, tx)
package views
