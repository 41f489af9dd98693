package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
)

// tally counts what supervisors answered instead of a result, and what answers
// never came, before the client makes something of it. It is safe for concurrent
// use.
type tally struct {
	mu sync.Mutex

	errors map[string]int // by code and reason
	calls  int            // messages that were sent
}

func newTally() *tally { return &tally{errors: map[string]int{}} }

// counts returns a copy.
func (t *tally) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.errors)
}

// sent is how many messages were.
func (t *tally) sent() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls
}

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[what]++
}

// transport returns one of a client's own that counts.
func (t *tally) transport() http.RoundTripper {
	inner := http.DefaultTransport.(*http.Transport).Clone()
	inner.MaxIdleConnsPerHost = each * 2
	return counting{t, inner}
}

type counting struct {
	*tally
	inner http.RoundTripper
}

// RoundTrip sends a message and looks at its answer.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	response, err := c.inner.RoundTrip(r)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close() // it was read
		response.Body = io.NopCloser(bytes.NewReader(body))
		if err == nil {
			c.read(body)
			return response, nil
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		c.add("no answer in time")
	} else {
		c.add("no connection, or it broke")
	}
	return nil, err
}

// stillRunning is what job.wait answers when its time is over: no error.
const stillRunning = "still_running"

// read counts the errors in an answer, of one call or of several.
func (c counting) read(body []byte) {
	type answer struct {
		Error *struct {
			Code int
			Data struct{ Reason string }
		}
	}
	answers := make([]answer, 1)
	if json.Unmarshal(body, &answers) != nil && json.Unmarshal(body, &answers[0]) != nil {
		c.add("an answer that is none")
		return
	}
	for _, a := range answers {
		if e := a.Error; e != nil && e.Data.Reason != stillRunning {
			c.add(strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Data.Reason)))
		}
	}
}
