package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

const maxReply = 16 << 20 // bytes; the supervisor's own limit is half

// How long one supervisor may take to answer.
const (
	longTime  = 60 * time.Second // a call that waits: longer than a long poll
	usualTime = 20 * time.Second // longer than it waits for its store, and for a leader
	// nextTime is for a supervisor that is not the only one: whoever stands
	// still should not be waited for when another can be asked.
	nextTime = 5 * time.Second
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
	reply, from, err := w.post(ctx, message, w.patience(method))
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	var answer response
	if err := json.Unmarshal(reply, &answer); err != nil {
		return fmt.Errorf("call %s: %w", method, notAnAnswer(err))
	}
	if err := w.heed(from, answer.read(result)); err != nil {
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

// patience is how long one supervisor may take to answer a call.
func (w *wires) patience(method string) time.Duration {
	switch method {
	case "job.wait", "job.run", "job.result", "events.read":
		return longTime
	}
	if w.places() > 1 {
		return nextTime
	}
	return usualTime
}

// sender is the place of the supervisor that answered, and what became of the
// message at those that were called before.
type sender struct {
	place  uint32
	before []AddressError
}

// heed returns an answer's error, with the address of who answered. When it says
// that the supervisor there can do nothing now, and another perhaps can, the next
// one is called from now on; callers who hear the same at the same time move on
// once.
func (w *wires) heed(from sender, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Address, e.before = w.addresses[from.place], from.before
	}
	if domain.CodeOf(err) == domain.TryAgain && domain.ReasonOf(err) != stillRunning {
		w.current.CompareAndSwap(from.place, (from.place+1)%w.places())
	}
	return err
}

func (w *wires) places() uint32 { return uint32(len(w.addresses)) } //nolint:gosec // a list of addresses is short

// post sends a message, to the next address when one cannot be reached, and
// returns who answered. A call may so be carried out twice, which all calls of
// this package bear.
func (w *wires) post(ctx context.Context, message []byte, patience time.Duration) (reply []byte, from sender, err error) {
	first := w.current.Load()
	var failures []AddressError
	for i := range w.places() {
		place := (first + i) % w.places()
		reply, err := w.postTo(ctx, w.addresses[place], message, patience)
		if err == nil {
			w.current.CompareAndSwap(first, place)
			return reply, sender{place, failures}, nil
		}
		failures = append(failures, AddressError{w.addresses[place], err})
		if ctx.Err() != nil {
			break
		}
	}
	return nil, from, &UnreachableError{failures}
}

func (w *wires) postTo(ctx context.Context, address string, message []byte, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
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
		return nil, unanswered(ctx, err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", unanswered(ctx, err))
	case len(reply) > maxReply:
		return nil, fmt.Errorf("the answer has more than %d bytes", maxReply)
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"):
		return nil, strange(address, resp.Status, reply)
	}
	return reply, nil
}

// strange says what an answer is that is none of ours. Servers that speak TLS
// say so to whoever does not.
func strange(address, status string, reply []byte) error {
	if plain, ok := strings.CutPrefix(address, "http://"); ok && bytes.Contains(reply, []byte("HTTPS")) {
		return fmt.Errorf("it answers HTTP %s, because it speaks TLS: call it https://%s", status, plain)
	}
	return fmt.Errorf("it answers HTTP %s", status)
}

// unanswered says why a request has no answer, without the address, which
// whoever reports it names.
func unanswered(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return errors.New("it speaks no TLS: its address begins with http://")
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
