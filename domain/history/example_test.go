package history_test

import (
	"bytes"
	"fmt"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/domain/term"
)

// A log of one commit is read and checked; then one byte of it is changed.
func Example() {
	private, _ := signing.GenerateKey(bytes.NewReader(make([]byte, 32))) // crypto/rand.Reader outside examples
	public := private.Public()
	header := event.Header{Namespace: "horus", Version: 1, At: 1767366245_000000, Actor: event.BySystem("founding")}
	header.Aggregate = event.Aggregate{Kind: event.Access}
	founded := event.Append(nil, header, access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: public, Operator: key(operator).Public(),
	})
	header.Aggregate = event.Aggregate{Kind: event.Leader}
	began := event.Append(nil, header, term.Began{Term: 1, Name: "s1", Key: public.ID()})
	seal := signing.Seal{
		Namespace: "horus", Term: 1, First: 1, Count: 2,
		Root: signing.Root([]signing.Hash{signing.LeafHash(founded), signing.LeafHash(began)}),
	}.Sign(private)
	log := []history.Raw{{Seq: 1, Event: founded}, {Seq: 2, Event: began, Seal: seal.Append(nil)}}

	check := func() error {
		reader := history.NewReader("horus", 0, 0)
		chain := history.NewChain("horus", 0, signing.NewVerifier(4))
		for _, raw := range log {
			commit, err := reader.Next(raw)
			if err != nil {
				return err
			}
			if commit == nil {
				continue // the commit goes on
			}
			if err := chain.Check(commit); err != nil {
				return err
			}
			fmt.Println(chain.State.Term.Name, "leads since seq", chain.Head().Seq)
		}
		return reader.End()
	}
	fmt.Println(check())
	log[1].Event = bytes.Replace(began, []byte(`"s1"`), []byte(`"s9"`), 1)
	fmt.Println(check())
	// Output:
	// s1 leads since seq 2
	// <nil>
	// seq 1: the events up to 2 are not those that were sealed
}
