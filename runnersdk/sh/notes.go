package sh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lookTime           = 500 * time.Millisecond // between two looks at the notes
	maxCheckpointBytes = 64 << 10
	maxProgressBytes   = 4 << 10 // of the end of the file, in which the last line is looked for
)

func checkpointPath(dir string) string { return filepath.Join(dir, "checkpoint") }
func progressPath(dir string) string   { return filepath.Join(dir, "progress") }

// notes are the files that a script writes for its runner. One goroutine looks
// at them every lookTime, and once more when the script is dead.
type notes struct {
	checkpoint, progress *note

	stop chan struct{} // closed when the script is dead
	done chan struct{} // closed after the last look
}

// openNotes makes the files as the script is to find them.
func openNotes(dir string, c *Command) (*notes, error) {
	n := &notes{
		checkpoint: &note{path: checkpointPath(dir), settled: true},
		progress:   &note{path: progressPath(dir)},
		stop:       make(chan struct{}),
		done:       make(chan struct{}),
	}
	if c.Saved != nil {
		n.checkpoint.tell = func(f *os.File) error { return readCheckpoint(f, c.Saved) }
	}
	if c.Progress != nil {
		n.progress.tell = func(f *os.File) error { return readProgress(f, c.Progress) }
	}
	if c.Checkpoint == nil {
		return n, nil
	}
	if err := os.WriteFile(n.checkpoint.path, c.Checkpoint, 0o600); err != nil {
		return nil, err
	}
	return n, n.checkpoint.known()
}

// start begins to look, finish ends it with a last look.
func (n *notes) start() {
	go func() {
		defer close(n.done)
		ticker := time.NewTicker(lookTime)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				n.checkpoint.look(false)
				n.progress.look(false)
			case <-n.stop:
				n.checkpoint.look(true)
				n.progress.look(true)
				return
			}
		}
	}()
}

func (n *notes) finish() {
	close(n.stop)
	<-n.done
}

// note is a file that is read when it was written anew.
type note struct {
	path    string
	settled bool                 // it is read only when two looks in a row found it the same
	tell    func(*os.File) error // reads it; nil when nobody wants to know

	seen identity // at the last look
	read identity // when it was read
}

// identity tells one state of a file from the next: another file, another size
// or a later change.
type identity struct {
	inode, device uint64
	size          int64
	changed       syscall.Timespec
}

// known takes note that the file is as we wrote it.
func (n *note) known() error {
	info, err := os.Lstat(n.path)
	if err != nil {
		return err
	}
	n.read = identify(info)
	return nil
}

func identify(info os.FileInfo) identity {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return identity{}
	}
	return identity{inode: stat.Ino, device: stat.Dev, size: stat.Size, changed: stat.Mtim}
}

// look reads the file if it changed. The last look does not wait until it has
// stopped changing: nobody is left to change it. A file that is not there, or is
// none, changes nothing.
func (n *note) look(last bool) {
	if n.tell == nil {
		return
	}
	info, err := os.Lstat(n.path)
	if err != nil {
		return
	}
	now := identify(info)
	settled := last || !n.settled || now == n.seen
	n.seen = now
	if now == (identity{}) || now == n.read || !settled {
		return
	}
	if n.readAs(now) == nil {
		n.read = now
	}
}

// errChanged means that a file was written while it was read: the next look
// reads it again.
var errChanged = errors.New("it changes")

// readAs reads the file in the state in which it was seen. It follows no link,
// and waits for nobody who would write into a pipe.
func (n *note) readAs(seen identity) error {
	f, err := os.OpenFile(n.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // what was read is read
	if info, err := f.Stat(); err != nil || identify(info) != seen {
		return errChanged
	}
	return n.tell(f)
}

// readCheckpoint hands over the whole file unless it changes meanwhile.
func readCheckpoint(f *os.File, saved func([]byte)) error {
	before, err := f.Stat()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCheckpointBytes+1))
	if err != nil {
		return err
	}
	if after, err := f.Stat(); err != nil || identify(after) != identify(before) {
		return errChanged
	}
	saved(data)
	return nil
}

// readProgress hands over what the last line says.
func readProgress(f *os.File, progress func(int, string)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := make([]byte, min(info.Size(), maxProgressBytes))
	n, err := f.ReadAt(end, info.Size()-int64(len(end)))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if percent, text, err := parseProgress(end[:n]); err == nil {
		progress(percent, text)
	}
	return nil
}

// parseProgress reads the last line that is not empty: a number from 0 to 100,
// perhaps with %, and behind a space any words.
func parseProgress(data []byte) (percent int, text string, err error) {
	data = bytes.TrimSpace(data)
	line := string(data[bytes.LastIndexByte(data, '\n')+1:])
	number := line
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		number, text = line[:i], line[i:]
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(number, "%"), 10, 64)
	if err != nil || n > 100 {
		return 0, "", fmt.Errorf("%.20q is no percentage", number)
	}
	return int(n), strings.TrimSpace(valid([]byte(text))), nil
}
