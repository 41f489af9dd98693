// Package signing holds keys, signatures, Merkle trees and seals: what is
// signed in Horus, and how it is checked. It is pure.
//
// Its one idea: a signature is only as good as the rule that judges it, so there
// is one rule an algorithm, for one signature and for a batch, in the supervisor,
// in the runner and offline: ZIP-215 for Ed25519, low S for secp256k1. Texts that are signed never collide: a seal begins
// with "horus-seal-v1", an [Envelope] is signed as "DSSEv1 …", and a canonical
// JSON object begins with a brace.
//
// Its promise: every decoder here takes exactly one spelling of a value and
// refuses all others with a [domain.Error] of code Invalid.
//
//	leaves := []signing.Hash{signing.LeafHash(event)}
//	seal := signing.Seal{Namespace: "horus", Term: 1, First: 1, Count: 1, Root: signing.Root(leaves)}.Sign(key)
//	proof := signing.Proof{Event: event, Seq: 1, Path: signing.Path(leaves, 0), Seal: seal}
//	good := proof.Check() == nil && verifier.Verify(seal.Check(key.Public()))
package signing
