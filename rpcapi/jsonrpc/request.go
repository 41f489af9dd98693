package jsonrpc

import (
	"strconv"
	"strings"
)

const (
	maxIDBytes   = 128       // of a string id, without quotes and escapes
	maxIDInteger = 1<<53 - 1 // RFC 7493 (I-JSON), section 2.2: what every client reads back exactly
)

// request is one request object, as raw pieces of the message.
type request struct {
	method []byte // unescaped
	params []byte // nil if absent
	id     []byte // as sent; nil if absent, so that it is a notification
}

func (r request) notification() bool { return r.id == nil }

// parseRequest takes one valid JSON value apart. When it is no request, the
// request that is returned still carries the id, if there was a good one.
func parseRequest(raw []byte) (request, *Error) {
	var r request
	if raw[0] != '{' {
		return r, invalidRequest()
	}
	var (
		version, method bool
		stranger        []byte
	)
	for name, value := range members(raw) {
		switch string(text(name)) {
		case "jsonrpc":
			version = value[0] == '"' && string(text(value)) == "2.0"
		case "method":
			if method = value[0] == '"'; method {
				r.method = text(value)
			}
		case "params":
			r.params = value
		case "id":
			r.id = value
		default:
			stranger = text(name)
		}
	}
	switch {
	case r.id != nil && !goodID(r.id):
		r.id = nil
		return r, withReason(invalidRequest(), "id", "/id")
	case !version || !method:
		return r, invalidRequest()
	case stranger != nil:
		return r, withReason(invalidRequest(), "unknown_member", "/"+escapePointer(string(stranger)))
	}
	return r, nil
}

func withReason(e *Error, reason, pointer string) *Error {
	e.Data = &Data{Reason: reason, Retry: RetryNo, Pointer: shorten(pointer)}
	return e
}

// goodID reports whether an id can be echoed so that every client recognises it.
func goodID(id []byte) bool {
	switch id[0] {
	case 'n':
		return true
	case '"':
		return len(id) <= maxIDBytes+2 || len(text(id)) <= maxIDBytes
	default:
		if string(id) == "-0" {
			return false
		}
		n, err := strconv.ParseInt(string(id), 10, 64) // refuses fractions and exponents, and all that is no number
		return err == nil && -maxIDInteger <= n && n <= maxIDInteger
	}
}

// escapePointer makes a name a token of a JSON Pointer (RFC 6901, section 3).
func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
