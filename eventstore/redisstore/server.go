package redisstore

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/herocode/horus/domain"
)

// Server is a Redis, or a cluster of them, as Horus reaches it. Each client
// made from it has connections of its own, so that one kind of work does not
// starve another. It is safe for concurrent use.
type Server struct {
	options redis.UniversalOptions

	mu sync.Mutex

	clients []redis.UniversalClient
}

// Connect reaches the Redis at a URL: redis:// or rediss:// (TLS), with user,
// password, host, port and database, or unix:// with a path. Of a cluster any
// node will do; more of them may follow as ?addr=host:port&addr=host:port.
//
// Errors are [domain.Error]s: Invalid with the reason redis_url,
// Unauthenticated with redis_auth, TryAgain with redis_unreachable. None of
// them holds the password.
func Connect(ctx context.Context, url string) (*Server, error) {
	options, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	s := &Server{options: *options}
	probe := s.dial(1, true)
	defer func() { _ = probe.Close() }() // it served
	if err := probe.Ping(ctx).Err(); err != nil {
		return nil, s.unreachable(err)
	}
	// A node of a cluster says so; what else is wrong was found by PING.
	hello, _ := probe.Do(ctx, "HELLO", "3").Result()
	greeting, _ := hello.(map[any]any)
	s.options.IsClusterMode = len(s.options.Addrs) > 1 || greeting["mode"] == "cluster"
	if s.options.IsClusterMode && s.options.DB != 0 {
		return nil, badURL("a cluster has database 0 and no other")
	}
	return s, nil
}

// parseURL reads a URL. No error of a parser is passed on: it could quote the
// password.
func parseURL(text string) (*redis.UniversalOptions, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, badURL("write redis://user:password@host:port/0, with %XX for special characters in the password")
	}
	if u.Fragment != "" { // "#" in a password makes a host of what stands before it
		return nil, badURL("write %23 for # in the password")
	}
	query := u.Query()
	more := query["addr"]
	if query.Del("addr"); len(query) > 0 {
		return nil, badURL("of options it takes only addr, for more nodes of a cluster")
	}
	u.RawQuery = ""
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, badURL("write redis://user:password@host:port/0, rediss:// for TLS, or unix:///path")
	}
	return &redis.UniversalOptions{
		Addrs: append([]string{o.Addr}, more...), DB: o.DB,
		Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		ContextTimeoutEnabled: true,
		// A dial that failed is the caller's to repeat, who knows how long.
		DialerRetries: 1,
		// Redis 7.0 answers these with errors.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		// One pool a client, so that its size says what it is.
		PipelinePoolSize: -1,
	}, nil
}

func badURL(hint string) error {
	return domain.Errorf(domain.Invalid, "redis_url", "this is not the URL of a Redis: %s", hint)
}

// unreachable says in plain words why Redis did not answer.
func (s *Server) unreachable(err error) error {
	if redis.IsAuthError(err) || redis.HasErrorPrefix(err, "WRONGPASS") {
		return domain.Errorf(domain.Unauthenticated, "redis_auth", "Redis at %s does not accept the user and password of its URL", s.Address())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return domain.Errorf(domain.TryAgain, "redis_unreachable", "cannot reach Redis at %s: no answer in time", s.Address())
	}
	return domain.Errorf(domain.TryAgain, "redis_unreachable", "cannot reach Redis at %s: %v", s.Address(), err)
}

// Address returns host and port, or the path, without user and password. Of a
// cluster it names the nodes of the URL.
func (s *Server) Address() string { return strings.Join(s.options.Addrs, ",") }

// Writer returns a client that sends each command once and follows no redirect:
// when the reply is lost, the error says so, and whoever asked decides. A
// committer needs two connections: one for the commit on its way, one for the
// beat.
func (s *Server) Writer(connections int) redis.UniversalClient {
	return s.client(connections, false)
}

// Reader returns a client that repeats a command that got no answer. It is for
// commands that write nothing.
func (s *Server) Reader(connections int) redis.UniversalClient {
	return s.client(connections, true)
}

// Blocker returns a client for that many readers that wait inside XREAD or
// XREADGROUP, with two connections to spare for what they do besides. It
// repeats nothing, since a repeated XREADGROUP strands entries. A cancelled
// context does not end a wait: block for a second or two, and look at the
// context in between.
func (s *Server) Blocker(readers int) redis.UniversalClient {
	const besides = 2
	return s.client(readers+besides, false)
}

// client returns a client that the server closes.
func (s *Server) client(connections int, repeat bool) redis.UniversalClient {
	client := s.dial(connections, repeat)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, client)
	return client
}

// dial returns a client that the caller closes.
func (s *Server) dial(connections int, repeat bool) redis.UniversalClient {
	options := s.options
	options.PoolSize = connections
	if !repeat {
		options.MaxRetries, options.MaxRedirects = -1, -1
	}
	return redis.NewUniversalClient(&options)
}

// Close closes every client made from the server. What is on its way ends with
// an error.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, client := range s.clients {
		errs = append(errs, client.Close())
	}
	s.clients = nil
	return errors.Join(errs...)
}
