package door

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files of a certificate are looked at, at most.
const lookEvery = time.Second

// Certificate is a TLS certificate and its private key in two files. They are
// read again when they change, so that a renewed one needs no restart; as long
// as the new ones cannot be used the old ones are. It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu sync.Mutex

	pair   *tls.Certificate
	read   stamps // of the files when they were read last
	looked time.Time
	said   string // why the files of now cannot be used; empty when they can
}

// stamps tell whether two files changed.
type stamps [2]struct {
	at   time.Time
	size int64
}

// ReadCertificate reads a certificate with its chain and its key, both in PEM. The log hears of
// renewals.
func ReadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log, looked: time.Now()}
	var err error
	if c.read, err = c.stamps(); err != nil {
		return nil, err
	}
	if c.pair, err = c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Certificate) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if _, missing := errors.AsType[*fs.PathError](err); missing {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s and %s are no certificate and its key, both in PEM: %w", c.certFile, c.keyFile, err)
	}
	return &pair, nil
}

func (c *Certificate) stamps() (s stamps, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i].at, s[i].size = info.ModTime(), info.Size()
	}
	return s, nil
}

// get returns the certificate of now, for a handshake.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		c.renew()
	}
	return c.pair, nil
}

// renew reads the files again when they changed. Half of a renewal, where one
// file is new and the other is not, is no pair, and is said once.
func (c *Certificate) renew() {
	now, err := c.stamps()
	if err == nil && now == c.read {
		return
	}
	var pair *tls.Certificate
	if err == nil {
		c.read = now
		pair, err = c.load()
	}
	if err != nil {
		if c.said != err.Error() {
			c.said = err.Error()
			c.log.WarnContext(context.Background(), "the TLS certificate changed and cannot be used; going on with the one before", "error", err)
		}
		return
	}
	c.pair, c.said = pair, ""
	c.log.InfoContext(context.Background(), "the TLS certificate was renewed", "until", pair.Leaf.NotAfter)
}

// Authorities reads certificates in PEM, whose holders are believed instead of
// those that the system believes: a private certificate authority.
func Authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}
