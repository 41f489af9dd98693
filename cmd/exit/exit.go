// Package exit holds the exit codes of Horus' programs: sysexits.h where it has
// a word for it, so that scripts and service managers can tell what to do.
package exit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/herocode/horus/domain"
)

// The codes.
const (
	Good        = 0
	Bad         = 1   // tampered, or the job failed
	CannotTell  = 2   // an audit lacks something
	Lost        = 3   // a log lost its end and says so
	Usage       = 64  // wrong arguments
	Unreachable = 69  // Redis or the supervisor does not answer
	Unfinished  = 75  // stopped, and something is left that others will do again
	NotAllowed  = 77  // a key or scope is missing
	Settings    = 78  // a wrong setting
	TimedOut    = 124 // the job did, as with timeout(1)
	NotRun      = 125 // the job was not run

	interrupted = 128 + 2 // as a shell names it
)

// Error is an error with an exit code.
type Error struct {
	Code int
	Err  error // nil: nothing is left to say
}

// Error returns the error's text.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the error.
func (e *Error) Unwrap() error { return e.Err }

// With gives err an exit code. A nil err stays nil.
func With(code int, err error) error {
	if err == nil {
		return nil
	}
	return &Error{code, err}
}

// Misused gives err the code of wrong arguments and says where the right ones
// stand: in the help of a command. A nil err stays nil.
func Misused(command string, err error) error {
	if err == nil {
		return nil
	}
	return With(Usage, fmt.Errorf("%w\nRun '%s --help' for how to use it", err, command))
}

// Silently asks for an exit code when everything was said.
func Silently(code int) error {
	if code == Good {
		return nil
	}
	return &Error{Code: code}
}

// CodeOf returns the exit code that err asks for.
func CodeOf(err error) int {
	if err == nil {
		return Good
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if _, ok := errors.AsType[*net.OpError](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return Unreachable
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Unreachable
	}
	switch domain.CodeOf(err) {
	case domain.Unauthenticated, domain.Forbidden:
		return NotAllowed
	case domain.Invalid, domain.TooLarge:
		return Usage
	case domain.Overloaded, domain.TryAgain, domain.Indeterminate, domain.NotDurable:
		return Unreachable
	default:
		return Bad
	}
}

// Main runs a program and returns its exit code, having said on stderr what
// went wrong.
func Main(name string, stderr io.Writer, run func() error) int {
	err := run()
	if errors.Is(err, context.Canceled) {
		return interrupted
	}
	e, coded := errors.AsType[*Error](err)
	if said := coded && e.Err == nil; err != nil && !said {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
	}
	return CodeOf(err)
}
