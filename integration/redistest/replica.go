package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// reach returns where another server of the same backend reaches an instance. Of
// a container that is the address in the engine's own network, and another one
// after a restart.
func reach(ctx context.Context, in instance) (host, port string, err error) {
	switch in := in.(type) {
	case *processInstance:
		return "127.0.0.1", strconv.Itoa(in.port), nil
	case *containerInstance:
		host, err = in.ContainerIP(ctx)
		return host, "6379", err
	}
	return "", "", errNotOurs
}

// Follow makes the server a replica of another one, and returns when it has all
// that the other one has. What it had before is gone.
func (s *Server) Follow(primary *Server) {
	s.t.Helper()
	s.mustOwn("make a replica of")
	ctx, cancel := context.WithTimeout(s.t.Context(), launchTimeout)
	defer cancel()
	if err := s.follow(ctx, primary); err != nil {
		s.t.Fatalf("make the test's Redis a replica: %v", err)
	}
}

func (s *Server) follow(ctx context.Context, primary *Server) error {
	host, port, err := reach(ctx, primary.instance)
	if err != nil {
		return err
	}
	// Else a primary waits some seconds for more replicas that want the same.
	if err := primary.Client().ConfigSet(ctx, "repl-diskless-sync-delay", "0").Err(); err != nil {
		return err
	}
	client := s.Client()
	if err := client.ReplicaOf(ctx, host, port).Err(); err != nil {
		return err
	}
	head := primary.Client()
	return until(ctx, func() error {
		here, err1 := client.Info(ctx, "replication").Result()
		there, err2 := head.Info(ctx, "replication").Result()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if !strings.Contains(here, "master_link_status:up") || !haveAll(there) {
			return errors.New("it does not follow yet")
		}
		return nil
	})
}

// haveAll reports whether all replicas have said that they have everything,
// according to what their primary says.
func haveAll(info string) bool {
	_, rest, _ := strings.Cut(info, "master_repl_offset:")
	end, _, _ := strings.Cut(rest, "\r")
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "slave") && !strings.Contains(line, "state=online,offset="+end+",") {
			return false
		}
	}
	return true
}

// Promote makes a replica a server that takes writes and follows nobody, as a
// failover does.
func (s *Server) Promote() {
	s.t.Helper()
	s.mustOwn("promote")
	if err := s.Client().ReplicaOf(s.t.Context(), "NO", "ONE").Err(); err != nil {
		s.t.Fatalf("promote the test's Redis: %v", fmt.Errorf("%s: %w", s.instance, err))
	}
}
