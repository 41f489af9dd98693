package signing_test

import (
	"bytes"
	"fmt"

	"github.com/herocode/horus/domain/signing"
)

// A leader seals a commit of two events; somebody who has only its public key
// checks one of them.
func Example() {
	key, err := signing.GenerateKey(bytes.NewReader(make([]byte, 32))) // crypto/rand.Reader outside examples
	if err != nil {
		fmt.Println(err)
		return
	}
	events := [][]byte{[]byte(`{"type":"job.submitted"}`), []byte(`{"type":"job.started"}`)}
	leaves := []signing.Hash{signing.LeafHash(events[0]), signing.LeafHash(events[1])}
	seal := signing.Seal{
		Namespace: "horus", Term: 1, First: 1, Count: uint32(len(leaves)), Root: signing.Root(leaves),
	}.Sign(key)
	wire, paths := seal.Append(nil), signing.Paths(leaves)

	read, err := signing.ParseSeal("horus", 0, wire)
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier := signing.NewVerifier(16)
	fmt.Println("sealed by the leader:", verifier.Verify(read.Check(key.Public())))
	proof := signing.Proof{Event: events[1], Seq: 2, Path: paths[1], Seal: read}
	fmt.Println("event 2 as sealed:", proof.Check())
	proof.Event = []byte(`{"type":"job.completed"}`)
	fmt.Println("event 2 forged:", proof.Check())
	// Output:
	// sealed by the leader: true
	// event 2 as sealed: <nil>
	// event 2 forged: event 2 is not the one that was sealed
}
