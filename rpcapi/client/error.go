package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	Nearest string        // the method whose name is most like one that there is not; empty if none
	Retry   jsonrpc.Retry // whether to send the same call again
	After   time.Duration // to wait before that; 0 if the supervisor does not know
	Address string        // of the supervisor that answered

	before []AddressError // what became of the call at others that were called first
}

// Error returns the message and the reason.
func (e *Error) Error() string {
	message := e.Message
	if e.Nearest != "" {
		message += "; did you mean " + e.Nearest + "?"
	}
	if e.Reason == "" {
		return fmt.Sprintf("%s (%d)", message, e.Number)
	}
	return fmt.Sprintf("%s (%s)", message, e.Reason)
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
		out.Reason, out.Retry, out.Pointer, out.Nearest = d.Reason, d.Retry, d.Pointer, d.Nearest
		out.After = time.Duration(d.AfterMS) * time.Millisecond
	}
	return out
}

// UnreachableError says that no supervisor could be called, or that its answer
// was lost on the way: nobody knows whether the call was carried out.
type UnreachableError struct{ Failures []AddressError }

// Error says why, for each that was called.
func (e *UnreachableError) Error() string {
	texts := make([]string, len(e.Failures))
	for i := range e.Failures {
		texts[i] = e.Failures[i].Error()
	}
	return "no supervisor answers: " + strings.Join(texts, "; ")
}

// Unwrap returns why.
func (e *UnreachableError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i := range e.Failures {
		errs[i] = e.Failures[i].Err
	}
	return errs
}

// AddressError is what became of a call at an address.
type AddressError struct {
	Address string // empty where it is not known
	Err     error
}

// Error returns "http://127.0.0.1:3030: why".
func (e *AddressError) Error() string {
	if e.Address == "" {
		return e.Err.Error()
	}
	return e.Address + ": " + e.Err.Error()
}

// Unwrap returns why.
func (e *AddressError) Unwrap() error { return e.Err }

// GaveUpError says that a call was sent again and again, to several supervisors,
// and what each of them said last. It unwraps to the last error of all.
type GaveUpError struct {
	Last error
	Said []AddressError // by address, in the order of the configuration
}

// Error returns the last error, and what the others said.
func (e *GaveUpError) Error() string {
	var text strings.Builder
	text.WriteString(e.Last.Error())
	text.WriteString("; every supervisor was asked:")
	for i := range e.Said {
		text.WriteString("\n  " + e.Said[i].Error())
	}
	return text.String()
}

// Unwrap returns the last error.
func (e *GaveUpError) Unwrap() error { return e.Last }

// trail is what supervisors said to one call, by address.
type trail map[string]error

// add remembers what an error says.
func (t trail) add(err error) {
	if e, ok := errors.AsType[*Error](err); ok {
		t.addAll(e.before)
		t[e.Address] = e
	} else if e, ok := errors.AsType[*UnreachableError](err); ok {
		t.addAll(e.Failures)
	}
}

func (t trail) addAll(failures []AddressError) {
	for _, f := range failures {
		t[f.Address] = f.Err
	}
}

// end returns the error of a call that is sent no more.
func (t trail) end(last error, addresses []string) error {
	var said []AddressError
	for _, address := range addresses {
		if err, ok := t[address]; ok {
			said = append(said, AddressError{address, err})
		}
	}
	// One who said no, or of whom all is said already, needs no list.
	if _, unreachable := errors.AsType[*UnreachableError](last); len(said) < 2 || unreachable && len(said) == len(addresses) {
		return last
	}
	return &GaveUpError{last, said}
}

// stillRunning is the reason of a wait that was in vain: the next one begins at
// once, and is no retry.
const stillRunning = "still_running"

// queueDrained is the reason of who submits a job for a queue that takes none.
const queueDrained = "queue_drained"

// retryAfter says whether the same call may help, and how long to wait at
// least.
func retryAfter(err error) (after time.Duration, again bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		passes := e.Reason != stillRunning && e.Reason != queueDrained // that is for a person to end
		return e.After, e.Retry != jsonrpc.RetryNo && passes
	}
	_, unreachable := errors.AsType[*UnreachableError](err)
	return 0, unreachable && !errors.Is(err, context.Canceled)
}
