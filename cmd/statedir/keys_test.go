package statedir_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/herocode/horus/cmd/statedir"
)

func TestAKeySucceedsAnother(t *testing.T) {
	dir := open(t)
	if _, err := dir.Load(ns, statedir.ClientKey); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a key that nobody made: %v", err)
	}
	if err := dir.Succeed(ns, statedir.ClientKey); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a succession without an heir: %v", err)
	}
	first := load(t, dir, statedir.ClientKey)
	if err := dir.Succeed(ns, statedir.ClientKey); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a succession without an heir: %v", err)
	}
	for range 2 {
		next := load(t, dir, statedir.Next(statedir.ClientKey))
		if next == first || next != load(t, dir, statedir.Next(statedir.ClientKey)) {
			t.Fatal("the next key is not one of its own")
		}
		if err := dir.Succeed(ns, statedir.ClientKey); err != nil {
			t.Fatal(err)
		}
		if load(t, dir, statedir.ClientKey) != next || load(t, dir, statedir.Old(statedir.ClientKey)) != first {
			t.Fatal("the next key is not in use, or the old one was not kept")
		}
		if _, err := dir.Load(ns, statedir.Next(statedir.ClientKey)); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("the next key is still there: %v", err)
		}
		first = next
	}
}

// A succession that stopped anywhere is finished by the next one.
func TestASuccessionThatStopped(t *testing.T) {
	dir := open(t)
	first := load(t, dir, statedir.ClientKey)
	next := load(t, dir, statedir.Next(statedir.ClientKey))
	kept, err := os.ReadFile(dir.Path(ns, statedir.ClientKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.Path(ns, statedir.Old(statedir.ClientKey)), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dir.Succeed(ns, statedir.ClientKey); err != nil {
		t.Fatal(err)
	}
	if load(t, dir, statedir.ClientKey) != next || load(t, dir, statedir.Old(statedir.ClientKey)) != first {
		t.Error("the succession was not finished")
	}
}

func TestRemove(t *testing.T) {
	dir := open(t)
	if err := dir.Write(ns, statedir.Admission, "{}"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := dir.Remove(ns, statedir.Admission); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dir.Read(ns, statedir.Admission); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read: %v", err)
	}
}
