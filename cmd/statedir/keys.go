package statedir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

// Key returns the key in a file, and makes one when there is none. A file that
// others may read is refused.
func (d Dir) Key(namespace domain.Name, file File) (signing.PrivateKey, error) {
	key, err := d.Load(namespace, file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := d.makeKey(namespace, file); err != nil {
		return signing.PrivateKey{}, fmt.Errorf("make key: %w", err)
	}
	return d.Load(namespace, file)
}

// Load returns the key in a file. Its error is [fs.ErrNotExist] when there is
// no such file; one that others may read is refused.
func (d Dir) Load(namespace domain.Name, file File) (signing.PrivateKey, error) {
	return LoadKey(d.Path(namespace, file))
}

// LoadKey does the same with a file that is anywhere, as on a disk that is kept
// in a drawer.
func LoadKey(path string) (signing.PrivateKey, error) {
	data, err := readPrivate(path)
	if err != nil {
		return signing.PrivateKey{}, fmt.Errorf("load key: %w", err)
	}
	key, err := signing.ParsePrivateKey(data)
	if err != nil {
		return signing.PrivateKey{}, fmt.Errorf("load key %s: %w", path, err)
	}
	return key, nil
}

// makeKey writes a new key unless somebody was faster.
func (d Dir) makeKey(namespace domain.Name, file File) error {
	key, err := signing.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	data, err := key.MarshalPEM()
	if err != nil {
		return err
	}
	// The name appears by link(2), which replaces nothing.
	if err := d.place(namespace, file, data, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// readPrivate reads a file that nobody else may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&others != 0 {
		return nil, domain.Errorf(domain.Forbidden, "key_mode", "others may read %s: chmod 600 it, or make a new key if they have", path)
	}
	return os.ReadFile(path)
}

// Next is the file of the key that follows the one in a file, until
// [Dir.Succeed].
func Next(file File) File { return file + ".next" }

// Old is the file of the key that was in a file before. The next succession
// writes over it; nothing reads it. It is kept for the case that Redis loses the
// statement that ended it, and may be removed once it has ended.
func Old(file File) File { return file + ".old" }

// Succeed makes the key in Next(file) the one in file, whose key is kept in
// Old(file). Its error is [fs.ErrNotExist] when there is no next key.
func (d Dir) Succeed(namespace domain.Name, file File) error {
	if _, err := d.Load(namespace, Next(file)); err != nil {
		return err
	}
	current, err := readPrivate(d.Path(namespace, file))
	if err != nil {
		return fmt.Errorf("keep the old key: %w", err)
	}
	// A crash before this or behind it leaves the old key in use, and the next
	// one beside it: whoever tries again does the same again.
	if err := d.place(namespace, Old(file), current, os.Rename); err != nil {
		return fmt.Errorf("keep the old key: %w", err)
	}
	// A crash behind this leaves the next key in use: that is all.
	if err := os.Rename(d.Path(namespace, Next(file)), d.Path(namespace, file)); err != nil {
		return fmt.Errorf("put the next key in its place: %w", err)
	}
	return syncDir(d.folder(namespace))
}
