package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Ports come from below the range that the kernel takes for outgoing
// connections (32768 on Linux, 49152 on macOS). From within it another
// process's connection could take the port of a killed server before its
// restart, and a client dialling the dead port could even connect to itself.
const (
	firstPort = 15000
	lastPort  = 29999
	portTries = 50
)

// errPortTaken says that somebody else was faster: try another port.
var errPortTaken = errors.New("port is taken")

// freePort returns a port of the loopback interface on which nobody listens.
func freePort() (int, error) {
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("close port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("no free port in %d tries between %d and %d", portTries, firstPort, lastPort)
}

// onFreePort calls start with free ports until one is still free when start
// takes it.
func onFreePort(start func(port int) error) error {
	for range portTries {
		port, err := freePort()
		if err != nil {
			return err
		}
		if err := start(port); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return fmt.Errorf("%d ports: %w", portTries, errPortTaken)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// clientOptions are for a client that repeats nothing and asks the server for
// nothing that Redis 7.0 would refuse.
func clientOptions(url string) (*redis.Options, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", url, err)
	}
	opts.MaxRetries, opts.DialerRetries = -1, 1
	opts.ContextTimeoutEnabled = true
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return opts, nil
}

// until calls ready until it returns nil, or ctx is done.
func until(ctx context.Context, ready func() error) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (last seen: %w)", context.Cause(ctx), err)
		}
	}
}

// ping asks the server at addr, once, whether it serves; while it loads its
// data it says that it does not.
func ping(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is lost with it
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if line != "+PONG\r\n" {
		return fmt.Errorf("PING is answered with %q", line)
	}
	return nil
}
