package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// server is the Redis that is measured on.
type server struct {
	url    string
	client *redis.Client
	own    *process // nil when it is somebody else's
}

// open reaches the Redis at a URL, or starts one where there is no URL.
func open(ctx context.Context, url string) (*server, error) {
	if url == "" {
		return start(ctx, "--appendfsync", "everysec")
	}
	s, err := dial(url)
	if err != nil {
		return nil, err
	}
	if err := s.client.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("reach Redis: %w", err), s.close())
	}
	return s, nil
}

func dial(url string) (*server, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("read the URL of Redis: %w", err)
	}
	options.MaxRetries = -1 // what has to be repeated is no measurement
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &server{url: url, client: redis.NewClient(options)}, nil
}

// close stops a Redis of our own.
func (s *server) close() error {
	err := s.client.Close()
	if s.own != nil {
		err = errors.Join(err, s.own.stop())
	}
	return err
}

// about says what the Redis is.
func (s *server) about(ctx context.Context) (Redis, error) {
	info, err := s.info(ctx, "server", "persistence")
	if err != nil {
		return Redis{}, err
	}
	about := Redis{Version: info["redis_version"], Own: s.own != nil, AOF: info["aof_enabled"] == "1"}
	if set, err := s.client.ConfigGet(ctx, "appendfsync").Result(); err == nil && about.AOF { // it may be forbidden
		about.Fsync = set["appendfsync"]
	}
	return about, nil
}

// info returns what INFO says.
func (s *server) info(ctx context.Context, sections ...string) (map[string]string, error) {
	text, err := s.client.Info(ctx, sections...).Result()
	if err != nil {
		return nil, fmt.Errorf("ask what Redis uses: %w", err)
	}
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			found[name] = value
		}
	}
	return found, nil
}

// forget deletes all keys of a namespace, and no other.
func (s *server) forget(ctx context.Context, ns string) error {
	const page = 1000
	each := s.client.Scan(ctx, 0, ns+":*", page).Iterator()
	for each.Next(ctx) {
		if err := s.client.Unlink(ctx, each.Val()).Err(); err != nil {
			return fmt.Errorf("delete the namespace %s: %w", ns, err)
		}
	}
	if err := each.Err(); err != nil {
		return fmt.Errorf("delete the namespace %s: %w", ns, err)
	}
	return nil
}

// process is a redis-server with a folder of its own.
type process struct {
	cmd *exec.Cmd
	dir string
}

// startTime bounds how long a server may take until it answers.
const startTime = 20 * time.Second

// start runs the redis-server on the PATH on a free port, set as deploy/redis
// says, with more arguments.
func start(ctx context.Context, args ...string) (*server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on the PATH: install Redis, or name one that runs with --redis-url")
	}
	dir, err := os.MkdirTemp("", "horus-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Redis: %w", err)
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p := &process{dir: dir, cmd: exec.Command(program, append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--logfile", filepath.Join(dir, "redis.log"),
		"--save", "", "--appendonly", "yes", "--stream-node-max-bytes", "16384", "--auto-aof-rewrite-percentage", "300",
	}, args...)...)}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), os.RemoveAll(dir))
	}
	s, err := dial(fmt.Sprintf("redis://127.0.0.1:%d/0", port))
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	s.own = p
	if err := s.awaited(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "redis.log")) // it may not have come so far
		return nil, errors.Join(fmt.Errorf("start %s: %w\n%s", program, err, log), s.close())
	}
	return s, nil
}

func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// awaited returns when the server answers that was started. Another program may
// have been faster at the port, so it must say which process it is.
func (s *server) awaited(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		info, err := s.info(ctx, "server", "replication")
		switch {
		case err == nil && info["process_id"] != strconv.Itoa(s.own.cmd.Process.Pid):
			return errors.New("another server took its port")
		case err == nil && info["master_link_status"] != "down": // a replica has all that there is
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// stop ends the server, whose data are worth nothing, and removes its folder.
func (p *process) stop() error {
	err := p.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil // the interrupt that ends us was for all programs of the terminal
	}
	_ = p.cmd.Wait() // it says that it was killed
	return errors.Join(err, os.RemoveAll(p.dir))
}
