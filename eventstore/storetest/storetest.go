// Package storetest is the written meaning of [eventstore.Store]. What is not
// tested here, a store need not do, and nobody may count on.
//
// Every store runs it from its own tests, with a Harness for each case:
//
//	storetest.Run(t, func(t *testing.T) storetest.Harness {
//		store := memstore.New()
//		return storetest.Harness{Store: store, Other: store, …}
//	})
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore"
)

// Harness is an empty partition, and what can happen to it. All fields are
// required.
type Harness struct {
	Store eventstore.Store
	Other eventstore.Store // the same partition as another process sees it

	// Intrude appends a commit behind the end of the log and asks for no term.
	Intrude func(eventstore.Batch)
	// Truncate takes the entries above a number away, as a failover does that
	// lost the tail.
	Truncate func(to uint64)
	// LoseAppend makes the next Append of Store fail: when kept, after it was
	// carried out.
	LoseAppend func(kept bool)
	// Forget makes the server forget what it may forget at any time.
	Forget func()
}

// Run tests a store. open is called for each case.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	groups := []struct {
		name  string
		cases []testCase
	}{
		{"log", logCases()},
		{"append", appendCases()},
		{"faults", faultCases()},
		{"lease", leaseCases()},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) { runCases(t, group.cases, open) })
	}
}

// RunCut tests what a store does when an end is cut off. open is called for each
// case. It stands apart because not every server can.
func RunCut(t *testing.T, open func(t *testing.T) Harness) { runCases(t, cutCases(), open) }

func runCases(t *testing.T, cases []testCase, open func(t *testing.T) Harness) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(&fixture{t, open(t)}) })
	}
}

type testCase struct {
	name string
	run  func(f *fixture)
}

// Commit returns a commit of events behind a place. It looks like a real one:
// its seal has the wire form, names its place, the events' Merkle root and the
// seal before it, but nobody signed it.
func Commit(after eventstore.Tip, events ...[]byte) eventstore.Batch {
	leaves := make([]signing.Hash, len(events))
	for i, event := range events {
		leaves[i] = signing.LeafHash(event)
	}
	seal := signing.Seal{
		Term: 1, First: after.Seq + 1, Count: uint32(len(events)), //nolint:gosec // tests of the bound stay near it
		Root: signing.Root(leaves), Prev: sha256.Sum256([]byte(after.Seal)), Key: "00112233445566778899aabbccddeeff",
	}
	return eventstore.Batch{First: seal.First, Events: events, Seal: seal.Append(nil)}
}

// Events returns n small events that say a word and which of them they are.
func Events(n int, word string) [][]byte {
	events := make([][]byte, n)
	for i := range events {
		events[i] = fmt.Appendf(nil, `{"v":1,"aggregate":"test/%s","version":%d,"type":"test.happened","data":{}}`, word, i+1)
	}
	return events
}

// fixture is a case with its store, and the steps that cases are made of.
type fixture struct {
	*testing.T
	Harness
}

func (f *fixture) ctx() context.Context { return f.Context() }

// firstTerm is the term that lead takes.
const firstTerm = 1_700_000_000

// lead takes the lease with firstTerm.
func (f *fixture) lead() {
	f.Helper()
	f.take(eventstore.Holder{}, eventstore.Holder{Term: firstTerm, Name: "one"})
}

func (f *fixture) take(seen, next eventstore.Holder) {
	f.Helper()
	if err := f.Store.Take(f.ctx(), seen, next); err != nil {
		f.Fatalf("Take(%v, %v): %v", seen, next, err)
	}
}

// append appends events of firstTerm behind a place and returns the new end.
func (f *fixture) append(after eventstore.Tip, events ...[]byte) eventstore.Tip {
	f.Helper()
	c := Commit(after, events...)
	if err := f.Store.Append(f.ctx(), firstTerm, after, c); err != nil {
		f.Fatalf("Append(%d events behind %d): %v", len(events), after.Seq, err)
	}
	return c.Tip()
}

// conflict requires that err is ErrConflict.
func (f *fixture) conflict(what string, err error) {
	f.Helper()
	if !errors.Is(err, eventstore.ErrConflict) {
		f.Errorf("%s: got %v, want ErrConflict", what, err)
	}
}

// unsure requires an error that claims nothing.
func (f *fixture) unsure(what string, err error) {
	f.Helper()
	if err == nil || errors.Is(err, eventstore.ErrConflict) || errors.Is(err, eventstore.ErrRefused) {
		f.Errorf("%s: got %v, want an error that says nothing about what was kept", what, err)
	}
}

// ends requires that both processes see this end of the log.
func (f *fixture) ends(want eventstore.Tip) {
	f.Helper()
	for name, store := range map[string]eventstore.Store{"Store": f.Store, "Other": f.Other} {
		if got, err := store.Tip(f.ctx()); err != nil || got != want {
			f.Errorf("%s.Tip: got %v, %v; want %v", name, got, err, want)
		}
	}
}

// holds requires that both processes see this holder.
func (f *fixture) holds(want eventstore.Holder) {
	f.Helper()
	for name, store := range map[string]eventstore.Store{"Store": f.Store, "Other": f.Other} {
		if got, err := store.Holder(f.ctx()); err != nil || got != want {
			f.Errorf("%s.Holder: got %v, %v; want %v", name, got, err, want)
		}
	}
}

// contains requires that the log is these commits, and nothing else.
func (f *fixture) contains(commits ...eventstore.Batch) {
	f.Helper()
	want := Raws(commits...)
	got, err := f.Other.Read(f.ctx(), 0, len(want)+10)
	if err != nil {
		f.Fatalf("Read: %v", err)
	}
	f.same("the log", want, got)
}

func (f *fixture) same(what string, want, got []history.Raw) {
	f.Helper()
	if slices.EqualFunc(want, got, sameRaw) { // cmp takes seconds for a large event
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		f.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func sameRaw(a, b history.Raw) bool {
	return a.Seq == b.Seq && bytes.Equal(a.Event, b.Event) && bytes.Equal(a.Seal, b.Seal)
}

// Raws returns the entries that commits become.
func Raws(commits ...eventstore.Batch) []history.Raw {
	var raws []history.Raw
	for _, c := range commits {
		for i, event := range c.Events {
			raws = append(raws, history.Raw{Seq: c.First + uint64(i), Event: event})
		}
		raws[len(raws)-1].Seal = c.Seal
	}
	return raws
}
