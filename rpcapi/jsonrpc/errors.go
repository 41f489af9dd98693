package jsonrpc

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
)

// The numbers of the JSON-RPC 2.0 specification, section 5.1.
const (
	CodeParse          = -32700 // not JSON, or not the JSON that we accept
	CodeInvalidRequest = -32600 // JSON, but not a request
	CodeMethodNotFound = -32601
	CodeInvalidParams  = -32602
	CodeInternal       = -32603 // a defect of ours; never caused by input
)

// The numbers of Horus, in the range that the specification leaves to servers.
const (
	CodeUnauthenticated = -32001
	CodeForbidden       = -32002
	CodeNotFound        = -32003
	CodeConflict        = -32004
	CodeExpired         = -32005
	CodeRateLimited     = -32006
	CodeTooLarge        = -32007
	CodeStale           = -32008
	CodeNotDurable      = -32009
	CodeOverloaded      = -32010
	CodeTryAgain        = -32011
	CodeHalted          = -32012
	CodeIndeterminate   = -32013
)

// Retry tells a client whether to send the same call again.
type Retry string

// The answers to "shall I try again?".
const (
	RetryNo     Retry = "no"      // the same call will fail again
	RetryLater  Retry = "later"   // nothing was done; send it again after a while
	RetrySameID Retry = "same-id" // it may have been done; only the same id is safe
)

// Number returns the JSON-RPC error number of a code. There is no other map
// between the two.
func Number(code domain.Code) int {
	number, _ := meaning(code)
	return number
}

// CodeOf returns the code of a number, and false for those of the specification
// itself. Clients read answers with it.
func CodeOf(number int) (domain.Code, bool) {
	for code := domain.Internal; code <= domain.Indeterminate; code++ {
		if Number(code) == number {
			return code, true
		}
	}
	return domain.Internal, false
}

func meaning(code domain.Code) (int, Retry) {
	switch code {
	case domain.Invalid:
		return CodeInvalidParams, RetryNo
	case domain.Unauthenticated:
		return CodeUnauthenticated, RetryNo
	case domain.Forbidden:
		return CodeForbidden, RetryNo
	case domain.NotFound:
		return CodeNotFound, RetryNo
	case domain.Conflict:
		return CodeConflict, RetryNo
	case domain.Expired:
		return CodeExpired, RetryNo
	case domain.TooLarge:
		return CodeTooLarge, RetryNo
	case domain.Stale:
		return CodeStale, RetryNo
	case domain.NotDurable:
		return CodeNotDurable, RetrySameID
	case domain.Overloaded:
		return CodeOverloaded, RetryLater
	case domain.TryAgain:
		return CodeTryAgain, RetryLater
	case domain.Halted:
		return CodeHalted, RetryNo
	case domain.Indeterminate:
		return CodeIndeterminate, RetrySameID
	case domain.Internal:
	}
	return CodeInternal, RetryNo
}

// Error is the error object of a JSON-RPC answer. Methods return errors of
// package domain; an Error that one returns is sent as it is.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    *Data  `json:"data,omitempty"` // nil where the specification's own words say it all
}

