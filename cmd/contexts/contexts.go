// Package contexts is the file in which horus remembers the systems that its user
// talks to: how each is reached, and with which API key.
//
//	current = "test"
//
//	[contexts.test]
//	address = "https://horus.test.example:3030"
//	api_key = "…"
package contexts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/herocode/horus/domain"
)

// File is what is remembered.
type File struct {
	// Current is the context that is meant when none is named; empty if none is.
	Current  string             `toml:"current,omitempty"`
	Contexts map[string]Context `toml:"contexts"`
}

// Context is one system. What is empty is as if there were no context.
type Context struct {
	Address   string `toml:"address,omitempty"` // URLs of supervisors, with commas between them
	APIKey    string `toml:"api_key,omitempty"`
	Namespace string `toml:"namespace,omitempty"`
	RedisURL  string `toml:"redis_url,omitempty"`
	StateDir  string `toml:"state_dir,omitempty"`
	Trust     string `toml:"trust,omitempty"`  // fingerprint of the founding
	TLSCA     string `toml:"tls_ca,omitempty"` // file of certificates that the supervisors' are believed by
}

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	others   fs.FileMode = 0o077 // who may read none of it
)

// Path returns where the file is, or would be: contexts.toml in
// $XDG_CONFIG_HOME/horus, or in ~/.config/horus where that is not set (XDG Base
// Directory Specification 0.8).
func Path() (string, error) {
	// The specification says to ignore a path that is not absolute.
	if config := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return filepath.Join(config, "horus", "contexts.toml"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the file of contexts: %w", err)
	}
	return filepath.Join(home, ".config", "horus", "contexts.toml"), nil
}

// Load reads the file. One that is not there holds nothing; one that others may
// read is refused, because it holds secrets.
func Load(path string) (File, error) {
	f := File{Contexts: map[string]Context{}}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("read contexts: %w", err)
	}
	if info.Mode().Perm()&others != 0 {
		return f, fmt.Errorf("%s holds API keys and others may read it: run 'chmod 600 %s'", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return f, fmt.Errorf("read contexts: %w", err)
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&f); err != nil {
		if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return f, fmt.Errorf("%s has keys that mean nothing:\n%s", path, strict.String())
		}
		return f, fmt.Errorf("%s is not as it was written: %w", path, err)
	}
	return f, nil
}

// Save writes the file, for its owner alone. It appears whole or not at all.
func (f File) Save(path string) error {
	text, err := toml.Marshal(f)
	if err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".contexts-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Chmod(fileMode), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fmt.Errorf("write contexts: %w", err)
	}
	return nil
}

// Names lists the contexts.
func (f File) Names() []string { return slices.Sorted(maps.Keys(f.Contexts)) }

// Find returns the context of a name, or the current one if the name is empty;
// the zero Context if there is none.
func (f File) Find(name string) (Context, error) {
	if name == "" {
		name = f.Current
	}
	if name == "" {
		return Context{}, nil
	}
	c, ok := f.Contexts[name]
	if !ok {
		return c, fmt.Errorf("there is no context %q; 'horus contexts list' shows those that there are", name)
	}
	return c, nil
}

// Add remembers a context, in the place of one of the same name. The first one is
// the current one.
func (f *File) Add(name string, c Context) error {
	if _, err := domain.ParseName(name); err != nil {
		return err
	}
	if f.Contexts[name] = c; len(f.Contexts) == 1 {
		f.Current = name
	}
	return nil
}

// Remove forgets a context.
func (f *File) Remove(name string) error {
	if _, err := f.Find(name); err != nil {
		return err
	}
	delete(f.Contexts, name)
	if f.Current == name {
		f.Current = ""
	}
	return nil
}
