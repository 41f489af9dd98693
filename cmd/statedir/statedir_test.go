package statedir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

const ns = statedir.DefaultNamespace

func open(t *testing.T) statedir.Dir {
	t.Helper()
	dir, err := statedir.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, dir statedir.Dir, file statedir.File) signing.PublicKey {
	t.Helper()
	key, err := dir.Key(ns, file)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

func TestSameDirectorySameKeys(t *testing.T) {
	dir := open(t)
	first := load(t, dir, statedir.RunnerKey("r1"))
	again, err := statedir.Open(dir.String())
	if err != nil {
		t.Fatal(err)
	}
	if load(t, again, statedir.RunnerKey("r1")) != first {
		t.Error("a second start has another key")
	}
	if load(t, dir, statedir.RunnerKey("r2")) == first {
		t.Error("another runner has the same key")
	}
	path := filepath.Join(dir.String(), "horus", "runner-r1.key")
	for _, p := range []string{path, filepath.Dir(path), dir.String()} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o077 != 0 {
			t.Errorf("%s has the mode %s", p, info.Mode())
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files were left behind: %v, %v", left, err)
	}
}

func TestManyProgramsMakeOneKey(t *testing.T) {
	dir := open(t)
	keys := make([]signing.PublicKey, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			if key, err := dir.Key(ns, statedir.ClientKey); err == nil {
				keys[i] = key.Public()
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if key.IsZero() || key != keys[0] {
			t.Fatalf("different keys: %v", keys)
		}
	}
}

func TestKeyFileIsRefused(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(path string) error
		code  domain.Code
	}{
		{name: "that others may read", spoil: func(path string) error { return os.Chmod(path, 0o640) }, code: domain.Forbidden},
		{name: "that is empty", spoil: func(path string) error { return os.WriteFile(path, nil, 0o600) }, code: domain.Invalid},
		{name: "that holds something else", spoil: func(path string) error { return os.WriteFile(path, []byte("key"), 0o600) }, code: domain.Invalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := open(t)
			load(t, dir, statedir.SupervisorKey)
			if err := test.spoil(dir.Path(ns, statedir.SupervisorKey)); err != nil {
				t.Fatal(err)
			}
			if _, err := dir.Key(ns, statedir.SupervisorKey); domain.CodeOf(err) != test.code {
				t.Errorf("load: %v", err)
			}
		})
	}
}

func TestPinIsForEver(t *testing.T) {
	dir := open(t)
	if pinned, err := dir.Pinned(ns); err != nil || !pinned.IsZero() {
		t.Errorf("before: %v, %v", pinned, err)
	}
	first := signing.Hash{1}
	for range 2 {
		if err := dir.Pin(ns, first); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.Pin(ns, signing.Hash{2}); domain.ReasonOf(err) != "trust" || domain.CodeOf(err) != domain.Forbidden {
		t.Errorf("another one: %v", err)
	}
	if pinned, err := dir.Pinned(ns); err != nil || pinned != first {
		t.Errorf("after: %v, %v", pinned, err)
	}
	if pinned, err := dir.Pinned("other"); err != nil || !pinned.IsZero() {
		t.Errorf("of another namespace: %v, %v", pinned, err)
	}
}

func TestSpoiltPinIsAnError(t *testing.T) {
	dir := open(t)
	if err := dir.Write(ns, "trust", "yes"); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Pinned(ns); domain.CodeOf(err) != domain.Invalid {
		t.Errorf("pinned: %v", err)
	}
}

func TestReadWrite(t *testing.T) {
	dir := open(t)
	if _, err := dir.Read(ns, statedir.Address); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	for _, text := range []string{"http://127.0.0.1:3030", "", "http://127.0.0.1:4040"} {
		if err := dir.Write(ns, statedir.Address, text); err != nil {
			t.Fatal(err)
		}
		if got, err := dir.Read(ns, statedir.Address); err != nil || got != text {
			t.Errorf("read %q, %v; want %q", got, err, text)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	tests := []struct{ name, state, want string }{
		{name: "below XDG_STATE_HOME", state: filepath.Join(home, "xdg"), want: filepath.Join(home, "xdg", "horus")},
		{name: "below the home directory", want: filepath.Join(home, ".local", "state", "horus")},
		{name: "not below a relative path", state: "xdg", want: filepath.Join(home, ".local", "state", "horus")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", test.state)
			dir, err := statedir.Open("")
			if err != nil || dir.String() != test.want {
				t.Errorf("opened %s, %v; want %s", dir, err, test.want)
			}
		})
	}
}
