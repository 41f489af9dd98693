package audit_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/eventstore/audit"
)

const headFile = `{"namespace":"horus","partition":3,"seq":12,"seal":"abababababababababababababababababababababababababababababababab"}` + "\n"

func TestAHeadIsKeptInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "head.json")
	if _, err := audit.ReadHead(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first: %v", err)
	}
	for _, seq := range []uint64{7, 12} { // the second replaces the first
		head := example().Head()
		head.Seq = seq
		if err := audit.WriteHead(path, head); err != nil {
			t.Fatal(err)
		}
		if got, err := audit.ReadHead(path); err != nil || got != head {
			t.Fatalf("got %v and %v, want %v", got, err, head)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != headFile {
		t.Errorf("the file holds %q and %v, want %q", data, err, headFile)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestAHeadThatCannotBeWrittenLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	occupied := filepath.Join(dir, "head.json")
	if err := os.MkdirAll(filepath.Join(occupied, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := audit.WriteHead(occupied, example().Head()); err == nil {
		t.Error("wrote a head over a folder")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestOtherFilesAreNoHeads(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"no line break":   strings.TrimSuffix(headFile, "\n"),
		"two lines":       headFile + headFile,
		"white space":     strings.Replace(headFile, ":12", ": 12", 1),
		"no place":        strings.Replace(headFile, ":12", ":0", 1),
		"a bad partition": strings.Replace(headFile, ":3", ":65536", 1),
		"a bad namespace": strings.Replace(headFile, "horus", "Horus", 1),
		"half a seal":     strings.Replace(headFile, strings.Repeat("ab", 16), "", 1),
		"no seal":         strings.Replace(headFile, strings.Repeat("ab", 32), strings.Repeat("0", 64), 1),
	} {
		if _, err := audit.ParseHead([]byte(text)); domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "head" {
			t.Errorf("%s: got %v, want invalid, head", name, err)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	seedtest.Add(f, []byte(headFile))
	f.Fuzz(func(t *testing.T, data []byte) {
		if head, err := audit.ParseHead(data); err == nil && string(head.Append(nil)) != string(data) {
			t.Fatalf("%q is a second spelling of %q", data, head.Append(nil))
		}
	})
}
