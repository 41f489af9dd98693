package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
)

// line is the way of one supervisor to Redis, which can be cut.
type line struct {
	url      string // that leads to Redis through it
	to       string
	listener net.Listener

	mu sync.Mutex

	conns []net.Conn
	isCut bool
}

// newLine makes a way to the Redis at a redis:// URL.
func newLine(ctx context.Context, redisURL string) (*line, error) {
	u, err := url.Parse(redisURL)
	if err != nil || u.Scheme != "redis" {
		return nil, errors.New("only the way to a redis:// URL can be cut: leave takeover out with --only")
	}
	l := &line{to: u.Host}
	if u.Port() == "" {
		l.to = net.JoinHostPort(u.Hostname(), "6379")
	}
	if l.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	u.Host = l.listener.Addr().String()
	l.url = u.String()
	go l.serve()
	return l, nil
}

// serve passes bytes on until the line is cut.
func (l *line) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		l.hold(near, far)
		go l.pass(near, far)
		go l.pass(far, near)
	}
}

func (l *line) hold(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conns...)
	if l.isCut {
		l.closeLocked()
	}
}

func (l *line) pass(to, from net.Conn) {
	_, _ = io.Copy(to, from) // until either end is gone
	_ = to.Close()
	_ = from.Close()
}

// cut ends the line: nothing passes any more.
func (l *line) cut() {
	_ = l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	l.closeLocked()
}

func (l *line) closeLocked() {
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}
