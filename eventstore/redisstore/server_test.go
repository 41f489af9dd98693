package redisstore_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/eventstore/redisstore"
	"github.com/herocode/horus/eventstore/storetest"
	"github.com/herocode/horus/integration/faultproxy"
	"github.com/herocode/horus/integration/redistest"
)

// Passwords stand in URLs, and a URL that cannot be read is not to be quoted.
func TestURLsThatAreNone(t *testing.T) {
	urls := []string{
		"",
		"localhost:6379",
		"http://:hunter2@localhost:6379",
		"redis://user:hunter2/x@localhost:6379",
		"redis://user:hunter2@localhost:port",
		"redis://hunter2#x@localhost:6379",
		"redis://hunter2/x@localhost:6379",
		"redis://:hunter2@localhost:6379/first",
		"redis://:hunter2@localhost:6379/0/1",
		"redis://:hunter2@localhost:6379/0?hunter2=1",
		"redis://:hunter2%zz@localhost:6379",
		"redis://user:hunter2?x@localhost:6379",
		"unix://",
	}
	for _, u := range urls {
		_, err := redisstore.Connect(t.Context(), u)
		if domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "redis_url" {
			t.Errorf("Connect(%q): got %v, want redis_url", u, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Connect(%q) says the password: %v", u, err)
		}
	}
}

func TestServersThatDoNotAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := listener.Addr().String()
	listener.Close()
	locked := miniredis.RunT(t)
	locked.RequireUserAuth("user", "right")
	silent := faultproxy.Start(t, locked.Addr())
	silent.Freeze()

	tests := []struct {
		name, url string
		code      domain.Code
		want      string
	}{
		{
			name: "nobody listens", url: "redis://user:hunter2@" + gone, code: domain.TryAgain,
			want: "cannot reach Redis at " + gone + ": dial tcp " + gone + ": connect: connection refused",
		},
		{
			name: "wrong password", url: "redis://user:hunter2@" + locked.Addr(), code: domain.Unauthenticated,
			want: "Redis at " + locked.Addr() + " does not accept the user and password of its URL",
		},
		{
			name: "no password", url: "redis://" + locked.Addr(), code: domain.Unauthenticated,
			want: "Redis at " + locked.Addr() + " does not accept the user and password of its URL",
		},
		{
			name: "silence", url: "redis://user:hunter2@" + silent.Addr(), code: domain.TryAgain,
			want: "cannot reach Redis at " + silent.Addr() + ": no answer in time",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := redisstore.Connect(ctx, test.url)
			if err == nil || err.Error() != test.want || domain.CodeOf(err) != test.code {
				t.Errorf("got %v (%v), want %s (%v)", err, domain.CodeOf(err), test.want, test.code)
			}
		})
	}
}

// The write client sends a command once: of a reply that was lost, its caller
// hears.
func TestWriterRepeatsNothing(t *testing.T) {
	mini := miniredis.RunT(t)
	proxy := faultproxy.Start(t, mini.Addr())
	server := connect(t, "redis://"+proxy.Addr())
	for name, client := range map[string]redis.UniversalClient{"Writer": server.Writer(1), "Blocker": server.Blocker(1)} {
		must(t, client.Ping(t.Context()).Err())
		proxy.LoseReply("incr")
		if err := client.Incr(t.Context(), name).Err(); err == nil {
			t.Errorf("%s: a lost reply is no error", name)
		}
		if got, _ := mini.Get(name); got != "1" {
			t.Errorf("%s: the command ran %s times", name, got)
		}
	}
	reader := server.Reader(1)
	must(t, reader.Ping(t.Context()).Err())
	proxy.LoseReply("get")
	if got, err := reader.Get(t.Context(), "Writer").Result(); err != nil || got != "1" {
		t.Errorf("Reader: got %q, %v", got, err)
	}
}

