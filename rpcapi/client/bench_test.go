package client_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// Submits through HTTP into a log in memory, client and supervisor in one
// process.
func BenchmarkSubmit(b *testing.B) {
	for _, callers := range []int{1, 8, 50} {
		for name, key := range map[string]signing.PrivateKey{"unsigned": {}, "signed": rpcapitest.Key(3)} {
			b.Run(strconv.Itoa(callers)+" callers/"+name, func(b *testing.B) {
				s := newSystem(b)
				s.Admit(rpcapitest.Key(3), access.Client, "alice", 0)
				c := s.client(b, key)
				pattern := client.NewJob("echo hello").Runner("r1")
				var running sync.WaitGroup
				b.ResetTimer()
				for i := range callers {
					running.Go(func() {
						for k := i; k < b.N; k += callers {
							if _, err := c.Submit(b.Context(), pattern); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				running.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			})
		}
	}
}
