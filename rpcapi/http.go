package rpcapi

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// HTTPOptions of [NewHandler].
type HTTPOptions struct {
	jsonrpc.HTTPOptions

	// Ready returns nil when the supervisor can append, and else why not. It
	// is asked by /readyz and must answer at once; nil means always.
	Ready func(ctx context.Context) error
	// Concerns returns sentences for the operator, which /readyz adds; there are
	// none if it is nil. Strangers read them.
	Concerns func() []string
	Gatherer prometheus.Gatherer // of /metrics; there is none if nil
}

// NewHandler serves the API over HTTP: JSON-RPC at / and /rpc, /healthz (the
// process lives), /readyz (it can append) and /metrics. The last three need no
// secret: what must not be seen is kept from the address.
func NewHandler(a *API, o HTTPOptions) http.Handler {
	rpc := jsonrpc.NewHandler(a.server, o.HTTPOptions)
	mux := http.NewServeMux()
	mux.Handle("/{$}", rpc)
	mux.Handle("/rpc", rpc)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if o.Ready != nil {
			if err := o.Ready(r.Context()); err != nil {
				say(w, http.StatusServiceUnavailable, notReady(err))
				return
			}
		}
		words := []string{"ready"}
		if o.Concerns != nil {
			words = append(words, o.Concerns()...)
		}
		say(w, http.StatusOK, strings.Join(words, "\n"))
	})
	if o.Gatherer != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	}
	return mux
}

// notReady says what strangers may know of a reason.
func notReady(err error) string {
	if domain.CodeOf(err) == domain.Internal {
		return "not ready"
	}
	return "not ready: " + err.Error()
}

func say(w http.ResponseWriter, status int, words string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, words+"\n") // whoever left needs no answer
}
