package node

import (
	"io"
	"net/http"
	"sync/atomic"
)

// front answers calls from the first moment on: that this supervisor waits for
// Redis, and then what its face says.
type front struct{ face atomic.Pointer[http.Handler] }

func (f *front) open(face http.Handler) { f.face.Store(&face) }

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if face := f.face.Load(); face != nil {
		(*face).ServeHTTP(w, r)
		return
	}
	status, words := http.StatusServiceUnavailable, "not ready: waiting for Redis\n"
	if r.URL.Path == "/healthz" {
		status, words = http.StatusOK, "ok\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, words) // whoever left needs no answer
}
