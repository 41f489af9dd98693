package supervise

import (
	"github.com/spf13/pflag"

	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/rpcapi"
)

// addLimits defines a flag for every limit that can be changed.
func addLimits(f *pflag.FlagSet, l *rpcapi.Limits) {
	*l = l.WithDefaults()
	for _, limit := range []struct {
		n           *int
		name, usage string
	}{
		{&l.Message, "limit-body", "bytes of a message"},
		{&l.Batch, "limit-batch", "calls in a batch"},
		{&l.CallsPerSecond, "limit-calls", "calls a second of one API key, or of one address without a key"},
		{&l.Waits, "limit-waits", "calls that wait for something at the same time"},
		{&l.WaitsPerKey, "limit-waits-per-key", "of those, with one API key"},
		{&l.Submits, "limit-submits", "jobs on their way into the history at the same time"},
		{&l.Bodies, "limit-bodies", "bytes of all messages above 64 KiB that are read or answered at the same time"},
		{&l.Connections, "limit-connections", "connections at the same time"},
		{&l.ConnectionsPerAddress, "limit-connections-per-address", "of those, from one address; more for a proxy"},
	} {
		f.IntVar(limit.n, limit.name, *limit.n, limit.usage)
	}
}

// addTLS defines the flags of TLS.
func addTLS(f *pflag.FlagSet, t *node.TLS) {
	f.StringVar(&t.Cert, "tls-cert", "", "file of a TLS certificate with its chain, in PEM; calls come in unencrypted without one")
	f.StringVar(&t.Key, "tls-key", "", "file of its private key, in PEM")
	f.StringVar(&t.CA, "tls-ca", "", "file of certificates that other supervisors' are believed by, in PEM (default: the system's)")
}