func TestSettings(t *testing.T) {
	memory := " keeps nothing when it stops: set appendonly yes"
	tests := []struct {
		name    string
		options redistest.Options
		config  []string // set by hand
		want    redisstore.Settings
	}{
		{
			name: "nothing is kept",
			want: redisstore.Settings{Durability: redisstore.Memory, Warnings: []string{memory}},
		},
		{
			name: "a sync every second", options: redistest.Options{AOF: redistest.EverySecond},
			want: redisstore.Settings{Durability: redisstore.EverySecond},
		},
		{
			name: "a sync for each commit", options: redistest.Options{AOF: redistest.Always},
			want: redisstore.Settings{Durability: redisstore.Fsync},
		},
		{
			name: "a sync for each commit, but for rewrites", options: redistest.Options{AOF: redistest.Always},
			config: []string{"no-appendfsync-on-rewrite", "yes"},
			want: redisstore.Settings{
				Durability: redisstore.Fsync,
				Warnings:   []string{" does not sync while it rewrites its file: set no-appendfsync-on-rewrite no"},
			},
		},
		{
			name: "a file, and no sync", options: redistest.Options{AOF: redistest.EverySecond}, config: []string{"appendfsync", "no"},
			want: redisstore.Settings{
				Durability: redisstore.Memory,
				Warnings:   []string{" leaves it to the machine when to write to disk: set appendfsync everysec or always"},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := redistest.Start(t, test.options)
			if test.config != nil {
				must(t, server.Client().ConfigSet(t.Context(), test.config[0], test.config[1]).Err())
			}
			got, err := connect(t, server.URL()).Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i, warning := range got.Warnings {
				got.Warnings[i] = strings.TrimPrefix(warning, "Redis at "+server.Addr())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvictingServerIsRefused(t *testing.T) {
	server := redistest.Start(t, redistest.Options{Args: []string{"--maxmemory-policy", "volatile-lru"}})
	_, err := connect(t, server.URL()).Check(t.Context())
	if domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "redis_evicts" || !strings.Contains(err.Error(), "volatile-lru") {
		t.Errorf("Check: got %v, want redis_evicts", err)
	}
}

// Rented servers often hide CONFIG, and the embedded one has none.
func TestServersThatHideTheirSettings(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always})
	must(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "default", "-config").Err())
	got, err := connect(t, server.URL()).Check(t.Context())
	if err != nil || got.Durability != redisstore.EverySecond || len(got.Warnings) != 1 {
		t.Errorf("without CONFIG: got %+v, %v", got, err)
	}

	mini := miniredis.RunT(t)
	got, err = connect(t, "redis://"+mini.Addr()).Check(t.Context())
	if err != nil || got.Durability != redisstore.Memory || len(got.Warnings) != 1 {
		t.Errorf("miniredis: got %+v, %v", got, err)
	}
}

// A cluster needs no other URL: its nodes say what they are.
func TestCluster(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.EverySecond, Args: []string{"--cluster-enabled", "yes"}})
	node := server.Client()
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	must(t, node.ConfigSet(t.Context(), "cluster-announce-ip", u.Hostname()).Err())
	must(t, node.ConfigSet(t.Context(), "cluster-announce-port", u.Port()).Err())

	cluster := connect(t, server.URL())
	store := open(cluster, redisstore.Keys{Namespace: "horus", Partition: 3})
	down := store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"})
	if !errors.Is(down, eventstore.ErrRefused) {
		t.Errorf("Take from a cluster that serves no slot: got %v, want ErrRefused", down)
	}

	must(t, node.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err())
	waitFor(t, func() bool {
		info, err := node.ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	store = open(connect(t, server.URL()), redisstore.Keys{Namespace: "horus", Partition: 3})
	must(t, store.Take(t.Context(), eventstore.Holder{}, eventstore.Holder{Term: 1, Name: "one"}))
	c := storetest.Commit(eventstore.Tip{}, storetest.Events(3, "one")...)
	must(t, store.Append(t.Context(), 1, eventstore.Tip{}, c))
	got, err := store.Get(t.Context(), []uint64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(storetest.Raws(c), got); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	settings, err := cluster.Check(t.Context())
	if err != nil || settings.Durability != redisstore.EverySecond || len(settings.Warnings) != 0 {
		t.Errorf("Check: got %+v, %v", settings, err)
	}
	if _, err := redisstore.Connect(t.Context(), server.URL()+"/1"); domain.ReasonOf(err) != "redis_url" {
		t.Errorf("Connect to database 1 of a cluster: got %v, want redis_url", err)
	}
}

// waitFor looks again every few milliseconds until the test's time is up.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}
