// Package door is where calls come in: a listener that bounds connections and
// speaks TLS, and an HTTP server that waits for nobody for long.
//
//	listener, err := door.Listen(ctx, door.Config{Address: "127.0.0.1:3030"})
//	err = door.NewServer(handler, log).Serve(listener)
//
// Strangers can connect, so nothing that one of them does takes much: a head
// that comes too slowly is answered 408, an answer that is not taken in ends its
// connection, and whoever connects when too many have is sent away with an
// answer that programs understand.
package door

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// How long a client may take. The time for a body is package jsonrpc's.
const (
	HeaderTime = 5 * time.Second  // to send the head of a request, or to shake hands over TLS
	IdleTime   = 60 * time.Second // between two requests on a connection
	AnswerTime = 30 * time.Second // to take in 64 KiB of an answer
)

// maxHeader bounds the head of a request.
const maxHeader = 64 << 10

// Config of a listener. Only Address is required.
type Config struct {
	Address     string       // host:port; port 0 for any free one
	Connections int          // at the same time; 1,024 if zero
	PerAddress  int          // of one address, of IPv6 of one network of 64 bits; 512 if zero
	Certificate *Certificate // nil: nothing is encrypted
}

// Listen begins to listen. Connections above the limits get an answer where that
// is possible without TLS, and are closed.
func Listen(ctx context.Context, cfg Config) (net.Listener, error) {
	inner, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Address)
	if err != nil {
		return nil, err
	}
	return guard(inner, cfg), nil
}

// guard makes a listener one of this package.
func guard(inner net.Listener, cfg Config) net.Listener {
	counted := newListener(inner, cfg)
	if cfg.Certificate == nil {
		return counted
	}
	return tls.NewListener(counted, &tls.Config{
		MinVersion:     tls.VersionTLS12, // RFC 9325; 1.3 is spoken with all who can
		GetCertificate: cfg.Certificate.get,
		NextProtos:     []string{"http/1.1"}, // one call at a time on a connection is what connections are counted for
	})
}

// NewServer makes a server for a listener of this package. What strangers do
// wrong, such as a handshake that fails, is for those who log everything; log may
// be nil.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Handler:           h,
		ReadHeaderTimeout: HeaderTime,
		IdleTimeout:       IdleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         answerSlow,
	}
}

const slowAnswer = "the head of the request took longer than %v\n"

// answerSlow answers a connection on which a part of a request came, and the
// rest did not in time. The server says that it is active when it has given up
// reading, and closes it then without a word.
func answerSlow(c net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	late := lateUnder(c)
	if late == nil {
		return
	}
	words := fmt.Sprintf(slowAnswer, HeaderTime)
	_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(words), words)) // whoever left needs no answer
	late.over.Store(true) // the server takes half a line for a bad one, and would say so
}

// lateUnder returns the connection under c if its last read was in vain.
func lateUnder(c net.Conn) *conn {
	if secret, ok := c.(*tls.Conn); ok {
		c = secret.NetConn()
	}
	if counted, ok := c.(*conn); ok && counted.late.Load() {
		return counted
	}
	return nil
}
