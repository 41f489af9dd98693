package supervise

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/rpcapi"
)

// start runs the command with a file, up to where a supervisor would start.
func start(t *testing.T, file string, mode os.FileMode, args ...string) (cfg node.Config, said string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(file), mode); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := newCommand(program{
		run: func(_ context.Context, c node.Config) error { cfg = c; return nil },
		check: func(_ context.Context, c node.Config) (redisstore.Settings, error) {
			cfg = c
			return redisstore.Settings{Level: "everysec"}, nil
		},
	})
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append([]string{"--state-dir", t.TempDir(), "--config", path}, args...))
	err = cmd.ExecuteContext(t.Context())
	return cfg, strings.ReplaceAll(out.String(), path, "config.toml"), err
}

// original is the file that the original's page shows.
const original = `
redis_url = "redis://localhost:6379"
bind_address = "127.0.0.1"
port = 3031
admin_secrets = ["admin-a", "admin-b"]
user_secrets = ["user-a"]
register_secrets = ["register-a"]

[[actors]]
id = "sal_runner_1"
name = "sal_runner_1"
binary_path = "/usr/local/bin/sal_runner"
db_path = "/tmp/sal_db"
redis_url = "redis://localhost:6379"
process_manager = "simple"

[[actors]]
id = "osis_runner_1"
name = "osis"
binary_path = "/usr/local/bin/osis_runner"
process_manager = "tmux:osis_session"
`

func TestTheFileOfTheOriginalIsReadAsItIs(t *testing.T) {
	cfg, said, err := start(t, original, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Namespace != "hero" || cfg.Port != 3031 || cfg.RedisURL != "redis://localhost:6379" || cfg.Bind != "127.0.0.1" {
		t.Errorf("%+v", cfg)
	}
	scopes := map[string]rpcapi.Scope{}
	for _, key := range cfg.Keys {
		scopes[key.Name] = key.Scope
	}
	if len(cfg.Keys) != 4 || scopes["admin-2"] != rpcapi.Admin || scopes["user"] != rpcapi.User || scopes["register"] != rpcapi.Registrar {
		t.Errorf("keys %v", scopes)
	}
	for _, want := range []string{"not started", "actors=2", "chmod 600 config.toml"} {
		if strings.Count(said, want) != 1 {
			t.Errorf("%q is not said once in:\n%s", want, said)
		}
	}
	if _, said, err = start(t, original, 0o600); err != nil || strings.Contains(said, "chmod") {
		t.Errorf("a file that nobody else may read: %v\n%s", err, said)
	}
	if cfg, _, err = start(t, original+"\n", 0o600, "--namespace", "mine"); err != nil || cfg.Namespace != "mine" {
		t.Errorf("with --namespace: %q, %v", cfg.Namespace, err)
	}
	if cfg, _, err = start(t, "unsigned = \"countersign\"\nanonymous_reads = true\n"+original, 0o600); err != nil || cfg.Namespace != "hero" {
		t.Errorf("with what old clients may need: %q, %v", cfg.Namespace, err)
	}
	for _, ours := range []string{"port = 1\n", "lease = \"9s\"\n" + original} {
		if cfg, _, err = start(t, ours, 0o600); err != nil || cfg.Namespace != "horus" {
			t.Errorf("a file of ours: %q, %v", cfg.Namespace, err)
		}
	}
}

// A flag beats the environment, the environment the file, the file the default.
func TestWhereSettingsComeFrom(t *testing.T) {
	t.Setenv("HORUS_LEASE", "20s")
	t.Setenv("HORUS_UNSIGNED", "countersign")
	file := "lease = \"30s\"\nunsigned = \"reject\"\nanonymous_reads = true\nport = 9\ntopics = [\"jobs=job.completed\"]\nadmin_secrets = [\"hidden\"]\n" +
		"redis_url = \"redis://horus:hidden@localhost:6379\"\n"
	cfg, said, err := start(t, file, 0o600, "--lease", "10s", "--check")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Lease.Seconds() != 10 || cfg.Unsigned != rpcapi.Countersign || !cfg.Anonymous || cfg.Port != 9 || len(cfg.Topics) != 1 {
		t.Errorf("%+v", cfg)
	}
	for _, want := range []string{
		`lease +10s +flag`, `unsigned +countersign +environment HORUS_UNSIGNED`, `anonymous_reads +true +file config.toml`,
		`grace +10s +default`, `admin_secrets +\*\*\* \(1\) +file`, `redis_url +redis://horus:xxxxx@localhost:6379 +file`, `good: .* everysec`,
	} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(said) {
			t.Errorf("%s is not in:\n%s", want, said)
		}
	}
	if strings.Contains(said, "hidden") {
		t.Errorf("a secret is shown:\n%s", said)
	}
	told := map[string]string{}
	for _, s := range cfg.Settings {
		told[s.Name] = s.Value + " by " + s.Source
	}
	if told["unsigned"] != "countersign by environment HORUS_UNSIGNED" || strings.Contains(told["admin_secrets"], "hidden") {
		t.Errorf("system.info tells %v", told)
	}
}

