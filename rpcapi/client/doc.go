// Package client calls a supervisor of Horus.
//
// Its one promise: whatever happens on the way, a job is submitted once. The
// client chooses a job's id before it sends it, signs the job where it has a
// key, and sends the very same bytes again when an answer was lost or the
// supervisor says that it may; the supervisor knows the job again.
//
//	c, err := client.New(client.Config{Addresses: []string{"http://127.0.0.1:3030"}, APIKey: secret, Key: key})
//	receipt, err := c.Submit(ctx, client.NewJob("echo hello").Executor("sh"))
//	done, err := c.Wait(ctx, receipt.ID)
//
// The API key says who may call, and is a secret that the supervisor knows too.
// The key signs jobs: its public half is admitted once ([Client.AddKey]), and
// who signed a job stands in the history for ever. Without a key the holder of
// the API key stands for the job, where the supervisor is set to allow it.
//
// What a supervisor refuses is an [*Error], for which [domain.CodeOf] says what
// to do and [domain.ReasonOf] a stable word. An [*UnreachableError] says that
// none could be called, or that the answer was lost: then nobody knows whether
// the call was carried out. Both come after everything that may be tried again
// was, for some seconds; ctx ends that earlier.
//
// It may know several supervisors. Any of them will do, because one that does not
// lead passes on what it cannot do; the client stays with the one that answers
// and goes on to the next when one cannot be reached, stands still, or finds no
// leader. The error in the end names each, and what it said.
//
// A Client is safe for concurrent use. Submits that are made at the same time
// travel together, under one signature; a lone one goes at once, alone. Who has
// all his jobs at hand uses [Client.SubmitMany].
package client
