package contexts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/cmd/contexts"
)

func TestWhatIsSavedIsLoaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "horus", "contexts.toml")
	f, err := contexts.Load(path)
	if err != nil || len(f.Contexts) != 0 {
		t.Fatalf("no file: %+v, %v", f, err)
	}
	prod := contexts.Context{Address: "https://a.example,https://b.example", APIKey: "secret", Namespace: "horus", Trust: "0a"}
	if err := f.Add("prod", prod); err != nil {
		t.Fatal(err)
	}
	if err := f.Add("test", contexts.Context{Address: "http://127.0.0.1:3030"}); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := contexts.Load(path)
	if diff := cmp.Diff(f, again); err != nil || diff != "" {
		t.Errorf("loaded: %v (-saved +loaded)\n%s", err, diff)
	}
	if c, err := again.Find(""); err != nil || c != prod {
		t.Errorf("the current one is %+v, %v", c, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if err := again.Remove("prod"); err != nil || again.Current != "" {
		t.Errorf("removed: %v, current %q", err, again.Current)
	}
	if c, err := again.Find(""); err != nil || c != (contexts.Context{}) {
		t.Errorf("no current one: %+v, %v", c, err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, says := range map[string]string{
		write("open", "", 0o644):                        "chmod 600",
		write("unknown", "currant = 'prod'\n", 0o600):   "currant",
		write("no-toml", "Tyger Tyger\n", 0o600):        "not as it was written",
		write("wrong", "[contexts.a]\nport=1\n", 0o600): "port",
	} {
		if _, err := contexts.Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q in it", filepath.Base(path), err, says)
		}
	}
	f := contexts.File{Contexts: map[string]contexts.Context{}}
	if err := f.Add("No Name", contexts.Context{}); err == nil {
		t.Error("a name that is none was taken")
	}
	if err := f.Remove("prod"); err == nil {
		t.Error("a context that is not there was removed")
	}
	if _, err := f.Find("prod"); err == nil {
		t.Error("a context that is not there was found")
	}
}
