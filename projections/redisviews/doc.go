// Package redisviews keeps a partition's views on Redis (7.0 or later).
//
// Its one idea is the fence. A writer owns one connection. It watches the
// position there, and every transaction is MULTI … EXEC behind that watch, with
// the next watch and the position's values travelling behind EXEC in the same
// pipeline: one round trip a transaction, and nothing is written once anybody
// else touched the position.
//
// Readers see the position and everything else in one MULTI … EXEC, so what
// they see belongs together.
//
//	store, err := redisviews.New(server.Writer(2), server.Reader(8), queue.Keys{Namespace: "horus"})
package redisviews
