package jsonrpc

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

// maxLoggedName keeps the names that callers make up from filling the log.
const maxLoggedName = 64

// errorRoom is what an answer with an error needs at most: id, message, reason
// and pointer are all bounded.
const errorRoom = 2 << 10

// room is how many bytes of results a reply can still take. The calls of a
// batch share one.
type room struct{ left atomic.Int64 }

func (s *Server) room(requests int) *room {
	r := new(room)
	r.left.Store(int64(s.limits.Reply - requests*errorRoom))
	return r
}

// take reports whether n more bytes fit.
func (r *room) take(n int) bool {
	if r.left.Add(-int64(n)) >= 0 {
		return true
	}
	r.left.Add(int64(n)) // a smaller answer may still fit
	return false
}

// answer handles one request of a message and writes its answer, if it gets
// one, to the empty or shared end of out.
func (s *Server) answer(ctx context.Context, raw []byte, out *bytes.Buffer, room *room) {
	begin := time.Now()
	start := out.Len()
	seen := Observation{Method: UnknownMethod}

	req, failure := parseRequest(raw)
	if failure == nil {
		seen.Notification = req.notification()
		if m, known := s.methods[string(req.method)]; known {
			seen.Method = m.Name
			failure = s.run(ctx, m, req, out, room)
		} else {
			s.log.DebugContext(ctx, "unknown method", "method", cut(string(req.method), maxLoggedName))
			failure = methodNotFound()
		}
	}
	if failure != nil {
		seen.Code, seen.Reason = failure.Code, reasonOf(failure)
		out.Truncate(start)
		writeError(out, failure, req.id)
	}
	if seen.Notification {
		out.Truncate(start)
	}
	seen.Took = time.Since(begin)
	s.observe(seen)
}

// run calls a method and writes the answer with its result. Whatever was
// written is void when it returns an error.
func (s *Server) run(ctx context.Context, m *Method, req request, out *bytes.Buffer, room *room) (failure *Error) {
	defer func() {
		if p := recover(); p != nil {
			s.logFailure(ctx, m, "method panicked",
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			failure = internalError()
		}
	}()
	if m.Mutates && req.notification() {
		return withReason(invalidRequest(), "notification_refused", "")
	}
	start := out.Len()
	out.WriteString(`{"jsonrpc":"2.0","result":`)
	if err := s.respond(ctx, m, req, out); err != nil {
		answer, secret := errorOf(err, m.Mutates)
		if secret {
			s.logFailure(ctx, m, "method failed", slog.String("error", err.Error()))
		}
		return answer
	}
	closeAnswer(out, req.id)
	if !room.take(out.Len() - start) {
		return tooLarge("reply", "the reply would be too large; ask for less at once")
	}
	return nil
}

// respond takes a call through its stages, up to the result in out.
func (s *Server) respond(ctx context.Context, m *Method, req request, out *bytes.Buffer) error {
	object, err := m.named(req.params, Bearer(ctx) != "")
	if err != nil {
		return err
	}
	params, err := m.decode(object)
	if err != nil {
		return err
	}
	if s.before != nil {
		ctx, err = s.before(ctx, Call{Method: m, Params: params, Notification: req.notification()})
		if err != nil {
			return err
		}
	}
	if len(m.params) > 0 {
		if err := s.rules.check(params); err != nil {
			return err
		}
	}
	return m.respond(ctx, params, out)
}

func (s *Server) logFailure(ctx context.Context, m *Method, what string, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("method", m.Name),
		slog.Uint64("request", RequestNumber(ctx)),
	}, more...)
	s.log.LogAttrs(ctx, slog.LevelError, what, attrs...)
}

func reasonOf(e *Error) string {
	if e.Data == nil {
		return ""
	}
	return e.Data.Reason
}

// writeError writes an answer that says what went wrong.
func writeError(out *bytes.Buffer, e *Error, id []byte) {
	out.WriteString(`{"jsonrpc":"2.0","error":`)
	start := out.Len()
	if err := json.MarshalWrite(out, e); err != nil { // a method's own Error holds text that is not UTF-8
		out.Truncate(start)
		out.WriteString(`{"code":` + strconv.Itoa(e.Code) + `,"message":"error"}`)
	}
	closeAnswer(out, id)
}

func closeAnswer(out *bytes.Buffer, id []byte) {
	out.WriteString(`,"id":`)
	if id == nil {
		out.WriteString("null")
	} else {
		out.Write(id)
	}
	out.WriteByte('}')
}
