package jsonrpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/herocode/horus/domain/strictjson"
)

// Limits bound what one message may cost. Zero means the default.
type Limits struct {
	Message  int // bytes of a message; 8 MiB
	Depth    int // nested arrays and objects in a message, a batch's own array included; 32
	Batch    int // requests in a batch; 256
	Parallel int // calls of one batch that run at the same time; 256, so that the submits of a batch can share a commit
	Reply    int // bytes of a reply, of which 2 KiB are set aside for each request; 8 MiB
}

// WithDefaults returns the limits with defaults filled in.
func (l Limits) WithDefaults() Limits {
	const mebibyte = 1 << 20
	orDefault := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	orDefault(&l.Message, 8*mebibyte)
	orDefault(&l.Depth, 32)
	orDefault(&l.Batch, 256)
	orDefault(&l.Parallel, 256)
	orDefault(&l.Reply, 8*mebibyte)
	return l
}

// Options of a server. The zero value is ready to use.
type Options struct {
	Limits Limits

	// Before runs before each method, when its parameters are decoded but not
	// yet validated: the one place to authenticate and authorise. It returns
	// the context that the method gets, or the error that the caller gets.
	// Nil lets every call pass.
	Before func(ctx context.Context, call Call) (context.Context, error)

	// Observe hears of every request when it is done. It runs on the request's
	// goroutine and must be fast and safe for concurrent use. May be nil.
	Observe func(Observation)

	// Relay has calls that change something answered elsewhere while this
	// server cannot; nil when it always can.
	Relay Relay

	Log *slog.Logger // what callers must not see; discarded if nil
}

// Call is one call that is about to run.
type Call struct {
	Method       *Method
	Params       any // pointer to the method's parameter struct, decoded; Before may change it
	Notification bool
}

// Observation is what there is to measure about one request.
type Observation struct {
	Method       string // UnknownMethod when it is not in the table
	Code         int    // JSON-RPC error number; 0 if it went well
	Reason       string // data.reason of the error; "notification_refused" for a notification that was not run
	Notification bool
	Took         time.Duration
}

// UnknownMethod stands in an [Observation] for every name that is not in the
// method table, so that callers cannot make up metrics.
const UnknownMethod = "unknown"

// Server answers JSON-RPC messages. It is safe for concurrent use.
type Server struct {
	methods  map[string]*Method
	names    []string // of the methods, in the order of the table
	rules    *rules
	limits   Limits
	before   func(context.Context, Call) (context.Context, error)
	observe  func(Observation)
	relay    Relay // nil if there is none
	log      *slog.Logger
	received atomic.Uint64 // messages, for their numbers
	buffers  sync.Pool     // of *bytes.Buffer
}

// New makes a server for a method table. A name that occurs twice is an error,
// and so is a validate tag that cannot be read.
func New(methods []Method, o Options) (*Server, error) {
	rules, err := newRules()
	if err != nil {
		return nil, err
	}
	s := &Server{
		rules:   rules,
		methods: make(map[string]*Method, len(methods)),
		limits:  o.Limits.WithDefaults(),
		before:  o.Before,
		observe: o.Observe,
		relay:   o.Relay,
		log:     o.Log,
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.observe == nil {
		s.observe = func(Observation) {}
	}
	for _, m := range methods {
		if err := s.add(&m); err != nil {
			return nil, fmt.Errorf("add method %q: %w", m.Name, err)
		}
	}
	return s, nil
}

// Limits returns what the server holds messages to, defaults filled in.
func (s *Server) Limits() Limits { return s.limits }

func (s *Server) add(m *Method) error {
	if m.respond == nil {
		return errors.New("made without Define")
	}
	if _, twice := s.methods[m.Name]; twice {
		return errors.New("defined twice")
	}
	s.methods[m.Name] = m
	s.names = append(s.names, m.Name)
	none, err := m.decode(nil)
	if err != nil {
		return err
	}
	return s.rules.try(none)
}

// Handle answers one message: a request or a batch. It returns nil when there
// is nothing to answer, which is when all of it was notifications. It blocks
// until every call is done, and does not keep the message.
func (s *Server) Handle(ctx context.Context, message []byte) []byte {
	if caller := CallerFrom(ctx); caller.Request == 0 {
		caller.Request = s.received.Add(1)
		ctx = WithCaller(ctx, caller)
	}
	var reply bytes.Buffer
	_ = s.handle(ctx, message, &reply) // the reply says it
	if reply.Len() == 0 {
		return nil
	}
	return reply.Bytes()
}

// handle writes the answer to a message, if there is one. The error says that
// the message was no JSON, or too much of it; the answer says so, too.
func (s *Server) handle(ctx context.Context, message []byte, reply *bytes.Buffer) error {
	if len(message) > s.limits.Message {
		return s.reject(reply, s.messageTooLarge())
	}
	if err := check(message, strictjson.Limits{Depth: s.limits.Depth}); err != nil {
		s.log.DebugContext(ctx, "a message is no JSON", "error", err)
		return s.reject(reply, parseError(err))
	}
	message = trimSpace(message)
	if message[0] == '[' {
		s.batch(ctx, message, reply)
		return nil
	}
	if s.elsewhere() {
		answers := make([]bytes.Buffer, 1)
		s.answerElsewhere(ctx, [][]byte{message}, answers, s.room(1))
		reply.Write(answers[0].Bytes())
		return nil
	}
	s.answer(ctx, message, reply, s.room(1))
	return nil
}

// reject answers a message that is not looked into.
func (s *Server) reject(reply *bytes.Buffer, answer *Error) error {
	s.observe(Observation{Method: UnknownMethod, Code: answer.Code, Reason: reasonOf(answer)})
	writeError(reply, answer, nil)
	return answer
}

func (s *Server) messageTooLarge() *Error {
	return tooLarge("size", fmt.Sprintf("a message may have %d bytes", s.limits.Message))
}

// batch answers the requests of an array at the same time, and writes the
// answers in their order.
func (s *Server) batch(ctx context.Context, array []byte, reply *bytes.Buffer) {
	var requests [][]byte
	for request := range elements(array) {
		if requests = append(requests, request); len(requests) > s.limits.Batch {
			_ = s.reject(reply, tooLarge("batch", fmt.Sprintf("a batch may have %d requests", s.limits.Batch)))
			return
		}
	}
	if len(requests) == 0 {
		_ = s.reject(reply, invalidRequest())
		return
	}
	answers := make([]bytes.Buffer, len(requests))
	room := s.room(len(requests))
	if s.elsewhere() {
		s.answerElsewhere(ctx, requests, answers, room)
	} else {
		s.parallel(len(requests), func(i int) { s.answer(ctx, requests[i], &answers[i], room) })
	}
	opening := byte('[')
	for i := range answers {
		if answers[i].Len() > 0 {
			reply.WriteByte(opening)
			reply.Write(answers[i].Bytes())
			opening = ','
		}
	}
	if reply.Len() > 0 {
		reply.WriteByte(']')
	}
}

// parallel runs turn(0) … turn(n-1) on a bounded number of goroutines, one of
// them the caller's, and returns when all are done.
func (s *Server) parallel(n int, turn func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			turn(i)
		}
	}
	var workers sync.WaitGroup
	for range min(n, s.limits.Parallel) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
}
