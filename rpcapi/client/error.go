package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Error is what the supervisor answered instead of a result.
type Error struct {
	Code    domain.Code   // what to do about it; [domain.Internal] for errors of the protocol itself
	Number  int           // of JSON-RPC
	Reason  string        // a stable word for programs
	Message string        // a sentence for people
	Pointer string        // RFC 6901, into the parameters; empty if none
	Retry   jsonrpc.Retry // whether to send the same call again
	After   time.Duration // to wait before that; 0 if the supervisor does not know
}

// Error returns the message and the reason.
func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s (%d)", e.Message, e.Number)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Reason)
}

// Unwrap returns the error in the domain's words, so that [domain.CodeOf] and
// [domain.ReasonOf] answer for it.
func (e *Error) Unwrap() error {
	return &domain.Error{Code: e.Code, Reason: e.Reason, Message: e.Message, Pointer: e.Pointer}
}

func errorOf(e *jsonrpc.Error) *Error {
	out := &Error{Number: e.Code, Message: e.Message, Retry: jsonrpc.RetryNo}
	out.Code, _ = jsonrpc.CodeOf(e.Code)
	if e.Code == jsonrpc.CodeRateLimited {
		out.Code = domain.Overloaded // the domain knows no callers
	}
	if d := e.Data; d != nil {
		out.Reason, out.Retry, out.Pointer = d.Reason, d.Retry, d.Pointer
		out.After = time.Duration(d.AfterMS) * time.Millisecond
	}
	return out
}

// UnreachableError says that no supervisor could be called, or that its answer
// was lost on the way: nobody knows whether the call was carried out.
type UnreachableError struct{ Err error }

// Error says why.
func (e *UnreachableError) Error() string { return "no supervisor answers: " + e.Err.Error() }

// Unwrap returns why.
func (e *UnreachableError) Unwrap() error { return e.Err }

// stillRunning is the reason of a wait that was in vain: the next one begins at
// once, and is no retry.
const stillRunning = "still_running"

// retryAfter says whether the same call may help, and how long to wait at
// least.
func retryAfter(err error) (after time.Duration, again bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.After, e.Retry != jsonrpc.RetryNo && e.Reason != stillRunning
	}
	_, unreachable := errors.AsType[*UnreachableError](err)
	return 0, unreachable && !errors.Is(err, context.Canceled)
}
