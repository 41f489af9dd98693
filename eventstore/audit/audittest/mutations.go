package audittest

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/signing"
)

// Mutations returns every kind there is.
func Mutations() []Mutation {
	return slices.Concat(ofEvents(), ofProofs(), ofOrder(), ofRepeats(), ofSeals(), ofEnds())
}

// ofEvents change what an event says.
func ofEvents() []Mutation {
	type raws = []history.Raw
	replace := func(words ...string) func(*rand.Rand, raws) raws { // the first by the second, or the third by the fourth, …
		return func(dice *rand.Rand, log raws) raws {
			for _, i := range dice.Perm(len(log)) {
				for pair := range slices.Chunk(words, 2) {
					if bytes.Contains(log[i].Event, []byte(pair[0])) {
						return edited(log, i, func(b []byte) []byte { return bytes.Replace(b, []byte(pair[0]), []byte(pair[1]), 1) })
					}
				}
			}
			return log
		}
	}
	return []Mutation{
		{"a byte of an event is changed", func(dice *rand.Rand, log raws) raws {
			return edited(log, dice.IntN(len(log)), func(b []byte) []byte {
				b[dice.IntN(len(b))] += byte(1 + dice.IntN(255)) //nolint:gosec // a byte
				return b
			})
		}},
		{"a bit of an event is flipped", func(dice *rand.Rand, log raws) raws {
			return edited(log, dice.IntN(len(log)), func(b []byte) []byte {
				b[dice.IntN(len(b))] ^= 1 << dice.IntN(8)
				return b
			})
		}},
		{"an event is cut short", func(dice *rand.Rand, log raws) raws {
			return edited(log, dice.IntN(len(log)), func(b []byte) []byte { return b[:dice.IntN(len(b))] })
		}},
		{"a byte is added to an event", func(dice *rand.Rand, log raws) raws {
			return edited(log, dice.IntN(len(log)), func(b []byte) []byte {
				return slices.Insert(b, dice.IntN(len(b)+1), byte(dice.IntN(256))) //nolint:gosec // a byte
			})
		}},
		{"an event is replaced by another one", func(dice *rand.Rand, log raws) raws {
			other := log[dice.IntN(len(log))].Event
			return edited(log, dice.IntN(len(log)), func([]byte) []byte { return slices.Clone(other) })
		}},
		{"a failure becomes a timeout", replace(`"kind":"error"`, `"kind":"timeout"`)},
		{"a wait is made longer", replace(`"due":"2026`, `"due":"2036`)},
		{"a refused report said something else", replace(`"said":"completed"`, `"said":"stopped"`, `"said":"failed"`, `"said":"completed"`, `"said":"stopped"`, `"said":"failed"`)},
		{"an attempt gets another number", replace(`"attempt":1`, `"attempt":2`)},
		{"a payload is changed", replace("echo", "rm")},
		{"an event is backdated", replace(`"at":"2026`, `"at":"2025`)},
		{"an event names another namespace", replace(`"ns":"`, `"ns":"x`)},
		{"an event names another partition", replace(`"p":0`, `"p":1`)},
		{"an event names another actor", replace(`"actor":"`, `"actor":"x`)},
		{"a runner's key is exchanged", replace(historytest.Key("runner r1").Public().String(), historytest.Key("thief").Public().String())},
		{"the founding names another supervisor's key", replace(historytest.Key("supervisor").Public().String(), historytest.Key("thief").Public().String())},
		{"a key is admitted for another class", replace(`"class":"client"`, `"class":"supervisor"`)},
		{"a key's end is taken off", replace(`,"until":"`, `,"untli":"`)},
	}
}

// ofOrder take events away or put them elsewhere.
func ofOrder() []Mutation {
	type raws = []history.Raw
	return []Mutation{
		{"an event is dropped", func(dice *rand.Rand, log raws) raws {
			i := dice.IntN(len(log))
			return slices.Delete(slices.Clone(log), i, i+1)
		}},
		{"an event is dropped and the gap is closed", func(dice *rand.Rand, log raws) raws {
			i := dice.IntN(len(log))
			return historytest.Renumbered(log[:i], log[i+1:])
		}},
		{"a commit is dropped", func(dice *rand.Rand, log raws) raws {
			from, to := commit(dice, log)
			return slices.Delete(slices.Clone(log), from, to)
		}},
		{"a commit is dropped and the gap is closed", func(dice *rand.Rand, log raws) raws {
			from, to := commit(dice, log)
			return historytest.Renumbered(log[:from], log[to:])
		}},
		{"neighbours change places", func(dice *rand.Rand, log raws) raws {
			i := dice.IntN(len(log) - 1)
			return historytest.Renumbered(log[:i], log[i+1:i+2], log[i:i+1], log[i+2:])
		}},
		{"two events change places and leave the seals where they were", func(dice *rand.Rand, log raws) raws {
			i, j := dice.IntN(len(log)), dice.IntN(len(log))
			log = slices.Clone(log)
			log[i].Event, log[j].Event = log[j].Event, log[i].Event
			return log
		}},
		{"two commits change places", func(dice *rand.Rand, log raws) raws {
			a, b := commit(dice, log)
			c, d := commit(dice, log)
			if a > c {
				a, b, c, d = c, d, a, b
			}
			if a == c {
				return log
			}
			return historytest.Renumbered(log[:a], log[c:d], log[b:c], log[a:b], log[d:])
		}},
	}
}

