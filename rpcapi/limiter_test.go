package rpcapi

import (
	"fmt"
	"testing"
	"time"
)

// However many addresses guess, what is remembered is bounded.
func TestLimiterIsBounded(t *testing.T) {
	l, now := newLimiter(), time.Unix(0, 0)
	for i := range 3 * maxAddresses {
		l.failed(fmt.Sprint(i), now)
	}
	if n := len(l.addresses); n > maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
}

// However many keys come and go at an address, those that are remembered are
// bounded, and the last ones are among them.
func TestTheKeysOfAnAddressAreBounded(t *testing.T) {
	l, now := newLimiter(), time.Unix(0, 0)
	for i := range 3 * maxUsed {
		l.passed("a", identity{"k", uint64(i)})
	}
	for range maxFailures {
		l.failed("a", now)
	}
	if n := len(l.addresses["a"].used); n > maxUsed {
		t.Errorf("%d keys are remembered", n)
	}
	for number, free := range map[uint64]bool{0: false, 3*maxUsed - 1: true} {
		if wait := l.wait("a", identity{"k", number}, now); (wait == 0) != free {
			t.Errorf("key %d waits %v", number, wait)
		}
	}
}

// An address that failed long ago has its whole burst again, and no more.
func TestLimiterRefills(t *testing.T) {
	l, now := newLimiter(), time.Unix(1_000_000, 0)
	l.failed("a", now)
	now = now.Add(time.Hour)
	for i := range maxFailures {
		if wait := l.wait("a", identity{}, now); wait > 0 {
			t.Fatalf("failure %d must wait %v", i, wait)
		}
		l.failed("a", now)
	}
	if wait := l.wait("a", identity{}, now); wait != failureEvery {
		t.Errorf("after the burst, the wait is %v", wait)
	}
	if wait := l.wait("b", identity{}, now); wait != 0 {
		t.Errorf("another address must wait %v", wait)
	}
}
