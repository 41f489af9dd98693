package node

import (
	"context"
	"fmt"
	"net"

	"github.com/herocode/horus/rpcapi/door"
)

// listen opens the address at which this supervisor is called.
func (s *supervisor) listen(ctx context.Context) (net.Listener, error) {
	cfg := door.Config{
		Address: s.cfg.address(), Connections: s.cfg.Limits.Connections, PerAddress: s.cfg.Limits.ConnectionsPerAddress,
	}
	scheme := "http"
	var err error
	if s.cfg.TLS.Cert != "" {
		scheme = "https"
		if cfg.Certificate, err = door.ReadCertificate(s.cfg.TLS.Cert, s.cfg.TLS.Key, s.cfg.Log); err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
	}
	if s.cfg.TLS.CA != "" {
		if s.trusted, err = door.Authorities(s.cfg.TLS.CA); err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
	}
	listener, err := door.Listen(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot listen; --port chooses another port: %w", err)
	}
	s.url = scheme + "://" + listener.Addr().String()
	if at, ok := listener.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() && cfg.Certificate == nil {
		s.cfg.Log.WarnContext(ctx, "calls from other machines come in unencrypted, and their API keys with them: "+
			"give --tls-cert and --tls-key, or listen on 127.0.0.1 alone, behind a proxy that speaks TLS", "address", at)
	}
	return listener, nil
}

// local is the address at which horus on this machine calls this supervisor: of
// one that speaks TLS it bears the name that its certificate is for.
func (s *supervisor) local() string {
	if s.cfg.TLS.Cert != "" {
		return s.advertised()
	}
	return s.url
}
