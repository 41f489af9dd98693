package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/herocode/horus/"

// layers says what of ours each folder may import. The longest name that leads
// a package's path is its layer; a name allows what lies below it too.
func layers() map[string]string {
	return map[string]string{
		"domain":     "domain",
		"eventstore": "domain eventstore",
		"runnersdk":  "domain runnersdk",
		// A whole program of a user's: with its files and its exit codes.
		"runnersdk/redisrunner": "domain runnersdk cmd/exit cmd/statedir",
		"projections":           "domain eventstore runnersdk/queue projections",
		"handlers":              "domain eventstore projections runnersdk/queue handlers",
		"rpcapi":                "domain eventstore projections rpcapi",
		"rpcapi/client":         "domain rpcapi/client rpcapi/jsonrpc rpcapi/openrpc", // programs of users link it
		"rpcapi/jsonrpc":        "domain rpcapi/jsonrpc",
		"coordinator":           "domain rpcapi/client rpcapi/jsonrpc rpcapi/openrpc coordinator",
		"cmd":                   everything,
		"docs":                  everything, // tests of what the pages say
		"integration":           everything,
	}
}

const everything = "domain eventstore runnersdk projections handlers rpcapi coordinator cmd integration"

// impure is what deciding may not know: clocks and ids arrive in commands, and
// what was decided is somebody else's to send, write or log. The clock itself
// is the linter's to forbid, because time.Time is welcome.
const impure = "net os log math/rand database syscall github.com/redis github.com/ThreeDotsLabs"

// testOnly never reaches a user's machine.
const testOnly = "testing net/http/httptest github.com/testcontainers github.com/stretchr/testify " +
	"pgregory.net/rapid github.com/google/go-cmp github.com/anishathalye/porcupine " +
	"go.uber.org/goleak " + module + "integration"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Name       string
	Imports    []string
	Deps       []string
}

// path is the package's path within the module.
func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module) }

// leads says whether one of names is path or a folder above it.
func leads(names, path string) bool {
	return slices.ContainsFunc(strings.Fields(names), func(name string) bool {
		return path == name || strings.HasPrefix(path, name+"/")
	})
}

// layerOf returns the name of the layer that path lies in, or "".
func layerOf(path string) string {
	longest := ""
	for name := range layers() {
		if leads(name, path) && len(name) > len(longest) {
			longest = name
		}
	}
	return longest
}

// violations returns a sentence for every arrow that points the wrong way.
func violations(packages []pkg) []string {
	var found []string
	for _, p := range packages {
		layer := layerOf(p.path())
		if layer == "" {
			found = append(found, p.path()+" is in no layer: give its folder a line in the table")
			continue
		}
		for _, imported := range p.Imports {
			if why := wrongImport(p.path(), layer, imported); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", p.path(), imported, why))
			}
		}
		if p.Name == "main" && (layer == "cmd" || layer == "runnersdk") {
			found = append(found, wrongLinks(p)...)
		}
	}
	return found
}

// wrongImport returns why a package of a layer may not import something, or "".
func wrongImport(path, layer, imported string) string {
	ours, isOurs := strings.CutPrefix(imported, module)
	switch {
	case isOurs && !leads(layers()[layer], ours):
		return layer + " may import " + layers()[layer]
	case layer == "domain" && leads(impure, imported):
		return "deciding is pure"
	case leads("github.com/redis", imported) && !mayKnowRedis(path, layer):
		return "Redis is known in redis… folders and in cmd"
	case leads("github.com/ThreeDotsLabs", imported) && !leads("handlers cmd integration docs", layer):
		return "Watermill is known to what reacts"
	}
	return ""
}

// A program that a page shows is a user's.
func mayKnowRedis(path, layer string) bool {
	return layer == "cmd" || layer == "integration" || layer == "docs" ||
		slices.ContainsFunc(strings.Split(path, "/"), func(folder string) bool {
			return strings.HasPrefix(folder, "redis")
		})
}

// wrongLinks returns what a program is linked with and should not be.
func wrongLinks(program pkg) []string {
	unwanted := testOnly
	name := filepath.Base(program.path())
	if strings.HasPrefix(name, "runner_") || name == "herorunner" || leads("runnersdk", program.path()) {
		unwanted += " " + module + "eventstore " + module + "projections " + module + "handlers " + module + "rpcapi github.com/ThreeDotsLabs"
	}
	var found []string
	for _, dep := range program.Deps {
		testFolder := strings.HasPrefix(dep, module) && strings.HasSuffix(dep, "test") // storetest and its like
		if testFolder || leads(unwanted, dep) {
			found = append(found, fmt.Sprintf("%s is linked with %s", program.path(), dep))
		}
	}
	return found
}