// Data is what programs read in an [Error].
type Data struct {
	Reason  string `json:"reason"` // a stable word
	Retry   Retry  `json:"retry"`
	AfterMS int64  `json:"after_ms,omitzero"` // milliseconds to wait before a retry; 0 if unknown
	Pointer string `json:"pointer,omitempty"` // RFC 6901, into params; for -32600 into the request, for -32700 into the message
	Nearest string `json:"nearest,omitempty"` // the method whose name is most like one that there is not
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// RateLimited makes the answer to a caller who calls too often: -32006, to be
// tried again after the time given.
func RateLimited(after time.Duration) *Error {
	return &Error{
		Code:    CodeRateLimited,
		Message: "too many calls; slow down",
		Data:    &Data{Reason: "rate_limited", Retry: RetryLater, AfterMS: milliseconds(after)},
	}
}

// RetryAfter adds to err the time after which a retry has a chance. It becomes
// data.after_ms of the answer.
func RetryAfter(err error, after time.Duration) error {
	return &delayed{error: err, after: after}
}

type delayed struct {
	error
	after time.Duration
}

func (d *delayed) Unwrap() error { return d.error }

// milliseconds rounds up, so that no client comes back too early.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// Bounds of what an error says, so that it never echoes much of the input and
// that errorRoom holds any of them.
const (
	maxMessageBytes = 256
	maxReasonBytes  = 64
	maxPointerBytes = 128
)

// ErrorOf returns the error object that answers an error of a method, for methods
// whose result holds several. secret says that a log needs to know more than the
// caller: err was nothing that anybody promised.
func ErrorOf(err error) (answer *Error, secret bool) { return errorOf(err, true) }

// errorOf returns the answer for err, and whether the log needs to know more
// than the caller.
func errorOf(err error, mutates bool) (answer *Error, secret bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, false
	}
	known, ok := errors.AsType[*domain.Error](err)
	switch {
	case ok && known.Code != domain.Internal:
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		known = cutOff(mutates)
	default:
		return internalError(), true
	}
	number, retry := meaning(known.Code)
	data := &Data{
		Reason:  cut(known.Reason, maxReasonBytes),
		Retry:   retry,
		Pointer: shorten(known.Pointer),
	}
	if d, ok := errors.AsType[*delayed](err); ok {
		data.AfterMS = milliseconds(d.after)
	}
	return &Error{Code: number, Message: cut(known.Message, maxMessageBytes), Data: data}, false
}

// cutOff is what is known of a call whose context ended under it.
func cutOff(mutates bool) *domain.Error {
	if mutates {
		return domain.Errorf(domain.Indeterminate, "cut_off",
			"the call was cut off and may have taken effect; ask again with the same id")
	}
	return domain.Errorf(domain.TryAgain, "cut_off", "the call was cut off; try again")
}

func internalError() *Error {
	return &Error{
		Code:    CodeInternal,
		Message: "internal error",
		Data:    &Data{Reason: "internal", Retry: RetryNo},
	}
}

// parseError answers what is not JSON. A mere syntax error is said in the
// specification's own words, whose examples have no others; what we are
// stricter about has a reason and a place.
func parseError(err error) *Error {
	answer := &Error{Code: CodeParse, Message: "Parse error"}
	if e, ok := errors.AsType[*domain.Error](err); ok && e.Reason != "syntax" {
		answer.Message += ": " + cut(e.Message, maxMessageBytes)
		answer.Data = &Data{Reason: e.Reason, Retry: RetryNo, Pointer: shorten(e.Pointer)}
	}
	return answer
}

func invalidRequest() *Error {
	return &Error{Code: CodeInvalidRequest, Message: "Invalid Request"}
}

// methodNotFound answers a name that no method has. Where none is like it the
// specification's own words say it all.
func methodNotFound(nearest string) *Error {
	answer := &Error{Code: CodeMethodNotFound, Message: "Method not found"}
	if nearest != "" {
		answer.Data = &Data{Reason: "unknown_method", Retry: RetryNo, Nearest: nearest}
	}
	return answer
}

func tooLarge(reason, message string) *Error {
	return &Error{Code: CodeTooLarge, Message: message, Data: &Data{Reason: reason, Retry: RetryNo}}
}

// overloaded answers what may be sent again in a second.
func overloaded(reason, message string) *Error {
	return &Error{Code: CodeOverloaded, Message: message, Data: &Data{Reason: reason, Retry: RetryLater, AfterMS: 1000}}
}

func replyTooLarge() *Error {
	return tooLarge("reply", "the reply would be too large; ask for less at once")
}

// shorten cuts a pointer back to the nearest parent that is short enough.
func shorten(pointer string) string {
	for len(pointer) > maxPointerBytes {
		pointer = pointer[:max(0, strings.LastIndexByte(pointer, '/'))]
	}
	return pointer
}

// cut shortens s to at most limit bytes without splitting a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
