package access_test

import (
	"bytes"
	"fmt"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// A namespace is founded and a client's key admitted. Every statement is
// numbered, and a key is asked for by its class and the time.
func Example() {
	key := func(n byte) signing.PrivateKey {
		k, _ := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32))) // crypto/rand.Reader outside examples
		return k
	}
	web := access.Key{Class: access.Client, Name: "web", Public: key(3).Public()}
	web.Proof = key(3).Sign(access.AdmissionText("horus", web))
	commands := []access.Command{
		access.Found{Founded: access.Founded{
			Namespace: "horus", Partitions: 1, Supervisor: "s1", Key: key(1).Public(), Operator: key(2).Public(),
		}},
		access.Admit{Key: web, At: noon},
		access.Admit{Key: web, At: noon}, // again: nothing happens
	}
	var s access.State
	for _, c := range commands {
		events, err := access.Decide(s, c)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, e := range events {
			s = access.Evolve(s, event.Fact[access.Event]{Data: e, Version: s.Statements + 1, At: noon})
			fmt.Println(s.Statements, e.EventName())
		}
	}
	_, signs := s.Key(access.Client, web.Public.ID(), noon)
	_, seals := s.Key(access.Supervisor, web.Public.ID(), noon)
	fmt.Println("web signs jobs:", signs, "- and seals:", seals)
	// Output:
	// 1 access.founded
	// 2 access.admitted
	// web signs jobs: true - and seals: false
}
