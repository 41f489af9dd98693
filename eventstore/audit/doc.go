// Package audit proves a partition's history, offline and with public keys
// alone: whoever has the log, from the store or from a file, learns whether it
// is what supervisors sealed, clients and runners signed and Horus allows.
//
// Its one idea: a log vouches for all of itself but its two ends. Everything
// between is one chain of seals, each signed with a key that an earlier
// statement admits. The founding is vouched for by a fingerprint that was
// learnt elsewhere (Options.Trust), and the end by whoever remembers a seal
// (Options.Head): without it, a log whose tail was cut at a seal is just a
// shorter log.
//
// Its promise: a verdict of [Valid] holds for every byte up to its place. A
// verdict of [Tampered] names the first place at which something is wrong: the
// event where it can be told which one, and else the first of the commit that
// was sealed as a whole.
//
// [Prove] takes out of a log what proves one job, and [CheckProof] checks that
// with nothing but the fingerprint; [Proof] says what the file holds. [Show]
// looks at single entries.
//
//	source, err := audit.FromLog(ctx, log) // or audit.Open(file)
//	verdict, err := audit.Verify(ctx, source, audit.Options{Namespace: "horus", Trust: fingerprint})
//	fmt.Println(verdict)
//	os.Exit(verdict.ExitCode())
package audit
