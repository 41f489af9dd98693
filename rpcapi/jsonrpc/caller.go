package jsonrpc

import "context"

// Caller is what a transport knows about whoever sent a message.
type Caller struct {
	Bearer  string // token of the Authorization header; empty if none
	Remote  string // network address, for logs and limits; never a proof of identity
	Relayed string // supervisor that passed the message on; empty when the caller himself sent it
	Request uint64 // number of the message, unique while the server lives; [Server.Handle] gives one if zero
}

type callerKey struct{}

// WithCaller returns a context that carries c. Transports call it before
// [Server.Handle].
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, &c)
}

// CallerFrom returns the caller whose message is being handled; the zero
// Caller outside of one.
func CallerFrom(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return *c
	}
	return Caller{}
}

// Bearer returns the bearer token of the call, or "".
func Bearer(ctx context.Context) string { return CallerFrom(ctx).Bearer }

// RemoteAddr returns the network address of the caller, or "".
func RemoteAddr(ctx context.Context) string { return CallerFrom(ctx).Remote }

// RequestNumber returns the number of the message that the call came in. The
// calls of a batch share it.
func RequestNumber(ctx context.Context) uint64 { return CallerFrom(ctx).Request }
