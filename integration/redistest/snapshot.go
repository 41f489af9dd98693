package redistest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/moby/moby/client"
)

// Snapshot is everything that a server held at one instant, as the bytes of an
// RDB file. It outlives its server and may be restored to another one.
type Snapshot struct{ rdb []byte }

// Snapshot returns what the server holds now. It is also left in the server's
// folder, as SAVE leaves it: a server without an append-only file comes back
// with it after a kill.
func (s *Server) Snapshot() Snapshot {
	s.t.Helper()
	s.mustOwn("take a snapshot of")
	ctx, cancel := context.WithTimeout(s.t.Context(), launchTimeout)
	defer cancel()
	if err := s.Client().Save(ctx).Err(); err != nil {
		s.t.Fatalf("save what the test's Redis holds: %v", err)
	}
	rdb, err := s.instance.readFile(ctx, rdbFile)
	if err != nil {
		s.t.Fatalf("read the snapshot of the test's Redis: %v", err)
	}
	return Snapshot{rdb}
}

// Restore kills the server, exchanges all that it holds for a snapshot, and
// starts it again at the same address: a replica that lagged was promoted, or
// an older copy was restored. It returns when the snapshot is loaded.
//
//	old := server.Snapshot()
//	submit(server.URL())
//	server.Restore(old) // what was submitted is gone
func (s *Server) Restore(old Snapshot) {
	s.t.Helper()
	s.mustOwn("restore")
	ctx, cancel := context.WithTimeout(s.t.Context(), launchTimeout)
	defer cancel()
	err := s.instance.signal(ctx, sigKill)
	if err == nil {
		err = s.instance.writeFiles(ctx, old.files())
	}
	if err == nil {
		err = s.instance.restart(ctx)
	}
	if err != nil {
		s.t.Fatalf("restore an older copy of the test's Redis: %v", err)
	}
}

// Files of a server, below its folder, as Redis calls them unless it is told
// otherwise.
const (
	rdbFile     = "dump.rdb"
	aofFolder   = "appendonlydir"
	aofManifest = aofFolder + "/appendonly.aof.manifest"
	aofBase     = "restored.rdb"
	aofTail     = "restored.aof"
)

// files returns what makes a server start with the snapshot, whether it has an
// append-only file or not: one with it looks at nothing else. Such a file is a
// base, here the snapshot, and a tail, which nothing was written to yet; what
// stands beside them and is not in the manifest is not looked at.
func (s Snapshot) files() map[string][]byte {
	return map[string][]byte{
		rdbFile:                   s.rdb,
		aofFolder + "/" + aofBase: s.rdb,
		aofFolder + "/" + aofTail: {},
		aofManifest:               []byte("file " + aofBase + " seq 1 type b\nfile " + aofTail + " seq 1 type i\n"),
	}
}

const (
	folderMode = 0o777 // whoever the server runs as
	fileMode   = 0o666
)

func (in *processInstance) readFile(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(in.dir, name))
}

func (in *processInstance) writeFiles(_ context.Context, files map[string][]byte) error {
	for name, data := range files {
		place := filepath.Join(in.dir, name)
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(place, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (in *containerInstance) readFile(ctx context.Context, name string) ([]byte, error) {
	file, err := in.CopyFileFromContainer(ctx, path.Join(dataFolder, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// writeFiles hands a stopped container files, as an archive.
func (in *containerInstance) writeFiles(ctx context.Context, files map[string][]byte) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: aofFolder + "/", Mode: folderMode}); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: fileMode, Size: int64(len(files[name]))}); err != nil {
			return err
		}
		if _, err := w.Write(files[name]); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := in.backend.docker.CopyToContainer(ctx, in.GetContainerID(), client.CopyToContainerOptions{
		DestinationPath: dataFolder, Content: &archive,
	})
	return err
}

func (remote) readFile(context.Context, string) ([]byte, error) {
	return nil, fmt.Errorf("read its files: %w", errNotOurs)
}

func (remote) writeFiles(context.Context, map[string][]byte) error {
	return fmt.Errorf("write its files: %w", errNotOurs)
}
