package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

const (
	maxReply    = 16 << 20         // bytes; the supervisor's own limit is half
	postTimeout = 60 * time.Second // of one request: longer than a long poll
)

// wires sends messages to whichever supervisor can be reached.
type wires struct {
	http      *http.Client
	addresses []string
	apiKey    string
	current   atomic.Uint32 // place of the address that is called first
}

// request is one call on its way.
type request struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
	ID      int    `json:"id"`
}

// response is one answer.
type response struct {
	Version string         `json:"jsonrpc"`
	Result  jsontext.Value `json:"result"`
	Error   *jsonrpc.Error `json:"error"`
	ID      *int           `json:"id"`
}

// call calls one method once.
func (w *wires) call(ctx context.Context, method string, params, result any) error {
	message, err := json.Marshal(request{"2.0", method, params, 1})
	if err != nil {
		return fmt.Errorf("marshal call of %s: %w", method, err)
	}
	reply, place, err := w.post(ctx, message)
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	var answer response
	if err := json.Unmarshal(reply, &answer); err != nil {
		return fmt.Errorf("call %s: %w", method, notAnAnswer(err))
	}
	if err := w.heed(place, answer.read(result)); err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	return nil
}

// read takes the result out of an answer, or its error.
func (r *response) read(result any) error {
	switch {
	case r.Error != nil:
		return errorOf(r.Error)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		return notAnAnswer(err)
	}
	return nil
}

func notAnAnswer(err error) error {
	return fmt.Errorf("read the answer: is this a supervisor of Horus? %w", err)
}

// heed returns an answer's error. When it says that the supervisor at a place
// does not lead, the next one is called from now on; callers who hear the same
// at the same time move on once.
func (w *wires) heed(place uint32, err error) error {
	if domain.CodeOf(err) == domain.TryAgain && domain.ReasonOf(err) != stillRunning {
		w.current.CompareAndSwap(place, (place+1)%w.places())
	}
	return err
}

func (w *wires) places() uint32 { return uint32(len(w.addresses)) } //nolint:gosec // a list of addresses is short

// post sends a message, to the next address when one cannot be reached, and
// returns the place of the one that answered. A call may so be carried out
// twice, which all calls of this package bear.
func (w *wires) post(ctx context.Context, message []byte) (reply []byte, place uint32, err error) {
	first := w.current.Load()
	var failures []error
	for i := range w.places() {
		place := (first + i) % w.places()
		reply, err := w.postTo(ctx, w.addresses[place], message)
		if err == nil {
			w.current.CompareAndSwap(first, place)
			return reply, place, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, 0, &UnreachableError{errors.Join(failures...)}
}

func (w *wires) postTo(ctx context.Context, address string, message []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(address, "/")+"/rpc", bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if w.apiKey != "" {
		req.Header.Set("Authorization", "Bearer "+w.apiKey)
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	case len(reply) > maxReply:
		return nil, fmt.Errorf("the answer of %s has more than %d bytes", address, maxReply)
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"):
		return nil, fmt.Errorf("%s answers %s", address, resp.Status)
	}
	return reply, nil
}
