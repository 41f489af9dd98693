package runner_test

import (
	"bytes"
	"fmt"

	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// A process joins in a signed bundle; a supervisor reads it, checks it, and
// decides whether the process may take work.
func Example() {
	private, _ := signing.GenerateKey(bytes.NewReader(make([]byte, 32))) // crypto/rand.Reader outside examples
	bundle := runner.Bundle{
		Namespace: "horus", Runner: "r1", Process: "8f3a", Number: 1,
		Reports: []runner.Report{runner.Join{Key: private.Public(), Slots: 4}},
	}
	signed := bundle.Sign(private)

	read, err := runner.ParseBundle(signed.Doc)
	if err != nil {
		fmt.Println(err)
		return
	}
	join := read.Reports[0].(runner.Join)
	fmt.Println("signed by its key:", signing.NewVerifier(1).Verify(signed.Check(join.Key)))

	news, err := runner.Process{}.Accept(signed, read)
	fmt.Println("news:", news, err)

	queues := runner.Queues(read.Runner, join.Kinds)
	events, err := runner.Decide(runner.State{}, runner.JoinAs{
		Join: join, Process: read.Process, FirstUse: true, Marks: []runner.Mark{{Queue: queues[0], Seq: 1}},
	})
	fmt.Println(events[0].EventName(), err)
	// Output:
	// signed by its key: true
	// news: true <nil>
	// runner.joined <nil>
}
