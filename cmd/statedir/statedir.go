// Package statedir is the directory in which Horus' programs keep what is theirs
// alone: private keys, what they pinned, how this machine's supervisor is
// reached. Same directory, same keys.
//
//	<dir>/<namespace>/runner-r1.key    PKCS#8 PEM, mode 0600
//	<dir>/<namespace>/trust            fingerprint of the founding
//
// Every file appears whole or not at all, and survives a crash once it is
// there. A key is never written over: two programs that make one at the same
// time end up with the same. The key that follows another is made beside it, in
// a file of its own, and takes its name when it is known to the history; see
// [Dir.Succeed].
package statedir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

// DefaultNamespace is the namespace of a system that was given no name.
const DefaultNamespace domain.Name = "horus"

// File is the name of a file in a namespace's directory.
type File string

// The files that have one name.
const (
	SupervisorKey File = "supervisor.key"
	OperatorKey   File = "operator.key"
	ClientKey     File = "client.key" // of this user
	APIKey        File = "api.key"    // of this machine's supervisor, for this user
	Address       File = "address"    // URL of this machine's supervisor
	Admission     File = "admission"  // of this machine's supervisor, signed by the operator; JSON
	Head          File = "head"       // last seal that this machine's supervisor knows to be in the log
	trust         File = "trust"
)

// RunnerKey is the key file of a runner id.
func RunnerKey(id domain.Name) File { return File("runner-" + string(id) + ".key") }

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	others   fs.FileMode = 0o077 // who may read none of it
)

// Dir is a state directory.
type Dir struct{ root string }

// Open returns the state directory with that path, having made it. The empty
// path means $XDG_STATE_HOME/horus, or ~/.local/state/horus where that is not
// set (XDG Base Directory Specification 0.8).
func Open(path string) (Dir, error) {
	if path == "" {
		var err error
		if path, err = defaultPath(); err != nil {
			return Dir{}, err
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("open state directory: %w", err)
	}
	if err := os.MkdirAll(path, dirMode); err != nil {
		return Dir{}, fmt.Errorf("make state directory: %w", err)
	}
	return Dir{path}, nil
}

func defaultPath() (string, error) {
	// The specification says to ignore a path that is not absolute.
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "horus"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the state directory: %w: name one with --state-dir", err)
	}
	return filepath.Join(home, ".local", "state", "horus"), nil
}

// String returns the path.
func (d Dir) String() string { return d.root }

// Path returns where a namespace's file is, or would be.
func (d Dir) Path(namespace domain.Name, file File) string {
	return filepath.Join(d.folder(namespace), string(file))
}

func (d Dir) folder(namespace domain.Name) string { return filepath.Join(d.root, string(namespace)) }

// Read returns what Write wrote. Its error is [fs.ErrNotExist] when there is no
// such file.
func (d Dir) Read(namespace domain.Name, file File) (string, error) {
	data, err := os.ReadFile(d.Path(namespace, file))
	if err != nil {
		return "", fmt.Errorf("read state: %w", err)
	}
	return string(bytes.TrimSuffix(data, []byte{'\n'})), nil
}

// Write puts a text into a file, in the place of what was there.
func (d Dir) Write(namespace domain.Name, file File, text string) error {
	if err := d.place(namespace, file, []byte(text+"\n"), os.Rename); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// Remove removes a file, if it is there.
func (d Dir) Remove(namespace domain.Name, file File) error {
	path := d.Path(namespace, file)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}

// Create does the same when there is no such file yet. Its error is
// [fs.ErrExist] when there is one.
func (d Dir) Create(namespace domain.Name, file File, text string) error {
	if err := d.place(namespace, file, []byte(text+"\n"), os.Link); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// Pinned returns the fingerprint of the founding that is trusted, and the zero
// Hash when none was pinned.
func (d Dir) Pinned(namespace domain.Name) (signing.Hash, error) {
	text, err := d.Read(namespace, trust)
	if errors.Is(err, fs.ErrNotExist) {
		return signing.Hash{}, nil
	}
	if err != nil {
		return signing.Hash{}, err
	}
	hash, err := signing.ParseHash(strings.TrimSpace(text))
	if err != nil {
		return signing.Hash{}, fmt.Errorf("read %s: %w", d.Path(namespace, trust), err)
	}
	return hash, nil
}

// Pin makes a founding the trusted one. Another one is never replaced: its error
// then has [domain.Forbidden] and the reason trust.
func (d Dir) Pin(namespace domain.Name, founding signing.Hash) error {
	err := d.place(namespace, trust, []byte(founding.String()+"\n"), os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("pin the founding: %w", err)
	}
	pinned, err := d.Pinned(namespace)
	if err != nil {
		return err
	}
	if pinned != founding {
		return domain.Errorf(domain.Forbidden, "trust", "the namespace %s was founded by %s, but %s is pinned in %s",
			namespace, founding, pinned, d.Path(namespace, trust))
	}
	return nil
}

// place writes a file beside its place, syncs it, and gives it its name. A
// crash before that leaves a file of a name that nobody reads.
func (d Dir) place(namespace domain.Name, file File, data []byte, name func(from, to string) error) error {
	path, dir := d.Path(namespace, file), d.folder(namespace)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, "."+string(file)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it is gone after a rename
	_, err = temp.Write(data)
	if err := errors.Join(err, temp.Chmod(fileMode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := name(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name in a directory survive a crash of the machine.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
