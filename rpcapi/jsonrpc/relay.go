package jsonrpc

import (
	"bytes"
	"context"
)

// RelayedBy is the HTTP header in which a server that passes calls on names
// itself. A message that bears it is never passed on again.
const RelayedBy = "Horus-Forwarded-By"

// Relay has calls that change something ([Info].Mutates) answered by another
// server. It is safe for concurrent use.
type Relay interface {
	// Here reports whether this server answers such calls itself now. It is
	// asked once a message and must answer at once.
	Here() bool
	// Pass has calls of one message answered, in the name of the caller who is
	// in ctx, and returns an answer for each, in their order. It blocks until
	// all are answered; its own bounds end it.
	Pass(ctx context.Context, calls []Outgoing) []Answer
}

// Outgoing is a call that was read, let in and found right, as it was sent.
type Outgoing struct {
	Method *Method
	Params []byte // nil if there are none
}

// Answer is what became of an [Outgoing].
type Answer struct {
	Here   bool   // this server is to answer after all; the rest is not set
	Result []byte // a JSON text, unless there is an error
	Err    error  // as methods return them
}

// elsewhere reports whether calls that change something are passed on now.
func (s *Server) elsewhere() bool { return s.relay != nil && !s.relay.Here() }

// answerElsewhere answers requests of one message at the same time. Those that
// change something are passed on together; the others are run.
func (s *Server) answerElsewhere(ctx context.Context, requests [][]byte, answers []bytes.Buffer, room *room) {
	turns, contexts := make([]turn, len(requests)), make([]context.Context, len(requests))
	s.parallel(len(requests), func(i int) { turns[i], contexts[i] = s.prepare(ctx, requests[i]) })

	var going, staying []int
	for i := range turns {
		if t := &turns[i]; t.failure == nil && t.method.Mutates {
			going = append(going, i)
		} else {
			staying = append(staying, i)
		}
	}
	run := func(i int) { s.execute(contexts[i], &turns[i], &answers[i], room) }
	s.parallel(len(staying)+1, func(k int) {
		if k > 0 {
			run(staying[k-1])
			return
		}
		back := s.pass(ctx, going, turns, answers, room)
		s.parallel(len(back), func(k int) { run(back[k]) })
	})
}

// pass has calls answered elsewhere, and returns those that are to be run here
// after all.
func (s *Server) pass(ctx context.Context, going []int, turns []turn, answers []bytes.Buffer, room *room) (back []int) {
	if len(going) == 0 {
		return nil
	}
	calls := make([]Outgoing, len(going))
	for k, i := range going {
		calls[k] = Outgoing{turns[i].method, turns[i].req.params}
	}
	for k, answer := range s.relay.Pass(ctx, calls) {
		t, out := &turns[going[k]], &answers[going[k]]
		switch {
		case answer.Here:
			back = append(back, going[k])
			continue
		case answer.Err != nil:
			s.refuse(ctx, t, answer.Err)
		case !room.take(len(openAnswer) + len(answer.Result)):
			t.failure = replyTooLarge()
		default:
			out.WriteString(openAnswer)
			out.Write(answer.Result)
			closeAnswer(out, t.req.id)
		}
		s.settle(t, out, 0)
	}
	return back
}
