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

	"github.com/herocode/horus/domain/spelling"
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

// turn is one request on its way to its answer.
type turn struct {
	begin   time.Time
	req     request
	method  *Method // nil if there is none of that name
	params  any
	silent  bool   // a notification: nobody hears what becomes of it
	failure *Error // why it is not run
}

// answer handles one request of a message and writes its answer, if it gets
// one, to the empty or shared end of out.
func (s *Server) answer(ctx context.Context, raw []byte, out *bytes.Buffer, room *room) {
	t, ctx := s.prepare(ctx, raw)
	s.execute(ctx, &t, out, room)
}

// prepare takes a request through all stages before its method runs, and
// returns the context that the method gets.
func (s *Server) prepare(ctx context.Context, raw []byte) (t turn, inner context.Context) {
	t.begin = time.Now()
	if t.req, t.failure = parseRequest(raw); t.failure != nil {
		return t, ctx
	}
	t.silent = t.req.notification()
	if t.method = s.methods[string(t.req.method)]; t.method == nil {
		s.log.DebugContext(ctx, "unknown method", "method", cut(string(t.req.method), maxLoggedName))
		t.failure = methodNotFound(spelling.Nearest(string(t.req.method), s.names))
		return t, ctx
	}
	if t.method.Mutates && t.silent {
		t.failure = withReason(invalidRequest(), "notification_refused", "")
		return t, ctx
	}
	defer s.recovered(ctx, &t)
	var err error
	if inner, err = s.admit(ctx, &t); err != nil {
		s.refuse(ctx, &t, err)
	}
	return t, inner
}

// admit reads and checks the parameters, and whether the caller may call.
func (s *Server) admit(ctx context.Context, t *turn) (context.Context, error) {
	object, err := t.method.named(t.req.params, Bearer(ctx) != "")
	if err != nil {
		return ctx, err
	}
	if t.params, err = t.method.decode(object); err != nil {
		return ctx, err
	}
	if s.before != nil {
		ctx, err = s.before(ctx, Call{Method: t.method, Params: t.params, Notification: t.silent})
		if err != nil {
			return ctx, err
		}
	}
	if len(t.method.params) > 0 {
		return ctx, s.rules.check(t.params)
	}
	return ctx, nil
}

// execute runs the method of a turn that has not failed, and writes the answer.
func (s *Server) execute(ctx context.Context, t *turn, out *bytes.Buffer, room *room) {
	start := out.Len()
	if t.failure == nil {
		s.run(ctx, t, out, room)
	}
	s.settle(t, out, start)
}

// run calls the method and writes the answer with its result. Whatever was
// written is void when the turn has failed then.
func (s *Server) run(ctx context.Context, t *turn, out *bytes.Buffer, room *room) {
	defer s.recovered(ctx, t)
	start := out.Len()
	out.WriteString(openAnswer)
	if err := t.method.respond(ctx, t.params, out); err != nil {
		s.refuse(ctx, t, err)
		return
	}
	closeAnswer(out, t.req.id)
	if !room.take(out.Len() - start) {
		t.failure = replyTooLarge()
	}
}

// refuse makes err the answer.
func (s *Server) refuse(ctx context.Context, t *turn, err error) {
	answer, secret := errorOf(err, t.method.Mutates)
	if secret {
		s.logFailure(ctx, t.method, "method failed", slog.String("error", err.Error()))
	}
	t.failure = answer
}

// recovered makes a panic the failure of a turn. It is deferred.
func (s *Server) recovered(ctx context.Context, t *turn) {
	if p := recover(); p != nil {
		s.logFailure(ctx, t.method, "method panicked",
			slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
		t.failure = internalError()
	}
}

// settle leaves of the answer what its caller gets, and tells who measures.
func (s *Server) settle(t *turn, out *bytes.Buffer, start int) {
	seen := Observation{Method: UnknownMethod, Notification: t.silent}
	if t.method != nil {
		seen.Method = t.method.Name
	}
	if t.failure != nil {
		seen.Code, seen.Reason = t.failure.Code, reasonOf(t.failure)
		out.Truncate(start)
		writeError(out, t.failure, t.req.id)
	}
	if t.silent {
		out.Truncate(start)
	}
	seen.Took = time.Since(t.begin)
	s.observe(seen)
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

const openAnswer = `{"jsonrpc":"2.0","result":`

func closeAnswer(out *bytes.Buffer, id []byte) {
	out.WriteString(`,"id":`)
	if id == nil {
		out.WriteString("null")
	} else {
		out.Write(id)
	}
	out.WriteByte('}')
}
