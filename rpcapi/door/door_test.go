package door

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener within the test's own time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

// dial connects; addresses of pipes are all the same.
func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (g *guests) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all
}

// house serves greetings, and large answers at /large, behind a door.
func house(cfg Config) (dial func() net.Conn, guard *listener, closeHouse func()) {
	p := newPipes()
	l := newListener(p, cfg)
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/large" {
			body = make([]byte, 1<<20)
		}
		_, _ = w.Write(append([]byte("hello "), body...))
	}), nil)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l) // until it is closed
	}()
	return p.dial, l, func() { server.Close(); <-served }
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func status(t *testing.T, c net.Conn) (code int, body string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, string(text)
}

// Connections above the limits are answered so that a program understands it, and
// one that ends makes room for another.
func TestConnections(t *testing.T) {
	for name, cfg := range map[string]Config{
		"in all":         {Connections: 2},
		"of one address": {PerAddress: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, l, closeHouse := house(cfg)
				defer closeHouse()
				first, second, third := dial(), dial(), dial()
				go func() { _, _ = io.WriteString(third, get) }() // its answer is what counts
				if code, body := status(t, third); code != 503 || !strings.Contains(body, `"code":-32010`) || !strings.Contains(body, `"after_ms":1000`) {
					t.Errorf("one too many: %d %s", code, body)
				}
				for _, c := range []net.Conn{first, second} {
					go func() { _, _ = io.WriteString(c, get) }()
					if code, _ := status(t, c); code != 200 {
						t.Errorf("at the limit: %d", code)
					}
				}
				first.Close()
				synctest.Wait()
				if l.guests.count() != 1 {
					t.Errorf("%d guests, want 1", l.guests.count())
				}
				fourth := dial()
				go func() { _, _ = io.WriteString(fourth, get) }()
				if code, _ := status(t, fourth); code != 200 {
					t.Errorf("after one left: %d", code)
				}
				second.Close()
				third.Close()
				fourth.Close()
			})
		})
	}
}

// Row 49: ten thousand connections of which most say nothing or a byte a second
// are refused above the limit, and who was let in before is served meanwhile.
func TestACrowdKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, l, closeHouse := house(Config{PerAddress: 20_000})
		defer closeHouse()
		guest := dial()
		var crowd []net.Conn
		for i := range 10_000 {
			c := dial()
			crowd = append(crowd, c)
			go func() {
				if i%2 == 0 {
					_, _ = io.WriteString(c, "G") // and no more
				}
				_, _ = io.Copy(io.Discard, c) // until it is closed
			}()
		}
		synctest.Wait()
		if n := l.guests.count(); n != 1024 {
			t.Errorf("%d guests, want 1024", n)
		}
		begin := time.Now()
		go func() { _, _ = io.WriteString(guest, get) }()
		if code, _ := status(t, guest); code != 200 || time.Since(begin) != 0 {
			t.Errorf("who was there before: %d after %v", code, time.Since(begin))
		}
		guest.Close()
		<-time.After(HeaderTime + refusalTime)
		synctest.Wait()
		if n := l.guests.count(); n != 0 {
			t.Errorf("%d guests are left when their time for a head is over", n)
		}
		for _, c := range crowd {
			c.Close()
		}
	})
}

// One address has its share, and leaves the rest to others.
func TestAddressesAreCountedApart(t *testing.T) {
	g := guests{most: 3, ofOne: 2, from: map[string]int{}}
	for i, step := range []struct {
		address string
		want    bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"c", false}} {
		if got := g.enter(step.address); got != step.want {
			t.Errorf("step %d, %s: %v", i, step.address, got)
		}
	}
	for _, address := range []string{"a", "a", "b"} {
		g.leave(address)
	}
	if g.all != 0 || len(g.from) != 0 {
		t.Errorf("left: %+v", g.from)
	}
}

// A head that comes a byte a second is answered 408 when its time is over, and
// nothing is left of the connection; one that never begins is closed.
func TestSlowHeads(t *testing.T) {
	for name, row := range map[string]struct {
		head string
		want int
	}{
		"a byte a second": {get, 408},
		"nothing":         {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, l, closeHouse := house(Config{})
				defer closeHouse()
				c := dial()
				begin := time.Now()
				var writing sync.WaitGroup
				writing.Go(func() {
					for i := range row.head {
						if _, err := io.WriteString(c, row.head[i:i+1]); err != nil {
							return
						}
						<-time.After(time.Second)
					}
				})
				if code, body := status(t, c); code != row.want {
					t.Errorf("answer %d %s", code, body)
				}
				if took := time.Since(begin); took != HeaderTime {
					t.Errorf("after %v", took)
				}
				synctest.Wait()
				if l.guests.count() != 0 {
					t.Error("the connection is still there")
				}
				c.Close()
				writing.Wait()
			})
		})
	}
}

// Requests that a client sends without waiting for answers are all answered: the
// server ends its own read between two, which is not the client's delay.
func TestPipelinedRequestsAreNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, _, closeHouse := house(Config{})
		defer closeHouse()
		c := dial()
		go func() { _, _ = io.WriteString(c, strings.Repeat(get, 3)) }()
		r := bufio.NewReader(c)
		for i := range 3 {
			answer, err := http.ReadResponse(r, nil)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("answer %d: %v %v", i, answer, err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
		}
		c.Close()
	})
}

// A connection may rest between two requests, for its time.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, l, closeHouse := house(Config{})
		defer closeHouse()
		c := dial()
		for range 2 {
			go func() { _, _ = io.WriteString(c, get) }()
			if code, _ := status(t, c); code != 200 {
				t.Fatalf("status %d", code)
			}
			<-time.After(IdleTime - time.Millisecond)
		}
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if l.guests.count() != 0 {
			t.Error("the connection is still there")
		}
		c.Close()
	})
}

// Whoever asks for much and takes none of it in loses the connection, and the
// supervisor what it kept for him.
func TestAnswersThatNobodyTakesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, l, closeHouse := house(Config{})
		defer closeHouse()
		c := dial()
		if _, err := fmt.Fprint(c, strings.Replace(get, "/ ", "/large ", 1)); err != nil {
			t.Fatal(err)
		}
		<-time.After(AnswerTime - time.Millisecond)
		synctest.Wait()
		if l.guests.count() != 1 {
			t.Error("the connection was closed too early")
		}
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if l.guests.count() != 0 {
			t.Error("the connection is still there")
		}
		c.Close()
	})
}
