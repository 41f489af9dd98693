// Package statedir is where a machine keeps what must not be forgotten and not
// be seen: private keys, an API key, and which history it trusts. One folder a
// namespace:
//
//	<dir>/<namespace>/supervisor.key   who seals
//	<dir>/<namespace>/operator.key     who admits supervisors when all are gone
//	<dir>/<namespace>/runner-<id>.key  who reports
//	<dir>/<namespace>/client.key       who signs jobs
//	<dir>/<namespace>/api.key          the supervisor's own API key
//	<dir>/<namespace>/address          where the supervisor answers
//	<dir>/<namespace>/trust            fingerprint of the founding
//
// Same directory, same keys. Folders have mode 0700 and files 0600; private
// keys are PKCS#8 in PEM.
package statedir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

// DefaultNamespace is the namespace of whoever names none.
const DefaultNamespace domain.Name = "horus"

// The files.
const (
	SupervisorKey = "supervisor.key"
	OperatorKey   = "operator.key"
	ClientKey     = "client.key"
	APIKey        = "api.key"
	Address       = "address"
	trust         = "trust"
)

// RunnerKey is the file of a runner id's key.
func RunnerKey(id domain.Name) string { return "runner-" + string(id) + ".key" }

// Dir is a state directory.
type Dir struct{ path string }

// Open returns the directory at path; without one, horus below
// $XDG_STATE_HOME or ~/.local/state (XDG Base Directory Specification). It is
// made when something is first kept in it.
func Open(path string) (Dir, error) {
	if path == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return Dir{}, fmt.Errorf("find the state directory: set --state-dir: %w", err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		path = filepath.Join(base, "horus")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("find the state directory: %w", err)
	}
	return Dir{absolute}, nil
}

// String returns the directory's path.
func (d Dir) String() string { return d.path }

// Path returns where a file of a namespace is.
func (d Dir) Path(ns domain.Name, file string) string { return filepath.Join(d.path, string(ns), file) }

// Read returns a file's text without white space around it. A file that is not
// there is os.ErrNotExist.
func (d Dir) Read(ns domain.Name, file string) (string, error) {
	data, err := os.ReadFile(d.Path(ns, file))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(data)), nil
}

// Write replaces a file. A crash leaves the old one or the new one, whole.
func (d Dir) Write(ns domain.Name, file, text string) error {
	temporary, err := d.draft(ns, []byte(text+"\n"))
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, d.Path(ns, file)); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

// Create writes a file unless it is there already, which is os.ErrExist. Of
// several processes that create the same file at once one succeeds.
func (d Dir) Create(ns domain.Name, file string, data []byte) error {
	temporary, err := d.draft(ns, data)
	if err != nil {
		return err
	}
	// A hard link, unlike a rename, never takes the place of another file.
	err = os.Link(temporary, d.Path(ns, file))
	return errors.Join(err, os.Remove(temporary))
}

// draft writes a file beside its place, as safely as the disk does.
func (d Dir) draft(ns domain.Name, data []byte) (path string, err error) {
	folder := filepath.Join(d.path, string(ns))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the state directory: %w", err)
	}
	f, err := os.CreateTemp(folder, ".draft-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("write to the state directory: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write to the state directory: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// Key loads a private key, and makes it when it is not there. A file that other
// users may read is refused.
func (d Dir) Key(ns domain.Name, file string) (signing.PrivateKey, error) {
	key, err := d.load(ns, file)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if key, err = signing.GenerateKey(rand.Reader); err != nil {
		return key, err
	}
	pem, err := key.MarshalPEM()
	if err != nil {
		return key, err
	}
	if err := d.Create(ns, file, pem); err != nil && !errors.Is(err, os.ErrExist) {
		return key, err
	}
	return d.load(ns, file) // somebody may have been faster
}

func (d Dir) load(ns domain.Name, file string) (signing.PrivateKey, error) {
	path := d.Path(ns, file)
	info, err := os.Stat(path)
	if err != nil {
		return signing.PrivateKey{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return signing.PrivateKey{}, fmt.Errorf("%s can be read by others: run chmod 600 %s", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return signing.PrivateKey{}, err
	}
	key, err := signing.ParsePrivateKey(data)
	if err != nil {
		return key, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// Pinned returns the fingerprint of the founding that this machine trusts, and
// the zero hash when it has met none.
func (d Dir) Pinned(ns domain.Name) (signing.Hash, error) {
	text, err := d.Read(ns, trust)
	if errors.Is(err, os.ErrNotExist) {
		return signing.Hash{}, nil
	}
	if err != nil {
		return signing.Hash{}, err
	}
	hash, err := signing.ParseHash(text)
	if err != nil {
		return hash, fmt.Errorf("read %s: %w", d.Path(ns, trust), err)
	}
	return hash, nil
}

// Pin remembers the fingerprint of the founding that is trusted from now on.
// Another one that was pinned before stays, and is an error.
func (d Dir) Pin(ns domain.Name, founding signing.Hash) error {
	err := d.Create(ns, trust, []byte(founding.String()+"\n"))
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	pinned, err := d.Pinned(ns)
	if err == nil && pinned != founding {
		err = fmt.Errorf("%s names another founding than %s", d.Path(ns, trust), founding)
	}
	return err
}
