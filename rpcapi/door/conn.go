package door

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a connection that was let in.
type conn struct {
	net.Conn
	leave func() // once

	late        atomic.Bool // its last read ended because nothing came in time
	over        atomic.Bool // its last word was said
	interrupted atomic.Bool // its reads end at once, because the server wants that
}

func newConn(inner net.Conn, leave func()) *conn {
	return &conn{Conn: inner, leave: sync.OnceFunc(leave)}
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.late.Store(n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !c.interrupted.Load())
	return n, err
}

// maxWritten is how much is written at once: within [AnswerTime].
const maxWritten = 64 << 10

// Write implements [net.Conn]. A client who asks and does not take the answer in
// would keep it, and its memory, for ever.
func (c *conn) Write(p []byte) (written int, err error) {
	if c.over.Load() {
		return 0, net.ErrClosed
	}
	for first := true; first || len(p) > 0; first = false {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(AnswerTime)); err != nil {
			return written, err
		}
		piece := p[:min(len(p), maxWritten)]
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(t time.Time) error {
	c.heed(t)
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline implements [net.Conn].
func (c *conn) SetDeadline(t time.Time) error {
	c.heed(t)
	return c.Conn.SetDeadline(t)
}

// heed notes whether a deadline is long past: net/http ends reads so.
func (c *conn) heed(t time.Time) {
	c.interrupted.Store(!t.IsZero() && t.Before(time.Now().Add(-time.Minute)))
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
