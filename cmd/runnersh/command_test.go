package runnersh

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
)

// given runs the command with arguments and returns what Run would get.
func given(t *testing.T, args ...string) (got Config, err error) {
	t.Helper()
	cmd := newCommand(t.Context(), func(_ context.Context, c Config) error { got = c; return nil })
	cmd.SetArgs(args)
	cmd.SetOut(&bytes.Buffer{})
	cmd.SetErr(&bytes.Buffer{})
	return got, cmd.Execute()
}

func TestFlagsBeatTheEnvironment(t *testing.T) {
	defaults := Config{
		Runner: "r1", RedisURL: "redis://localhost:6379", Namespace: "horus", Slots: 1,
		Lease: 9 * time.Second, Grace: 10 * time.Second,
	}
	with := func(change func(*Config)) Config { c := defaults; change(&c); return c }
	tests := []struct {
		name string
		env  map[string]string
		args []string
		want Config
	}{
		{name: "nothing but the id", args: []string{"r1"}, want: defaults},
		{
			name: "the original's flags", args: []string{"r1", "-r", "redis://other:6380"},
			want: with(func(c *Config) { c.RedisURL = "redis://other:6380" }),
		},
		{
			name: "all flags",
			args: []string{
				"r1", "--redis-url", "redis://a", "--namespace", "n", "--slots", "8", "--kind", "sh", "--kind", "gpu",
				"--state-dir", "/var/lib/horus", "--key-file", "/run/key", "--trust", strings.Repeat("0a", 32), "--lease", "30s", "--grace", "1m",
			},
			want: Config{
				Runner: "r1", RedisURL: "redis://a", Namespace: "n", Slots: 8, Kinds: []domain.Name{"sh", "gpu"},
				State: "/var/lib/horus", KeyFile: "/run/key", Trust: signing.Hash(bytes.Repeat([]byte{10}, 32)), Lease: 30 * time.Second, Grace: time.Minute,
			},
		},
		{
			name: "the environment", args: []string{"r1"},
			env: map[string]string{
				"HORUS_REDIS_URL": "redis://e", "HORUS_NAMESPACE": "e", "HORUS_SLOTS": "2",
				"HORUS_KIND": "sh,gpu", "HORUS_STATE_DIR": "/e", "HORUS_LEASE": "4s",
			},
			want: with(func(c *Config) {
				c.RedisURL, c.Namespace, c.Slots, c.State, c.Lease = "redis://e", "e", 2, "/e", 4*time.Second
				c.Kinds = []domain.Name{"sh", "gpu"}
			}),
		},
		{
			name: "a flag against the environment", args: []string{"r1", "--namespace", "f"},
			env:  map[string]string{"HORUS_NAMESPACE": "e"},
			want: with(func(c *Config) { c.Namespace = "f" }),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			got, err := given(t, test.args...)
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(Config{}, "Logger")); diff != "" || err != nil {
				t.Errorf("error %v; config (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	state := t.TempDir()
	tests := []struct {
		name string
		env  map[string]string
		args []string
		code int
		says string
	}{
		{name: "no id", code: exit.Usage, says: "--help"},
		{name: "two ids", args: []string{"r1", "r2"}, code: exit.Usage, says: "--help"},
		{name: "an id that is no name", args: []string{"R1"}, code: exit.Usage, says: "R1"},
		{name: "a flag that is none", args: []string{"r1", "--slot", "2"}, code: exit.Usage, says: "--slot"},
		{name: "a trust that is no fingerprint", args: []string{"r1", "--trust", "me"}, code: exit.Usage, says: "--trust"},
		{name: "a level that is none", args: []string{"r1", "--log", "loud"}, code: exit.Usage, says: "debug, info, warn or error"},
		{name: "a kind that is no name", args: []string{"r1", "--kind", "SH"}, code: exit.Usage, says: "--kind"},
		{name: "a URL that is none", args: []string{"r1", "--redis-url", "localhost"}, code: exit.Usage, says: "redis://[user:password@]host:port[/db]\nName another with --redis-url (HORUS_REDIS_URL)"},
		{name: "a variable that is no number", env: map[string]string{"HORUS_SLOTS": "many"}, args: []string{"r1"}, code: exit.Settings, says: "HORUS_SLOTS"},
		{name: "too many slots", args: []string{"r1", "--slots", "9999"}, code: exit.Settings, says: "4096"},
		{name: "a short lease", args: []string{"r1", "--lease", "1s"}, code: exit.Settings, says: "3s"},
		{name: "help", args: []string{"--help"}, code: exit.Good, says: "first start"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("HORUS_STATE_DIR", state)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			var out, err bytes.Buffer
			if code := Main(t.Context(), nil, test.args, &out, &err); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if said := out.String() + err.String(); !strings.Contains(said, test.says) {
				t.Errorf("it says %q", said)
			}
		})
	}
}
