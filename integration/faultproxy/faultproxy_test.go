package faultproxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/herocode/horus/integration/faultproxy"
)

// server answers each line with "did <line>", and remembers what it did.
type server struct {
	listener net.Listener

	mu sync.Mutex

	did []string
}

func serve(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener: listener}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.answer(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); open.Wait() })
	return s
}

func (s *server) answer(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		s.mu.Lock()
		s.did = append(s.did, lines.Text())
		s.mu.Unlock()
		if _, err := fmt.Fprintf(conn, "did %s\n", lines.Text()); err != nil {
			return
		}
	}
}

func (s *server) done() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.did)
}

// client is a connection through the proxy.
type client struct {
	t       *testing.T
	conn    net.Conn
	replies *bufio.Reader
}

func dial(t *testing.T, p *faultproxy.Proxy) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) ask(line string) {
	c.t.Helper()
	c.send(line)
	if got, err := c.replies.ReadString('\n'); err != nil || got != "did "+line+"\n" {
		c.t.Fatalf("%s: got %q, %v", line, got, err)
	}
}

// cut requires that the connection ends without another byte.
func (c *client) cut() {
	c.t.Helper()
	if got, _ := io.ReadAll(c.replies); len(got) != 0 {
		c.t.Errorf("got %q before the end", got)
	}
}

func TestLostRequest(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	c := dial(t, p)
	c.ask("one")
	p.LoseRequest("two")
	c.ask("three")
	c.send("two")
	c.cut()
	dial(t, p).ask("two")
	if got := s.done(); got != "[one three two]" {
		t.Errorf("the server did %s", got)
	}
}

func TestLostReply(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	c, other := dial(t, p), dial(t, p)
	p.LoseReply("two")
	c.ask("one")
	c.send("two")
	c.cut()
	other.ask("three")
	dial(t, p).ask("two")
	if got := s.done(); got != "[one two three two]" {
		t.Errorf("the server did %s", got)
	}
}

func TestCut(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	c, other := dial(t, p), dial(t, p)
	c.ask("one")
	other.ask("two")
	p.Cut()
	c.cut()
	other.cut()
	dial(t, p).ask("three")
}

func TestFreezeKeepsBackAndThawPassesOn(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	c := dial(t, p)
	c.ask("one")
	p.Freeze()
	p.Freeze()
	c.send("two")
	if got := s.done(); got != "[one]" {
		t.Errorf("while frozen the server did %s", got)
	}
	p.Thaw()
	p.Thaw()
	if got, err := c.replies.ReadString('\n'); err != nil || got != "did two\n" {
		t.Errorf("after the thaw: got %q, %v", got, err)
	}
}

func TestServerThatIsGone(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	s.listener.Close()
	dial(t, p).cut()
}

func TestRuleSeesEveryPiece(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	var seen []string
	p.Set(func(piece faultproxy.Piece) faultproxy.Fate {
		seen = append(seen, fmt.Sprintf("%d %v %s", piece.Connection, piece.ToServer, piece.Data))
		return piece.Passes()
	})
	dial(t, p).ask("one")
	p.Set(nil)
	if got := fmt.Sprint(seen); got != "[1 true one\n 1 false did one\n]" {
		t.Errorf("the rule saw %q", got)
	}
}

// A reply that breaks off, and a request of which the server hears only the
// beginning.
func TestHalfAPiece(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	for _, toServer := range []bool{false, true} {
		c := dial(t, p)
		c.ask("one")
		p.Set(func(piece faultproxy.Piece) faultproxy.Fate {
			fate := piece.Passes()
			if piece.ToServer == toServer {
				fate.Bytes = 4
			}
			return fate
		})
		c.send("1\n2\n3")
		if got, _ := io.ReadAll(c.replies); !toServer && string(got) != "did " {
			t.Errorf("got %q, want the reply's first 4 bytes", got)
		}
		p.Set(nil)
	}
	dial(t, p).ask("end")
	// A cut connection may take along what the server had not read yet.
	if got := s.done(); !strings.HasPrefix(got, "[one 1 2 3 one ") || strings.Count(got, "3") != 1 {
		t.Errorf("the server did %s; of the second request it should have heard 1 and 2 at most", got)
	}
}

func TestLatePieceArrives(t *testing.T) {
	s := serve(t)
	p := faultproxy.Start(t, s.listener.Addr().String())
	const late = 20 * time.Millisecond
	p.Set(func(piece faultproxy.Piece) faultproxy.Fate {
		fate := piece.Passes()
		fate.After = late
		return fate
	})
	began := time.Now()
	dial(t, p).ask("one")
	if took := time.Since(began); took < 2*late {
		t.Errorf("there and back took %s, want at least %s", took, 2*late)
	}
}
