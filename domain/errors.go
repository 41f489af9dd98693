// Package domain holds what every part of Horus means by an error: a [Code]
// that says what the caller may do about it, a stable word for programs, and a
// sentence for people. The aggregates live in the packages below it.
package domain

import (
	"errors"
	"fmt"
	"strings"
)

// Code classifies an error by what its receiver can do about it. The numbers
// that a transport gives to codes are the transport's business.
type Code uint8

// The codes. Internal is the zero value, so an error that nobody classified is
// never mistaken for the caller's fault.
const (
	Internal        Code = iota // a defect of ours: report it
	Invalid                     // the input can never be right: correct it
	Unauthenticated             // say who you are, or sign
	Forbidden                   // known, but not allowed
	NotFound                    // no such thing
	Conflict                    // the thing exists and is in another state
	Expired                     // too late, too early, or meant for somebody else
	TooLarge                    // over a named limit
	Stale                       // an attempt that is no longer the open one
	NotDurable                  // kept, but not as safely as promised: same id again
	Overloaded                  // come back later
	TryAgain                    // a passing state of the system: later
	Halted                      // the history does not verify: nothing more is written
	Indeterminate               // nobody can know yet: ask again with the same id
)

// String returns the code's name in words.
func (c Code) String() string {
	names := [...]string{
		"internal", "invalid", "unauthenticated", "forbidden", "not found",
		"conflict", "expired", "too large", "stale", "not durable",
		"overloaded", "try again", "halted", "indeterminate",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Error is an error with a code. Reason is a stable word for programs, in
// lower case with underscores; Message is a sentence fragment for people that
// says what to do where there is something to do. Neither ever holds a secret
// or more than a few words of the input.
type Error struct {
	Code    Code
	Reason  string
	Message string
	Pointer string // RFC 6901 pointer to the offending member; empty if none
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Errorf makes an [Error].
func Errorf(code Code, reason, format string, args ...any) *Error {
	return &Error{Code: code, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Within returns an error about a part as one about the whole: place is the
// RFC 6901 pointer to the part. A message that names the pointer names the new
// one.
func (e *Error) Within(place string) *Error {
	located := *e
	located.Pointer = place + e.Pointer
	if e.Pointer != "" {
		located.Message = strings.Replace(e.Message, e.Pointer, located.Pointer, 1)
	}
	return &located
}

// CodeOf returns the code of the first [Error] in err's tree, and Internal when
// there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// ReasonOf returns the reason of the first [Error] in err's tree, or "".
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}
