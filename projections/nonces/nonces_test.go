package nonces_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/projections/nonces"
	"github.com/herocode/horus/projections/views"
)

// table keeps fields as a store does, and counts the questions.
type table struct {
	fields map[string]string
	looks  int
}

// spending is a nonce that is to be spent.
type spending struct {
	nonce string
	nonces.Spent
	at event.Time
}

// spend spends nonces in one go.
func (tb *table) spend(t rapid.TB, batch ...spending) error {
	t.Helper()
	var book nonces.Book
	var names []string
	for _, s := range batch {
		names = append(names, s.nonce)
	}
	tb.looks = 0
	for missing := book.Missing(names); len(missing) > 0; missing = book.Missing(names) {
		values := make([][]byte, len(missing))
		for i, name := range missing {
			if value, ok := tb.fields[name]; ok {
				values[i] = []byte(value)
			}
		}
		book.Take(missing, values)
		tb.looks++
	}
	for _, s := range batch {
		if err := book.Spend(s.nonce, s.Spent, s.at); err != nil {
			return err
		}
	}
	for name, change := range book.Changed {
		if change.Was != tb.fields[name] {
			t.Fatalf("%s was %q, and the book says %q", name, tb.fields[name], change.Was)
		}
		if tb.fields[name] = change.Is; change.Is == "" {
			delete(tb.fields, name)
		}
	}
	return nil
}

// Whatever is spent when: every nonce that is not good again is found, with what
// spent it last; the table is the same whatever is spent in one go; and it does
// not grow beyond what is spent at one time.
func TestTheTableKnowsEveryNonceThatIsSpent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		together, alone := &table{fields: map[string]string{}}, &table{fields: map[string]string{}}
		spent := map[string]nonces.Spent{}
		most, now := 0, event.Time(1)
		for range rapid.IntRange(1, 20).Draw(t, "batches") {
			var batch []spending
			for range rapid.IntRange(1, 12).Draw(t, "nonces") {
				now += event.Time(rapid.IntRange(0, 5).Draw(t, "passes"))
				s := spending{
					nonce: fmt.Sprintf("k/%d", rapid.IntRange(0, 60).Draw(t, "nonce")), at: now,
					Spent: nonces.Spent{Seq: uint64(len(spent)), Until: now + event.Time(rapid.IntRange(0, 40).Draw(t, "life"))},
				}
				batch, spent[s.nonce] = append(batch, s), s.Spent
				if err := alone.spend(t, s); err != nil {
					t.Fatal(err)
				}
				in := 0
				for nonce, want := range spent {
					if want.Until < now {
						continue
					}
					in++
					if got, err := nonces.Parse([]byte(alone.fields[nonce])); err != nil || got != want {
						t.Fatalf("at %d, %s is %+v, want %+v: %v", now, nonce, got, want, err)
					}
				}
				if most = max(most, in); len(alone.fields) > 1+2*3*most {
					t.Fatalf("%d fields for at most %d nonces at one time", len(alone.fields), most)
				}
			}
			if err := together.spend(t, batch...); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(together.fields, alone.fields) {
				t.Fatalf("in one go: %v\none by one: %v", together.fields, alone.fields)
			}
			if together.looks > 3 {
				t.Fatalf("%d looks", together.looks)
			}
		}
	})
}

// When all of a great many nonces are good again, they go with those that follow.
func TestWhatIsGoodAgainGoes(t *testing.T) {
	tb := &table{fields: map[string]string{}}
	for i := range 1000 {
		if err := tb.spend(t, spending{fmt.Sprintf("k/%d", i), nonces.Spent{Seq: 1, Until: 10}, 5}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1001 {
		at := event.Time(20 + 2*i)
		if err := tb.spend(t, spending{fmt.Sprintf("k/%d", 1000+i), nonces.Spent{Seq: 2, Until: at + 1}, at}); err != nil {
			t.Fatal(err)
		}
	}
	if len(tb.fields) > 1+2*2 {
		t.Errorf("%d fields are left for one nonce that is spent", len(tb.fields))
	}
}

func TestALineOfStrangersIsDamage(t *testing.T) {
	for name, fields := range map[string]map[string]string{
		"nobody stands there":     {"#": "0 1"},
		"one of whom nothing is":  {"#": "0 1", "#0": "k/1"},
		"one of whom is nonsense": {"#": "0 1", "#0": "k/1", "k/1": "soon"},
		"ends that are none":      {"#": "x"},
		"one end":                 {"#": "1"},
		"an end with a sign":      {"#": "0 +1", "#0": "k/1", "k/1": "1 1"},
	} {
		tb := &table{fields: fields}
		if err := tb.spend(t, spending{"k/2", nonces.Spent{Seq: 1, Until: 10}, 5}); !errors.Is(err, views.ErrDamaged) {
			t.Errorf("%s: %v, want damage", name, err)
		}
	}
}

// FuzzParse holds that what is known of a nonce has one spelling.
func FuzzParse(f *testing.F) {
	seedtest.Add(f, "7 1767366245000000", "0 0", "1 -1", "01 1", "1  1", "18446744073709551615 1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := nonces.Parse([]byte(text))
		if err == nil && string(s.Append(nil)) != text {
			t.Errorf("read %q, and it is written %q", text, s.Append(nil))
		}
		if err == nil && s.Until < 0 {
			t.Errorf("%q ends before time began", text)
		}
	})
}
