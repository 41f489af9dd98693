// Package relay passes calls on to the supervisor that leads, for one that does
// not: whoever calls any of them is answered.
//
//	r := relay.New(relay.Config{Name: "s2", Guide: guide})
//	server, err := jsonrpc.New(methods, jsonrpc.Options{Relay: r})
//
// A call travels at most once from a supervisor to another, in the name and with
// the credentials of its own caller; calls of one message travel in one. While
// nobody leads a call waits a moment, because soon somebody does. Nothing is sent
// twice that may have been carried out: then the caller is told so, and decides.
package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Limits.
const (
	// Patience is how long a call waits for somebody to lead: about as long as
	// a stand-by needs to find that the leader is gone, and to take over.
	Patience = 3 * time.Second
	// answerTime is how long a leader may take, who himself waits ten seconds
	// for the store. Calls that wait by their nature have no such bound; they
	// end with their leader's term.
	answerTime = 15 * time.Second
	dialTime   = 2 * time.Second

	maxMessages = 256      // on their way or waiting
	maxLong     = 128      // of those, with calls that wait by their nature
	maxBytes    = 64 << 20 // of all their parameters
	maxReply    = 9 << 20  // bytes of a message of answers; the leader's own limit is 8 MiB
	idleConns   = 32       // that are kept
)

// Leader is who leads, as the history says.
type Leader struct {
	Here    bool // this supervisor itself; the rest is not set
	Name    domain.Name
	Address string // URL
	Term    uint64
	Over    <-chan struct{} // closed once the term is known to be over
}

// Guide knows who leads. It is safe for concurrent use.
type Guide interface {
	// Here reports at once whether this supervisor leads.
	Here() bool
	// Leader returns who leads in a term above the one given. It waits for
	// that as long as ctx lasts, and says then who led last. Other errors say
	// that waiting is in vain.
	Leader(ctx context.Context, above uint64) (Leader, error)
}

// Config of a relay. All fields are required but Self, Stopping
// and Authorities.
type Config struct {
	Name     domain.Name // of this supervisor
	Self     string      // URL of this supervisor: a leader who gives the same address is somewhere else
	Guide    Guide
	Stopping <-chan struct{} // closed when the program is to end
	// Authorities are whom the leader's TLS certificate is believed by; the
	// system's if nil.
	Authorities *x509.CertPool
}

// Relay passes calls on. It is safe for concurrent use.
type Relay struct {
	cfg  Config
	http *http.Client

	mu sync.Mutex

	messages, long, bytes int // on their way
}

var _ jsonrpc.Relay = (*Relay)(nil)

// New makes a relay.
func New(cfg Config) *Relay {
	transport := &http.Transport{ // no proxy: supervisors call each other
		DialContext:         (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSHandshakeTimeout: dialTime,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Authorities},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: idleConns,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	return &Relay{cfg: cfg, http: &http.Client{
		Transport: transport,
		// Credentials go where the history says, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close gives up the connections that are kept.
func (r *Relay) Close() { r.http.CloseIdleConnections() }

// Here implements [jsonrpc.Relay].
func (r *Relay) Here() bool { return r.cfg.Guide.Here() }

// Pass implements [jsonrpc.Relay].
func (r *Relay) Pass(ctx context.Context, calls []jsonrpc.Outgoing) []jsonrpc.Answer {
	p := &passage{relay: r, calls: calls, answers: make([]jsonrpc.Answer, len(calls))}
	for i := range calls {
		p.pending = append(p.pending, i)
		p.bytes += len(calls[i].Params)
		p.waits = p.waits || calls[i].Method.Waits
	}
	if !r.enter(p) {
		p.refuse(jsonrpc.RetryAfter(domain.Errorf(domain.Overloaded, "relay_full",
			"too many calls are being passed on to the leader: come back later, or call the leader"), againAfter))
		return p.answers
	}
	defer r.leave(p)
	p.travel(ctx)
	return p.answers
}

// enter makes room for a passage, if there is any.
func (r *Relay) enter(p *passage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.messages >= maxMessages || p.waits && r.long >= maxLong || r.bytes+p.bytes > maxBytes {
		return false
	}
	r.count(p, 1)
	return true
}

func (r *Relay) leave(p *passage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(p, -1)
}

func (r *Relay) count(p *passage, n int) {
	r.messages += n
	r.bytes += n * p.bytes
	if p.waits {
		r.long += n
	}
}

// passage is the calls of one message on their way.
type passage struct {
	relay   *Relay
	calls   []jsonrpc.Outgoing
	answers []jsonrpc.Answer
	pending []int // calls that nobody answered yet
	bytes   int
	waits   bool
}

// refuse answers all that is pending with an error.
func (p *passage) refuse(err error) {
	for _, i := range p.pending {
		p.answers[i] = jsonrpc.Answer{Err: err}
	}
	p.pending = nil
}

// travel has all calls answered: by whoever leads, or by the one who takes over
// from a leader that nothing could be sent to, or that did not lead any more.
func (p *passage) travel(ctx context.Context) {
	waiting, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var tried uint64
	var before error // why the leader of that term did not answer
	for len(p.pending) > 0 {
		leader, err := p.relay.cfg.Guide.Leader(waiting, tried)
		switch {
		case err != nil && before != nil && domain.CodeOf(err) == domain.TryAgain:
			p.refuse(before)
			return
		case err != nil:
			p.refuse(err)
			return
		case leader.Here:
			p.stay()
			return
		case jsonrpc.CallerFrom(ctx).Relayed != "":
			p.refuse(again("not_leader", "this call was passed on to supervisor %s, which does not lead: %s does, at %s",
				p.relay.cfg.Name, leader.Name, leader.Address))
			return
		}
		tried, before = leader.Term, p.exchange(ctx, leader)
		if before != nil && !errors.Is(before, errUnsent) {
			p.refuse(before)
		}
	}
}

// stay leaves all that is pending to this supervisor.
func (p *passage) stay() {
	for _, i := range p.pending {
		p.answers[i] = jsonrpc.Answer{Here: true}
	}
	p.pending = nil
}

// againAfter is when a leader may have been found that was not there: the time
// between two beats.
const againAfter = 500 * time.Millisecond

// again makes an error that says that nothing was done and may be soon.
func again(reason, format string, args ...any) error {
	return jsonrpc.RetryAfter(domain.Errorf(domain.TryAgain, reason, format, args...), againAfter)
}
