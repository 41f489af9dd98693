package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// orphanEnv makes this test binary a program that starts a server and waits to
// be killed.
const orphanEnv = "REDISTEST_ORPHAN"

func TestMain(m *testing.M) {
	if name := os.Getenv(orphanEnv); name != "" {
		if err := beOrphaned(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(Around(m).Run())
}

// ownWays returns the ways of this machine to have a server that a test may
// kill.
func ownWays() map[string]func() (backend, error) {
	return map[string]func() (backend, error){"container": findContainers, "process": findProgram}
}

// onEach runs a test on every way that this machine has; one it must have.
func onEach(t *testing.T, test func(*testing.T, string, backend)) {
	t.Helper()
	ran := 0
	for name, find := range ownWays() {
		b, err := find()
		if err != nil {
			t.Logf("this machine has no %s: %v", name, err)
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) { test(t, name, b) })
	}
	if ran == 0 {
		t.Fatal("neither a container nor a process is to be had: nothing was tested")
	}
}

func TestAppendOnlyFileSurvives(t *testing.T) {
	for _, end := range []struct {
		how string
		of  func(*Server)
	}{{"a kill", (*Server).Kill}, {"a SIGTERM", (*Server).Terminate}} {
		for _, aof := range []AOF{EverySecond, Always} {
			t.Run(end.how+" with "+string(aof), func(t *testing.T) {
				onEach(t, func(t *testing.T, _ string, b backend) {
					server := startOn(t, b, Options{AOF: aof})
					before := server.URL()
					set(t, server, "kept", "value")
					end.of(server)
					if err := server.Client().Ping(t.Context()).Err(); err == nil {
						t.Fatal("a server that ended answers")
					}
					server.Restart()
					if server.URL() != before {
						t.Errorf("after the restart it is at %s, was at %s", server.URL(), before)
					}
					if got := get(t, server, "kept"); got != "value" {
						t.Errorf("after the restart kept = %q, want %q", got, "value")
					}
					if got := config(t, server, "appendfsync"); got != string(aof) {
						t.Errorf("appendfsync = %q, want %q", got, aof)
					}
				})
			})
		}
	}
}

func TestWithoutAppendOnlyFileKillLosesAll(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		server := startOn(t, b, Options{})
		set(t, server, "lost", "value")
		server.Restart() // kills it first
		err := server.Client().Get(t.Context(), "lost").Err()
		if !errors.Is(err, redis.Nil) {
			t.Errorf("get after the restart: %v, want no such key", err)
		}
	})
}

func TestPausedServerAnswersLater(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		server := startOn(t, b, Options{})
		set(t, server, "k", "value")
		server.Pause()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := server.Client().Get(ctx, "k").Err(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("get from a paused server: %v, want the deadline", err)
		}
		server.Unpause()
		if got := get(t, server, "k"); got != "value" {
			t.Errorf("after the pause k = %q, want %q", got, "value")
		}
	})
}

func TestArgumentsReachTheServer(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		server := startOn(t, b, Options{Args: []string{"--maxmemory", "64mb", "--maxmemory-policy", "noeviction"}})
		if got := config(t, server, "maxmemory"); got != "67108864" {
			t.Errorf("maxmemory = %q, want 67108864", got)
		}
		if got := config(t, server, "save"); got != "" {
			t.Errorf("save = %q, want no snapshots", got)
		}
	})
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		ctx, cancel := context.WithTimeout(t.Context(), launchTimeout)
		defer cancel()
		in, err := b.launch(ctx, Options{Args: []string{"--no-such-setting", "1"}})
		if err == nil {
			t.Fatal("a server with an unknown setting started", remove(in))
		}
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it waited to the end for a server that had ended: %v", err)
		}
	})
}

// A test binary that is killed, by hand or by its time limit, must not leave a
// server behind: the kernel ends a process with its parent, and the next run
// sweeps containers.
func TestKilledTestLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, name string, _ backend) {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), orphanEnv+"="+name)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatalf("read the child's server: %v", err)
		}
		address := strings.TrimSpace(line)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		if _, err := ownWays()[name](); err != nil {
			t.Fatalf("find a %s again: %v", name, err)
		}
		mustVanish(t, address)
	})
}

// beOrphaned prints the address of a server of the named way and waits.
func beOrphaned(name string) error {
	b, err := ownWays()[name]()
	if err != nil {
		return err
	}
	in, err := b.launch(context.Background(), Options{})
	if err != nil {
		return err
	}
	opts, err := clientOptions(in.url())
	if err != nil {
		return err
	}
	fmt.Println(opts.Addr)
	select {}
}

// mustVanish waits until nothing listens at address.
func mustVanish(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return
		}
		// A server that ends closes the connection: no need to ask often.
		_, _ = io.Copy(io.Discard, &deadlineReader{ctx, conn})
		_ = conn.Close()
	}
	t.Errorf("%s still listens", address)
}

// deadlineReader reads until its context's deadline.
type deadlineReader struct {
	ctx  context.Context
	conn net.Conn
}

func (r *deadlineReader) Read(p []byte) (int, error) {
	deadline, _ := r.ctx.Deadline()
	if err := r.conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	return r.conn.Read(p)
}

func set(t *testing.T, server *Server, key, value string) {
	t.Helper()
	if err := server.Client().Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatalf("set %s: %v", key, err)
	}
}

func get(t *testing.T, server *Server, key string) string {
	t.Helper()
	value, err := server.Client().Get(t.Context(), key).Result()
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	return value
}

func config(t *testing.T, server *Server, name string) string {
	t.Helper()
	values, err := server.Client().ConfigGet(t.Context(), name).Result()
	if err != nil {
		t.Fatalf("read the setting %s: %v", name, err)
	}
	return values[name]
}
