package eventstore_test

import (
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/eventstore"
)

func TestDurabilityIsRead(t *testing.T) {
	good := map[string]int{"everysec": 0, "fsync": 0, "replicated:1": 1, "replicated:9": 9}
	for text, replicas := range good {
		d, err := eventstore.ParseDurability(text)
		if err != nil || string(d) != text || d.Replicas() != replicas {
			t.Errorf("%s: %q of %d replicas, %v; want %d", text, d, d.Replicas(), err, replicas)
		}
		if replicas > 0 && eventstore.Replicated(replicas) != d {
			t.Errorf("Replicated(%d) = %s", replicas, eventstore.Replicated(replicas))
		}
	}
	for _, text := range []string{
		"", "memory", "Fsync", "always", "replicated", "replicated:", "replicated:0", "replicated:10", "replicated:01",
		"replicated:-1", "replicated:1 ", "replicated:x", "replicated:１",
	} {
		if _, err := eventstore.ParseDurability(text); domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "durability" {
			t.Errorf("%q: %v, want durability", text, err)
		}
	}
}

func TestLevelsAreOrdered(t *testing.T) {
	order := []eventstore.Durability{eventstore.Memory, eventstore.EverySecond, eventstore.Fsync}
	for i, a := range order {
		for j, b := range order {
			if a.Less(b) != (i < j) {
				t.Errorf("%s less than %s: %v", a, b, a.Less(b))
			}
		}
	}
}

// FuzzParseDurability holds that a level that is read is written as it was.
func FuzzParseDurability(f *testing.F) {
	seedtest.Add(f, "everysec", "fsync", "replicated:3")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := eventstore.ParseDurability(text)
		if err != nil {
			return
		}
		if n := d.Replicas(); string(d) != text || n < 0 || n > eventstore.MaxReplicas || n > 0 && eventstore.Replicated(n) != d {
			t.Errorf("%q is read as %q of %d replicas", text, d, n)
		}
	})
}
