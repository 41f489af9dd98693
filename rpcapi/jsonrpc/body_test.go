package jsonrpc_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// posting sends a body that a test writes bit by bit.
func posting(h http.Handler) (body *io.PipeWriter, answer <-chan *httptest.ResponseRecorder) {
	read, write := io.Pipe()
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", read)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		_ = read.Close() // nobody reads on
		done <- w
	}()
	return write, done
}

// All large bodies share some memory. Who comes when it is used up is sent away,
// small ones and those that were there first are answered, and what they had is
// free again.
func TestBodiesShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const free, shared = 64 << 10, 100 << 10
		h := jsonrpc.NewHandler(newServer(t, jsonrpc.Options{}), jsonrpc.HTTPOptions{Bodies: shared})
		padded := func(size int) string { return withID("1") + strings.Repeat(" ", size-len(withID("1"))) }
		for round := range 2 {
			first, answer := posting(h)
			_, _ = io.WriteString(first, padded(free+shared)) // all of it
			synctest.Wait()

			small, smalls := posting(h)
			_, _ = io.WriteString(small, padded(free))
			small.Close()
			if w := <-smalls; w.Code != 200 {
				t.Errorf("round %d, a small one: %d %s", round, w.Code, w.Body)
			}
			second, refused := posting(h)
			_, _ = io.WriteString(second, padded(free+1))
			w := <-refused
			if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
				t.Errorf("round %d, one too many: %d %v", round, w.Code, w.Header())
			}
			same(t, w.Body.String(), `{"jsonrpc":"2.0","error":{"code":-32010,"message":"too many large messages are being answered: come back later",`+
				`"data":{"reason":"bodies","retry":"later","after_ms":1000}},"id":null}`)

			first.Close()
			if w := <-answer; w.Code != 200 {
				t.Errorf("round %d, the first one: %d %s", round, w.Code, w.Body)
			}
		}
	})
}
