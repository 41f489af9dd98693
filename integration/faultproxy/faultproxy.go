// Package faultproxy is a TCP proxy that fails as networks do: a request or a
// reply is lost and its connection with it, or half of it arrives, or all of it
// late; connections are cut, or stay open and silent.
//
// It knows no protocol. What passes does so in pieces as they come from the
// socket, and a [Rule] sees each piece before it is passed on:
//
//	proxy := faultproxy.Start(t, server.Addr())
//	proxy.LoseReply("evalsha") // the next script runs, and nobody hears of it
//	proxy.LoseRequest("evalsha") // the next script never arrives
//	proxy.Freeze()             // nothing passes, nothing is closed
package faultproxy

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// pieceSize is how much is read from a socket at once.
const pieceSize = 64 << 10

// Piece is what one read from a socket gave.
type Piece struct {
	Connection int // counted from 1
	ToServer   bool
	Data       []byte // valid during the call
}

// Fate is what becomes of a piece. In the zero Fate it is lost.
type Fate struct {
	// Bytes of it arrive. If that is not all, its connection is cut behind them
	// in both directions.
	Bytes int
	After time.Duration // on its way; what follows on that connection waits behind it
}

// Passes is the fate of a piece that arrives whole and at once.
func (p *Piece) Passes() Fate { return Fate{Bytes: len(p.Data)} }

// loses is the fate of a piece that is lost, or not.
func (p *Piece) loses(lost bool) Fate {
	if lost {
		return Fate{}
	}
	return p.Passes()
}

// Rule says what becomes of a piece. It is called by one goroutine at a time.
type Rule func(Piece) Fate

// Proxy stands between clients and one server. It is safe for concurrent use.
type Proxy struct {
	target   string
	listener net.Listener
	pumps    sync.WaitGroup

	mu sync.Mutex

	rule   Rule
	links  map[int]*link
	count  int
	frozen chan struct{} // closed when nothing is frozen
	closed bool
}

// link is a connection of a client and its connection to the server.
type link struct {
	number         int
	client, server net.Conn
}

func (l *link) cut() {
	_ = l.client.Close() // whatever it was doing, it ends
	_ = l.server.Close()
}

// Start starts a proxy before the server at an address. It ends with t.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start a proxy before %s: %v", target, err)
	}
	p := &Proxy{target: target, listener: listener, links: map[int]*link{}, frozen: make(chan struct{})}
	close(p.frozen)
	p.pumps.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr returns the address that clients reach instead of the server's.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close() // as the server would have
			continue
		}
		p.join(client, server)
	}
}

// join lets two connections talk, unless the proxy has ended meanwhile.
func (p *Proxy) join(client, server net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	l := &link{p.count, client, server}
	if p.closed {
		l.cut()
		return
	}
	p.links[l.number] = l
	p.pumps.Go(func() { p.pump(l, true) })
	p.pumps.Go(func() { p.pump(l, false) })
}

// pump passes one direction on, piece by piece, until the link is cut.
func (p *Proxy) pump(l *link, toServer bool) {
	defer p.drop(l)
	from, to := l.server, l.client
	if toServer {
		from, to = l.client, l.server
	}
	room := make([]byte, pieceSize)
	for {
		n, err := from.Read(room)
		if err != nil {
			return
		}
		p.thawed()
		fate := p.fate(Piece{l.number, toServer, room[:n]})
		time.Sleep(fate.After)
		if _, err := to.Write(room[:fate.Bytes]); err != nil || fate.Bytes < n {
			return
		}
	}
}

func (p *Proxy) drop(l *link) {
	l.cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l.number)
}

// thawed returns when nothing is frozen.
func (p *Proxy) thawed() {
	p.mu.Lock()
	frozen := p.frozen
	p.mu.Unlock()
	<-frozen
}

func (p *Proxy) fate(piece Piece) Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rule == nil {
		return piece.Passes()
	}
	return p.rule(piece)
}

// Set makes every piece pass a rule; nil lets everything through.
func (p *Proxy) Set(rule Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// LoseRequest loses the next request that contains a text, and then no more.
// The text must be within the first piece of the request: a command's name is.
func (p *Proxy) LoseRequest(text string) {
	done := false
	p.Set(func(piece Piece) Fate {
		lost := !done && piece.ToServer && bytes.Contains(piece.Data, []byte(text))
		done = done || lost
		return piece.loses(lost)
	})
}

// LoseReply lets the next request that contains a text through and loses the
// reply to it, and then no more. It sees the reply in whatever comes next on
// that connection, so nothing else may be on its way there.
func (p *Proxy) LoseReply(text string) {
	asked, done := 0, false
	p.Set(func(piece Piece) Fate {
		if asked == 0 && piece.ToServer && bytes.Contains(piece.Data, []byte(text)) {
			asked = piece.Connection
		}
		lost := !done && !piece.ToServer && piece.Connection == asked
		done = done || lost
		return piece.loses(lost)
	})
}

// Cut ends every connection there is. New ones are welcome.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.cut()
	}
}

// Freeze keeps back all that comes from now on; connections stay open, and new
// ones are accepted.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.frozen:
		p.frozen = make(chan struct{})
	default: // it is
	}
}

// Thaw passes on what was kept back, and lets everything through again.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawLocked()
}

func (p *Proxy) thawLocked() {
	select {
	case <-p.frozen:
	default:
		close(p.frozen)
	}
}

// close ends everything, and returns when it has.
func (p *Proxy) close() {
	_ = p.listener.Close() // it only listened
	p.mu.Lock()
	p.closed = true
	p.thawLocked()
	for _, l := range p.links {
		l.cut()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}
