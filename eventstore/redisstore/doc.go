// Package redisstore keeps a partition's log in a Redis stream and its lease in
// a hash beside it, and is the place where Horus makes its Redis clients.
//
// Its one idea: one entry is one event under the id "<seq>-0", readable with
// XRANGE, and each write is one script that compares strings with what the
// caller expects before it writes anything. All keys of a partition bear one
// hash tag, so a [Store] works on a single Redis and on Redis Cluster alike.
//
// Its promise is [eventstore.Store]'s: nil means kept, [eventstore.ErrConflict]
// and [eventstore.ErrRefused] mean that nothing was written, and whatever else
// happened to a call, the same call again settles it.
//
//	server, err := redisstore.Connect(ctx, "redis://localhost:6379")
//	settings, err := server.Check(ctx)
//	store := redisstore.New(server.Writer(2), server.Reader(8), redisstore.Keys{Namespace: "horus"})
//	tip, err := store.Tip(ctx)
//
// The write client belongs to the committer: it sends every command once,
// because a repeat that nobody asked for would hide which one was kept.
package redisstore
