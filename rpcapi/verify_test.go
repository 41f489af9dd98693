package rpcapi

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain/signing"
)

func checksOf(t testing.TB, n int) []signing.Check {
	t.Helper()
	checks := make([]signing.Check, n)
	for i := range checks {
		key, err := signing.GenerateKey(seed(byte(i % 16)))
		if err != nil {
			t.Fatal(err)
		}
		text := []byte("message " + strconv.Itoa(i))
		checks[i] = signing.Check{Key: key.Public(), Message: text, Signature: key.Sign(text)}
	}
	return checks
}

// seed is a reader that yields one byte for ever.
type seed byte

func (s seed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s)
	}
	return len(p), nil
}

// nobody is around the gate.
func nobody() int { return 0 }

// Each caller gets the verdict on his own checks, whoever travels with him.
func TestVerifyGate(t *testing.T) {
	checks := checksOf(t, 64)
	gate := newVerifyGate(signing.NewVerifier(16), nobody)
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			for i := range 50 {
				mine := checks[(c+i)%60 : (c+i)%60+1+i%3]
				bad := (c+i)%4 == 0
				if bad {
					mine = append([]signing.Check{}, mine...)
					mine[len(mine)-1].Message = []byte("another message")
				}
				if gate.verify(mine) == bad {
					t.Errorf("caller %d, call %d: wrong verdict", c, i)
				}
			}
		})
	}
	callers.Wait()
	if !gate.verify(nil) {
		t.Error("no checks do not hold")
	}
}

// While one batch is checked the next gathers: company travels together.
func TestVerifyGateGathers(t *testing.T) {
	checks := checksOf(t, 8)
	gate := newVerifyGate(signing.NewVerifier(16), nobody)
	for range cap(gate.running) {
		gate.running <- struct{}{} // as if batches were being checked
	}
	var callers sync.WaitGroup
	for i := range checks {
		callers.Go(func() {
			if !gate.verify(checks[i : i+1]) {
				t.Error("a good check does not hold")
			}
		})
	}
	for {
		gate.mu.Lock()
		gathered := gate.next != nil && len(gate.next.checks) == len(checks)
		gate.mu.Unlock()
		if gathered {
			break
		}
		runtime.Gosched()
	}
	<-gate.running
	callers.Wait()
}

// In a crowd a batch waits for company, unless it has plenty or the last one was
// long ago; a lone caller never waits.
func TestVerifyGateWaitsInACrowdOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		around := crowded
		gate := newVerifyGate(signing.NewVerifier(16), func() int { return around })
		lone := &verifyBatch{checks: make([]signing.Check, 1)}
		if d := gate.patience(lone); d > 0 {
			t.Errorf("the first batch waits for %s", d)
		}
		gate.last = time.Now()
		if d := gate.patience(lone); d != gathering {
			t.Errorf("a batch that follows another one at once waits for %s", d)
		}
		if d := gate.patience(&verifyBatch{checks: make([]signing.Check, plenty)}); d > 0 {
			t.Errorf("a batch that has plenty waits for %s", d)
		}
		around--
		if d := gate.patience(lone); d > 0 {
			t.Errorf("a batch of few waits for %s", d)
		}
	})
}

func BenchmarkVerifyGate(b *testing.B) {
	checks := checksOf(b, 256)
	for _, callers := range []int{1, 8, 50, 256} {
		b.Run(strconv.Itoa(callers)+" callers", func(b *testing.B) {
			gate := newVerifyGate(signing.NewVerifier(16), func() int { return callers })
			var running sync.WaitGroup
			b.ResetTimer()
			for c := range callers {
				running.Go(func() {
					for i := c; i < b.N; i += callers {
						if !gate.verify(checks[i%256 : i%256+1]) {
							b.Error("a good check does not hold")
						}
					}
				})
			}
			running.Wait()
		})
	}
	b.Run("no gate", func(b *testing.B) {
		v := signing.NewVerifier(16)
		for i := range b.N {
			v.Verify(checks[i%256])
		}
	})
}
