package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// post sends a message and returns the answer.
type post func(ctx context.Context, message []byte) ([]byte, error)

// inProcess hands a message to the API as its HTTP handler does. In what is
// measured are reading it strictly, looking up the API key, pacing it,
// validating, checking signatures, deciding, committing, writing the answer and
// counting the call; out are the network and HTTP itself: heads, connections
// and their limits.
func (s *system) inProcess(ctx context.Context, message []byte) ([]byte, error) {
	caller := jsonrpc.Caller{Bearer: s.secret, Remote: "127.0.0.1:1"}
	return s.api.Server().Handle(jsonrpc.WithCaller(ctx, caller), message), nil
}

// overHTTP posts a message on one of the connections that are kept.
func (s *system) overHTTP(ctx context.Context, message []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.secret)
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	return io.ReadAll(response.Body)
}

// good returns why not all jobs of a message were taken in.
func good(answer []byte) error {
	if !bytes.Contains(answer, []byte(`"error":`)) {
		return nil
	}
	const enough = 300
	return fmt.Errorf("a job was refused: %.*s", enough, answer)
}

// submitAll sends messages from so many callers, each one after the other, and
// returns when all of their jobs are in a state.
func (s *system) submitAll(ctx context.Context, m mail, callers int, post post, state job.Status) error {
	return s.submitted(ctx, m.jobs, state, func() error {
		return eachOf(len(m.bodies), callers, func(i int) error {
			return deliver(ctx, m.bodies[i], post)
		})
	})
}

// attempts is how often a message is sent at most.
const attempts = 5

// deliver sends a message, and the same again while it may have been carried out,
// as clients do.
func deliver(ctx context.Context, message []byte, post post) error {
	for attempt := 1; ; attempt++ {
		answer, err := post(ctx, message)
		if err != nil {
			return err
		}
		if attempt == attempts || !bytes.Contains(answer, []byte(`"retry":"same-id"`)) {
			return good(answer)
		}
	}
}

// submitted does something that submits n jobs, and returns when they are in a
// state.
func (s *system) submitted(ctx context.Context, n int, state job.Status, do func() error) error {
	before, err := s.count(ctx, state)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.await(ctx, state, before+int64(n))
}

// gather submits jobs with the client library, which signs and sends together
// what is submitted at the same time.
func (s *system) gather(ctx context.Context, key signing.PrivateKey, l load, callers int) error {
	c, err := s.client(s.url, key)
	if err != nil {
		return err
	}
	pattern := client.NewJob(l.payloadText()).Runner(runnerID)
	return s.submitted(ctx, l.jobs, job.Done, func() error {
		return eachOf(l.jobs, callers, func(int) error {
			_, err := c.Submit(ctx, pattern)
			return err
		})
	})
}

// eachOf calls do with 0 … n-1 from so many callers, and returns the first
// error.
func eachOf(n, callers int, do func(i int) error) error {
	var next atomic.Int64
	var running sync.WaitGroup
	failed := make(chan error, callers)
	for range callers {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	running.Wait()
	close(failed)
	return <-failed
}
