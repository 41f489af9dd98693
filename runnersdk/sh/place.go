package sh

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// place is the private directory of one run.
type place struct {
	root string // ours, mode 0700
	work string // the script's, below root: current directory and TMPDIR
}

func makePlace(parent string) (place, error) {
	// TMPDIR is read in other directories than ours: it must not be relative.
	parent, err := filepath.Abs(cmp.Or(parent, os.TempDir()))
	if err != nil {
		return place{}, err
	}
	root, err := os.MkdirTemp(parent, "horus-job-")
	if err != nil {
		return place{}, err
	}
	p := place{root: root, work: filepath.Join(root, "work")}
	if err := os.Mkdir(p.work, 0o700); err != nil {
		return place{}, errors.Join(err, os.Remove(root))
	}
	return p, nil
}

// remove deletes the directory and all in it. A script may have locked its own
// directories (chmod 0), so a second attempt opens them first; os.Root keeps
// that from following a link out of the place.
func (p place) remove() error {
	if os.RemoveAll(p.root) == nil {
		return nil
	}
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
	return os.RemoveAll(p.root)
}

// command prepares the shell, without its output. "--" keeps a script that
// begins with a dash from being read as an option.
func (r Runner) command(p place, c Command) (*exec.Cmd, error) {
	args := []string{r.Shell, "-c", "--", c.Script}
	if len(c.Script) > maxArgument {
		file := filepath.Join(p.root, "script")
		if err := os.WriteFile(file, []byte(c.Script), 0o600); err != nil {
			return nil, err
		}
		args = []string{r.Shell, file}
	}
	return &exec.Cmd{
		Path: r.Shell,
		Args: args,
		Dir:  p.work,
		Env:  environ(r.PassEnv, p.work, c),
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:    true, // a group of its own, and no terminal to read from
			Pdeathsig: syscall.SIGKILL,
		},
	}, nil
}
