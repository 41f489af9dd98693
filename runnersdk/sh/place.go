package sh

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// place is the private directory of one run.
type place struct {
	root string // ours, mode 0700; here the script writes for its runner
	work string // the script's, below root: current directory and TMPDIR
	lock *os.File
}

const (
	placePrefix = "horus-job-"
	lockName    = "lock" // a file in root; whoever holds it owns the place
	placeTries  = 8
)

// makePlace makes a place below parent.
func makePlace(parent string) (place, error) {
	parent, err := placesIn(parent)
	if err != nil {
		return place{}, err
	}
	for range placeTries {
		p, err := newPlace(parent)
		if !errors.Is(err, errTaken) {
			return p, err
		}
	}
	return place{}, errTaken
}

// placesIn returns the directory that holds places. TMPDIR is read in other
// directories than ours: it must not be relative.
func placesIn(parent string) (string, error) { return filepath.Abs(cmp.Or(parent, os.TempDir())) }

// errTaken means that somebody took a new place for an abandoned one, in the
// instant before it was locked.
var errTaken = errors.New("other programs clean up here all the time")

func newPlace(parent string) (place, error) {
	root, err := os.MkdirTemp(parent, placePrefix)
	if err != nil {
		return place{}, err
	}
	// A crash here leaves an empty directory for ever. From the lock on, whoever
	// cleans up finds what a crash leaves.
	p := place{root: root, work: filepath.Join(root, "work")}
	if p.lock, err = lockPlace(root, os.O_CREATE); err != nil {
		return place{}, errors.Join(err, os.Remove(root))
	}
	if err := os.Mkdir(p.work, 0o700); err != nil {
		return place{}, errors.Join(err, p.remove())
	}
	return p, nil
}

// lockPlace takes the lock of a place. It is ours until we close the file or
// die. The error is errTaken when the place is somebody else's, or gone.
func lockPlace(root string, flag int) (*os.File, error) {
	name := filepath.Join(root, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW|flag, 0o600)
	if err != nil {
		return nil, err
	}
	held := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	ours, err1 := f.Stat()
	there, err2 := os.Lstat(name)
	if held != nil || err1 != nil || err2 != nil || !os.SameFile(ours, there) {
		return nil, errors.Join(errTaken, f.Close())
	}
	return f, nil
}

// Clean removes the private directories of runs whose process is gone, killed
// perhaps, and returns how many there were. A directory that a living process
// owns is locked, and stays; so does what is not this user's. It is for a
// runner's start.
func (r Runner) Clean() (removed int, err error) {
	parent, err := placesIn(r.Dir)
	if err != nil {
		return 0, fmt.Errorf("clean up: %w", err)
	}
	entries, err := os.ReadDir(parent)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), placePrefix) || !isOurs(entry) {
			continue
		}
		root := filepath.Join(parent, entry.Name())
		lock, locked := lockPlace(root, 0)
		if locked != nil {
			continue // owned, or not locked yet
		}
		p := place{root: root, work: filepath.Join(root, "work"), lock: lock}
		if failed := p.remove(); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		removed++
	}
	if err != nil {
		return removed, fmt.Errorf("clean up: %w", err)
	}
	return removed, nil
}

// isOurs reports whether an entry is a directory of this user.
func isOurs(entry fs.DirEntry) bool {
	info, err := entry.Info()
	if err != nil || !entry.IsDir() {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}

// remove deletes the place and all in it, the lock last, and then lets go of it:
// a crash on the way leaves it to whoever cleans up next.
func (p place) remove() error {
	defer func() { _ = p.lock.Close() }() // nothing was written
	if os.RemoveAll(p.work) != nil {
		if err := p.unlock(); err != nil {
			return err
		}
	}
	return os.RemoveAll(p.root)
}

// unlock removes the script's directory when the script has locked some of it
// (chmod 0): it opens them first. os.Root keeps that from following a link out of
// the place.
func (p place) unlock() error {
	if err := os.Chmod(p.root, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return err
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = root.Chmod(path, 0o700) // what stays locked is RemoveAll's to report
		}
		return nil
	})
	return os.RemoveAll(p.work)
}