// ofRepeats write events again, or under other numbers.
func ofRepeats() []Mutation {
	type raws = []history.Raw
	return []Mutation{
		{"an event is repeated", func(dice *rand.Rand, log raws) raws {
			i := dice.IntN(len(log))
			return historytest.Renumbered(log[:i+1], log[i:])
		}},
		{"a commit is repeated", func(dice *rand.Rand, log raws) raws {
			from, to := commit(dice, log)
			return historytest.Renumbered(log[:to], log[from:])
		}},
		{"a commit is repeated somewhere else", func(dice *rand.Rand, log raws) raws {
			from, to := commit(dice, log)
			at, _ := commit(dice, log)
			return historytest.Renumbered(log[:at], log[from:to], log[at:])
		}},
		{"the numbers jump", func(dice *rand.Rand, log raws) raws {
			jump := uint64(1 + dice.IntN(1000)) //nolint:gosec // small
			log = slices.Clone(log)
			for i := dice.IntN(len(log)); i < len(log); i++ {
				log[i].Seq += jump
			}
			return log
		}},
		{"the order is reversed", func(_ *rand.Rand, log raws) raws {
			log = slices.Clone(log)
			slices.Reverse(log)
			return historytest.Renumbered(log)
		}},
	}
}

// ofSeals change what is sealed, and by whom.
func ofSeals() []Mutation {
	type raws = []history.Raw
	edit := func(edit func(*rand.Rand, *signing.Seal)) func(*rand.Rand, raws) raws {
		return func(dice *rand.Rand, log raws) raws {
			return historytest.Edited(log, sealed(dice, log), func(s *signing.Seal) { edit(dice, s) })
		}
	}
	return []Mutation{
		{"a byte of a seal is changed", func(dice *rand.Rand, log raws) raws {
			i := sealed(dice, log)
			log = slices.Clone(log)
			log[i].Seal = slices.Clone(log[i].Seal)
			log[i].Seal[dice.IntN(len(log[i].Seal))] += byte(1 + dice.IntN(255)) //nolint:gosec // a byte
			return log
		}},
		{"a seal is taken off", func(dice *rand.Rand, log raws) raws {
			i := sealed(dice, log)
			log = slices.Clone(log)
			log[i].Seal = nil
			return log
		}},
		{"a seal is put on another event too", func(dice *rand.Rand, log raws) raws {
			seal := log[sealed(dice, log)].Seal
			log = slices.Clone(log)
			log[dice.IntN(len(log))].Seal = seal
			return log
		}},
		{"two seals are exchanged", func(dice *rand.Rand, log raws) raws {
			i, j := sealed(dice, log), sealed(dice, log)
			log = slices.Clone(log)
			log[i].Seal, log[j].Seal = log[j].Seal, log[i].Seal
			return log
		}},
		{"a seal gets another term", edit(func(_ *rand.Rand, s *signing.Seal) { s.Term++ })},
		{"a seal covers more", edit(func(_ *rand.Rand, s *signing.Seal) { s.Count++ })},
		{"a seal begins later", edit(func(_ *rand.Rand, s *signing.Seal) { s.First++ })},
		{"a seal has another root", edit(func(dice *rand.Rand, s *signing.Seal) { s.Root[dice.IntN(len(s.Root))]++ })},
		{"a seal follows another one", edit(func(dice *rand.Rand, s *signing.Seal) { s.Prev[dice.IntN(len(s.Prev))]++ })},
		{"a seal names fewer statements", edit(func(_ *rand.Rand, s *signing.Seal) { s.Statements /= 2 })},
		{"a seal names another key", edit(func(_ *rand.Rand, s *signing.Seal) { s.Key = historytest.Key(historytest.Standby).Public().ID() })},
		{"a seal has a signature that somebody made up", edit(func(dice *rand.Rand, s *signing.Seal) {
			s.Signature[dice.IntN(len(s.Signature))]++
		})},
		{"events are changed and sealed again without a key", func(dice *rand.Rand, log raws) raws {
			from, to := commit(dice, log)
			fake := edited(log, from+dice.IntN(to-from), func(b []byte) []byte {
				return bytes.Replace(b, []byte("T15:04"), []byte("T15:03"), 1)
			})
			return historytest.Edited(historytest.Reseal(fake, from, historytest.Key("thief")), to-1, func(s *signing.Seal) { s.Key = historytest.Key("supervisor").Public().ID() })
		}},
	}
}

// ofEnds change where the log begins and ends.
func ofEnds() []Mutation {
	type raws = []history.Raw
	return []Mutation{
		{"the beginning is cut off", func(dice *rand.Rand, log raws) raws {
			return slices.Clone(log[1+dice.IntN(len(log)-1):])
		}},
		{"the beginning is cut off and the rest renumbered", func(dice *rand.Rand, log raws) raws {
			return historytest.Renumbered(log[1+dice.IntN(len(log)-1):])
		}},
		{"the end is cut off", func(dice *rand.Rand, log raws) raws {
			return slices.Clone(log[:1+dice.IntN(len(log)-1)])
		}},
		{"an event without a seal is added", func(dice *rand.Rand, log raws) raws {
			return historytest.Renumbered(log, []history.Raw{{Event: log[dice.IntN(len(log))].Event}})
		}},
		{"the last commit is added once more", func(_ *rand.Rand, log raws) raws {
			starts := historytest.Starts(log)
			return historytest.Renumbered(log, log[starts[len(starts)-1]:])
		}},
		{"another history goes on where this one is cut", func(dice *rand.Rand, log raws) raws {
			from, _ := commit(dice, log)
			if from == 0 {
				return log
			}
			namespace, _ := historytest.Origin(log)
			other := historytest.New(domain.Name(namespace))
			other.Now++ // another founding
			other.Live(dice.IntN, len(log))
			return historytest.Renumbered(log[:from], other.Raws()[from:])
		}},
	}
}
