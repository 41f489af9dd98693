package statedir_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain/signing"
)

func open(t *testing.T) statedir.Dir {
	t.Helper()
	dir, err := statedir.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheSameDirectoryGivesTheSameKey(t *testing.T) {
	dir := open(t)
	first, err := dir.Key("horus", statedir.SupervisorKey)
	if err != nil {
		t.Fatal(err)
	}
	second, err := dir.Key("horus", statedir.SupervisorKey)
	if err != nil || second.Public() != first.Public() {
		t.Fatalf("the second key is %s, %v; the first was %s", second.Public(), err, first.Public())
	}
	other, err := dir.Key("other", statedir.SupervisorKey)
	if err != nil || other.Public() == first.Public() {
		t.Fatalf("two namespaces share a key: %v", err)
	}
}

func TestProcessesThatStartTogetherShareOneKey(t *testing.T) {
	dir := open(t)
	keys := make([]signing.PublicKey, 16)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			key, err := dir.Key("horus", statedir.RunnerKey("r1"))
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = key.Public()
		})
	}
	group.Wait()
	for _, key := range keys {
		if key != keys[0] {
			t.Fatal("two processes made two keys")
		}
	}
	left, err := filepath.Glob(filepath.Join(dir.String(), "horus", ".draft-*"))
	if err != nil || len(left) > 0 {
		t.Fatalf("drafts are left: %v, %v", left, err)
	}
}

func TestNobodyElseMayReadAKey(t *testing.T) {
	dir := open(t)
	if _, err := dir.Key("horus", statedir.ClientKey); err != nil {
		t.Fatal(err)
	}
	path := dir.Path("horus", statedir.ClientKey)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key has mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Key("horus", statedir.ClientKey); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("a key that all may read was loaded: %v", err)
	}
}

func TestAFoundingIsPinnedOnce(t *testing.T) {
	dir := open(t)
	if hash, err := dir.Pinned("horus"); err != nil || !hash.IsZero() {
		t.Fatalf("an empty directory trusts %s, %v", hash, err)
	}
	first, second := signing.LeafHash([]byte("a")), signing.LeafHash([]byte("b"))
	for range 2 {
		if err := dir.Pin("horus", first); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.Pin("horus", second); err == nil {
		t.Fatal("another founding took the place of the first")
	}
	if hash, err := dir.Pinned("horus"); err != nil || hash != first {
		t.Fatalf("pinned is %s, %v", hash, err)
	}
}