// What is wrong is named: its key, its line, and what to write instead.
func TestWrongSettingsAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, file, want string
		args             []string
		code             int
	}{
		{name: "an unknown key", file: "port = 1\nredis_ulr = \"x\"\n", want: `config.toml: line 2: there is no setting "redis_ulr"; did you mean redis_url?`},
		{name: "a key of an actor", file: "[[actors]]\nid = \"a\"\nbinary = \"b\"\n", want: `line 3: there is no setting "actors.binary"; did you mean binary_path?`},
		{name: "a table", file: "[server]\nport = 1\n", want: `line 1: there is no setting "server"`},
		{name: "another kind", file: "\nport = \"1\"\n", want: `line 2: port has a value of the wrong kind: it takes a whole number`},
		{name: "no list", file: "topics = \"a=b\"\n", want: `line 1: topics has a value of the wrong kind: it takes a list`},
		{name: "no such time", file: "\n# soon\nlease = \"soon\"\n", want: `config.toml: line 3: lease: `},
		{name: "no such time behind a text of lines", file: "name = \"\"\"a\nlease = 1\"\"\"\nlease = \"soon\"\n", want: `config.toml: line 3: lease: `},
		{name: "no TOML", file: "port 1\n", want: `line 1: this is no TOML`},
		{name: "twice", file: "port = 1\nport = 2\n", want: `port`},
		{name: "an actor without a program", file: "[[actors]]\nid = \"a\"\n", want: `actors 1: binary_path is missing`},
		{name: "an actor of another manager", file: "[[actors]]\nid = \"a\"\nbinary_path = \"b\"\nprocess_manager = \"docker\"\n", want: `actors 1: process_manager`},
		{name: "a word that is none", file: "unsigned = \"maybe\"\n", want: `config.toml, line 1: unsigned: it is reject or countersign`},
		{name: "the same by a flag", args: []string{"--unsigned", "maybe"}, want: `--unsigned: it is reject or countersign`},
		{name: "a name that is none by a flag", args: []string{"--name", "A"}, want: `--name: `, code: exit.Usage},
		{name: "mycelium", args: []string{"--mycelium"}, want: `--mycelium: calls over Mycelium are not there yet`},
		{name: "no file", args: []string{"--config", "/nowhere/config.toml"}, want: `/nowhere/config.toml: no such file`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := start(t, c.file, 0o600, c.args...)
			if err == nil {
				t.Fatal("it starts")
			}
			if c.code == 0 {
				c.code = exit.Settings
			}
			if text := regexp.MustCompile(`/\S*/config.toml`).ReplaceAllStringFunc(err.Error(), func(path string) string {
				if strings.HasPrefix(path, "/nowhere") {
					return path
				}
				return "config.toml"
			}); !strings.Contains(text, c.want) || exit.CodeOf(err) != c.code {
				t.Errorf("exit code %d: %s; want %d: %s", exit.CodeOf(err), text, c.code, c.want)
			}
		})
	}
}

func TestACheckThatFailsExitsWithSettings(t *testing.T) {
	cmd := newCommand(program{check: func(context.Context, node.Config) (redisstore.Settings, error) {
		return redisstore.Settings{Refusal: errors.New("it evicts")}, nil
	}})
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{"--check", "--state-dir", t.TempDir()})
	if err := cmd.ExecuteContext(t.Context()); exit.CodeOf(err) != exit.Settings || !strings.Contains(err.Error(), "it evicts") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// The page of settings has a row for each flag, with its key and its default, and
// for nothing else.
func TestSettingsAreWrittenDown(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| (?:`([a-z_]+)`)? *\\| (?:`([^`]*)`)? *\\|").FindAllStringSubmatch(string(page), -1) {
		rows[m[1]] = m[2] + "=" + m[3]
	}
	newCommand(program{}).Flags().VisitAll(func(f *pflag.Flag) {
		key := strings.ReplaceAll(f.Name, "-", "_")
		if _, many := f.Value.(pflag.SliceValue); many {
			key += "s"
		}
		if f.Name == "config" || f.Name == "check" {
			key = ""
		}
		value := strings.Trim(f.DefValue, "[]")
		if f.Value.Type() == "bool" && value == "false" && key == "" {
			value = ""
		}
		if got, there := rows[f.Name]; !there || got != key+"="+value {
			t.Errorf("--%s: the page says %q, the program %q", f.Name, got, key+"="+value)
		}
		delete(rows, f.Name)
	})
	for name := range rows {
		t.Errorf("the page has a flag --%s that there is not", name)
	}
}
