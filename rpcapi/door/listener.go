package door

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// listener lets in as many connections as there may be.
type listener struct {
	net.Listener
	secret   bool // what comes is TLS, which nobody is answered in without a handshake
	refusals chan struct{}
	guests   guests
}

func newListener(inner net.Listener, cfg Config) *listener {
	return &listener{
		Listener: inner, secret: cfg.Certificate != nil, refusals: make(chan struct{}, maxRefusals),
		guests: guests{most: cmp.Or(cfg.Connections, 1024), ofOne: cmp.Or(cfg.PerAddress, 512), from: map[string]int{}},
	}
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := Origin(inner.RemoteAddr().String())
		if l.guests.enter(address) {
			return newConn(inner, func() { l.guests.leave(address) }), nil
		}
		l.refuse(inner)
	}
}

// Bounds of what is spent on connections that are not let in.
const (
	maxRefusals = 64          // that are answered at the same time; more are just closed
	refusalTime = time.Second // for such a one
	refusalRead = 64 << 10    // bytes of what it sends
)

const refusal = `{"jsonrpc":"2.0","error":{"code":-32010,"message":"too many connections are open: come back later, or use fewer",` +
	`"data":{"reason":"connections","retry":"later","after_ms":1000}},"id":null}`

// refuse answers the request of a connection above the limits and closes it.
func (l *listener) refuse(c net.Conn) {
	select {
	case l.refusals <- struct{}{}:
	default:
		_ = c.Close() // nobody waits for what it says
		return
	}
	go func() {
		defer func() { <-l.refusals }()
		defer func() { _ = c.Close() }() // nobody waits for what it says
		_ = c.SetDeadline(time.Now().Add(refusalTime))
		if l.secret {
			return
		}
		// An answer before the question is no answer to it.
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal)
		// What is not read when a connection is closed takes the answer along.
		if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(c, refusalRead))
		}
	}()
}

// guests are how many connections there are.
type guests struct {
	most, ofOne int

	mu sync.Mutex

	all  int
	from map[string]int
}

func (g *guests) enter(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.most || g.from[address] >= g.ofOne {
		return false
	}
	g.all++
	g.from[address]++
	return true
}

func (g *guests) leave(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.from[address]--; g.from[address] == 0 {
		delete(g.from, address)
	}
}

// Origin returns what a remote address is limited by: the host, and of IPv6 the
// network of 64 bits that one customer has to himself.
func Origin(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap(); ip.Is6() {
		network, _ := ip.WithZone("").Prefix(64) // an IPv6 address has 128 bits
		return network.String()
	}
	return ip.String()
}
