package redisstore_test

import (
	"context"
	"errors"
	"fmt"
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

// What settings mean is tested in TestFacts; here they are real.
func TestSettings(t *testing.T) {
	const unlimited = " has no maxmemory: Horus cannot stop taking jobs before the memory of the machine is full; set maxmemory"
	tests := []struct {
		name    string
		options redistest.Options
		config  []string // set by hand
		asked   eventstore.Durability
		level   eventstore.Durability
		refusal string
		want    []string
	}{
		{
			name: "nothing is kept", level: eventstore.Memory,
			want: []string{" keeps nothing when it stops: set appendonly yes", unlimited},
		},
		{
			name: "a sync every second", options: redistest.Options{AOF: redistest.EverySecond, Args: []string{"--maxmemory", "1gb"}},
			level: eventstore.EverySecond, asked: eventstore.EverySecond,
		},
		{
			name: "a sync for each commit", options: redistest.Options{AOF: redistest.Always}, level: eventstore.Fsync,
			asked: eventstore.EverySecond, want: []string{unlimited},
		},
		{
			name: "a sync every second where each commit was asked for", options: redistest.Options{AOF: redistest.EverySecond},
			asked: eventstore.Fsync, level: eventstore.EverySecond, refusal: "redis_durability", want: []string{unlimited},
		},
		{
			name: "a file, and no sync", options: redistest.Options{AOF: redistest.EverySecond}, config: []string{"appendfsync", "no"},
			level: eventstore.Memory, want: []string{" leaves it to the machine when to write to disk: set appendfsync everysec or always", unlimited},
		},
		{
			name: "keys may be thrown away", options: redistest.Options{
				AOF: redistest.Always, Args: []string{"--maxmemory", "1gb", "--maxmemory-policy", "volatile-lru"},
			},
			level: eventstore.Memory, refusal: "redis_evicts",
		},
		{
			name: "replicas that are not there", options: redistest.Options{AOF: redistest.Always, Args: []string{"--maxmemory", "1gb"}},
			asked: eventstore.Replicated(2), level: eventstore.Replicated(2),
			want: []string{" has 0 replicas that follow it, and replicated:2 needs 2: until they are there, whoever submits is told that the job is not durable"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := redistest.Start(t, test.options)
			if test.config != nil {
				must(t, server.Client().ConfigSet(t.Context(), test.config[0], test.config[1]).Err())
			}
			got, err := connect(t, server.URL()).Check(t.Context(), test.asked)
			must(t, err)
			for i, warning := range got.Warnings {
				got.Warnings[i] = strings.TrimPrefix(warning, "Redis at "+server.Addr())
			}
			if diff := cmp.Diff(test.want, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if got.Level != test.level || domain.ReasonOf(got.Refusal) != test.refusal {
				t.Errorf("level %s, refused: %v; want %s, %q", got.Level, got.Refusal, test.level, test.refusal)
			}
		})
	}
}

func TestSettingsOfAReplica(t *testing.T) {
	primary, replica := redistest.Start(t, redistest.Options{AOF: redistest.Always}), redistest.Start(t, redistest.Options{})
	replica.Follow(primary)
	asked := eventstore.Replicated(1)
	got, err := connect(t, replica.URL()).Check(t.Context(), "")
	if err != nil || domain.ReasonOf(got.Refusal) != "redis_replica" || domain.CodeOf(got.Refusal) != domain.Invalid {
		t.Errorf("at the replica: %v, %v; want redis_replica", got.Refusal, err)
	}
	got, err = connect(t, primary.URL()).Check(t.Context(), asked)
	if err != nil || got.Refusal != nil || got.Level != asked || len(got.Warnings) != 1 { // of maxmemory
		t.Errorf("at its primary: %+v, %v; want %s", got, err, asked)
	}
	must(t, primary.Client().Do(t.Context(), "ACL", "SETUSER", "default", "-wait").Err())
	if got, err = connect(t, primary.URL()).Check(t.Context(), asked); err != nil || domain.ReasonOf(got.Refusal) != "redis_wait" {
		t.Errorf("without WAIT: %v, %v; want redis_wait", got.Refusal, err)
	}
}

// Rented servers often hide CONFIG, or all, and the embedded one has none.
func TestServersThatHideTheirSettings(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.Always, Args: []string{"--maxmemory", "1gb"}})
	for _, hidden := range []struct {
		command string
		level   eventstore.Durability
	}{{"-config", eventstore.EverySecond}, {"-info", eventstore.Memory}} {
		must(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "default", hidden.command).Err())
		got, err := connect(t, server.URL()).Check(t.Context(), "")
		if err != nil || got.Level != hidden.level || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "does not show") {
			t.Errorf("%s: got %+v, %v", hidden.command, got, err)
		}
	}

	mini := miniredis.RunT(t)
	got, err := connect(t, "redis://"+mini.Addr()).Check(t.Context(), "")
	if err != nil || got.Level != eventstore.Memory || got.Refusal != nil || len(got.Warnings) != 1 {
		t.Errorf("miniredis: got %+v, %v", got, err)
	}
}

// What counts against the limit is less than all that is used, and a full server
// says that it is full.
func TestVitals(t *testing.T) {
	server := redistest.Start(t, redistest.Options{Args: []string{"--maxmemory", "100mb"}})
	keys := redisstore.Keys{Namespace: "horus"}
	store := open(connect(t, server.URL()), keys)
	before, err := store.Vitals(t.Context())
	must(t, err)
	if before.Max != 100<<20 || before.Used == 0 || before.Used > before.Max/10 || len(before.Run) != 40 {
		t.Errorf("of an empty server: %+v", before)
	}
	ballast := server.Client()
	for i := range 500 {
		must(t, ballast.Set(t.Context(), fmt.Sprint("ballast", i), strings.Repeat("x", 100<<10), 0).Err())
	}
	after, err := store.Vitals(t.Context())
	must(t, err)
	if after.Run != before.Run || after.Used < 50<<20 || after.Used > 60<<20 {
		t.Errorf("with 50 MiB: %+v", after)
	}
	server.Restart()
	again, err := store.Vitals(t.Context())
	must(t, err)
	if again.Run == before.Run {
		t.Error("a server that was started again has the same life")
	}
}

// A cluster needs no other URL: its nodes say what they are.
func TestCluster(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AOF: redistest.EverySecond, Args: []string{"--cluster-enabled", "yes", "--maxmemory", "1gb"}})
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
	settings, err := cluster.Check(t.Context(), "")
	if err != nil || settings.Level != eventstore.EverySecond || settings.Refusal != nil || len(settings.Warnings) != 0 {
		t.Errorf("Check: got %+v, %v", settings, err)
	}
	vitals, err := store.Vitals(t.Context())
	if err != nil || vitals.Max != 1<<30 || vitals.Used == 0 {
		t.Errorf("Vitals: got %+v, %v", vitals, err)
	}
	asked := redisstore.New(cluster.Writer(2), cluster.Reader(2), redisstore.Keys{Namespace: "horus", Partition: 3})
	asked.Replicas = 1
	if err := asked.Sync(t.Context(), 1, eventstore.Tip{}); !errors.Is(err, eventstore.ErrNotDurable) {
		t.Errorf("Sync without a replica: got %v", err)
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