func TestArrowsPointAtTheDomain(t *testing.T) {
	for _, sentence := range violations(listPackages(t)) {
		t.Error(sentence)
	}
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) []pkg {
	t.Helper()
	root := ".."
	readTree(t, root)
	// -e: a package that does not build yet has imports to check all the same.
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Name,Imports,Deps", "./...")
	list.Dir = root
	out, err := list.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Start(); err != nil {
		t.Fatal(err)
	}
	var packages []pkg
	for decoder := json.NewDecoder(out); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		packages = append(packages, p)
	}
	if err := list.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(packages) == 0 {
		t.Fatal("go list names no package")
	}
	return packages
}

// readTree makes the result of this test depend on the tree, so that the go
// command does not take an old one from its cache: it watches the folders that
// a test opens, and cannot see those that go list opens.
func readTree(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatalf("read the tree: %v", err)
	}
}

// The table would be worth nothing if it let everything through.
func TestTableCatches(t *testing.T) {
	tests := []struct {
		name string
		have pkg
		want []string
	}{
		{name: "an arrow in its direction", have: pkg{ImportPath: module + "eventstore", Imports: []string{module + "domain/job"}}},
		{
			name: "the domain looking outward",
			have: pkg{ImportPath: module + "domain/job", Imports: []string{module + "eventstore"}},
			want: []string{"domain/job imports " + module + "eventstore: domain may import domain"},
		},
		{
			name: "the domain calling out",
			have: pkg{ImportPath: module + "domain/job", Imports: []string{"time", "net/http", "log/slog"}},
			want: []string{
				"domain/job imports net/http: deciding is pure",
				"domain/job imports log/slog: deciding is pure",
			},
		},
		{
			name: "a name that only begins alike",
			have: pkg{ImportPath: module + "projections", Imports: []string{module + "runnersdk/queue", module + "runnersdk/queues"}},
			want: []string{"projections imports " + module + "runnersdk/queues: projections may import " + layers()["projections"]},
		},
		{
			name: "the client pulling in the server",
			have: pkg{ImportPath: module + "rpcapi/client", Imports: []string{module + "rpcapi/jsonrpc", module + "rpcapi"}},
			want: []string{"rpcapi/client imports " + module + "rpcapi: rpcapi/client may import " + layers()["rpcapi/client"]},
		},
		{name: "Redis where it belongs", have: pkg{ImportPath: module + "eventstore/redisstore", Imports: []string{"github.com/redis/go-redis/v9"}}},
		{
			name: "Redis in a contract",
			have: pkg{ImportPath: module + "eventstore", Imports: []string{"github.com/redis/go-redis/v9"}},
			want: []string{"eventstore imports github.com/redis/go-redis/v9: Redis is known in redis… folders and in cmd"},
		},
		{
			name: "Watermill outside of reactions",
			have: pkg{ImportPath: module + "projections/engine", Imports: []string{"github.com/ThreeDotsLabs/watermill/message"}},
			want: []string{"projections/engine imports github.com/ThreeDotsLabs/watermill/message: Watermill is known to what reacts"},
		},
		{
			name: "Watermill in a runner",
			have: pkg{ImportPath: module + "cmd/runner_sh", Name: "main", Deps: []string{"github.com/ThreeDotsLabs/watermill"}},
			want: []string{"cmd/runner_sh is linked with github.com/ThreeDotsLabs/watermill"},
		},
		{
			name: "a folder nobody placed",
			have: pkg{ImportPath: module + "common"},
			want: []string{"common is in no layer: give its folder a line in the table"},
		},
		{
			name: "test code in a program",
			have: pkg{ImportPath: module + "cmd/supervisor", Name: "main", Deps: []string{"fmt", "testing", module + "eventstore", module + "eventstore/storetest"}},
			want: []string{
				"cmd/supervisor is linked with testing",
				"cmd/supervisor is linked with " + module + "eventstore/storetest",
			},
		},
		{
			name: "the event store in a user's runner",
			have: pkg{ImportPath: module + "runnersdk/example_x", Name: "main", Deps: []string{module + "runnersdk", module + "rpcapi"}},
			want: []string{"runnersdk/example_x is linked with " + module + "rpcapi"},
		},
		{
			name: "the event store in a runner",
			have: pkg{ImportPath: module + "cmd/runner_sh", Name: "main", Deps: []string{module + "domain", module + "eventstore/memstore"}},
			want: []string{"cmd/runner_sh is linked with " + module + "eventstore/memstore"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, violations([]pkg{test.have})); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}
