package jsonrpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HTTPOptions of a handler. The zero value is ready to use.
type HTTPOptions struct {
	// BodyTimeout is how long a client may take to send a body; [BodyTime] if
	// zero.
	BodyTimeout time.Duration
	// Bodies are the bytes of all bodies that are read or answered at the same
	// time, apart from the first 64 KiB of each; 256 MiB if zero.
	Bodies int

	// Origins are the web origins (https://horus.example.org) whose pages may
	// call. Pages that the addressed host served itself may call without being
	// listed when it was addressed as localhost or by its IP address.
	Origins []string
}

// Handler serves JSON-RPC over HTTP POST. Every JSON-RPC answer comes with
// status 200, whatever it says, apart from three that concern the message as a
// whole: 400 with -32700, 413 with -32007, 503 with -32010 when too many large
// messages are there already, and 204 without a body when all was
// notifications. What does not get as far is answered in plain text: 403, 405,
// 408, 415.
type Handler struct {
	server *Server
	opts   HTTPOptions
	bodies budget
}

// BodyTime is how long a client may take to send a body, unless
// [HTTPOptions] say otherwise.
const BodyTime = 10 * time.Second

// NewHandler makes a handler that passes messages to s.
func NewHandler(s *Server, o HTTPOptions) *Handler {
	if o.BodyTimeout == 0 {
		o.BodyTimeout = BodyTime
	}
	if o.Bodies == 0 {
		o.Bodies = 256 << 20
	}
	h := &Handler{server: s, opts: o}
	h.bodies.left.Store(int64(o.Bodies))
	return h
}

// maxPooled keeps one large message from holding its memory for ever.
const maxPooled = 64 << 10

// ServeHTTP answers one message.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status, why := h.refuse(w, r); status != 0 {
		http.Error(w, why, status)
		return
	}
	body, reply := h.buffer(), h.buffer()
	defer h.release(body, reply)
	share := &share{of: &h.bodies}
	defer share.giveBack()

	if err := h.read(w, r, body, share); err != nil {
		h.unread(w, err, reply)
		return
	}
	number := h.server.received.Add(1)
	w.Header().Set("X-Request-Id", strconv.FormatUint(number, 10))
	ctx := WithCaller(r.Context(), Caller{
		Bearer: bearer(r), Remote: r.RemoteAddr, Relayed: r.Header.Get(RelayedBy), Request: number,
	})
	if err := h.server.handle(ctx, body.Bytes(), reply); err != nil {
		h.write(w, http.StatusBadRequest, reply)
		return
	}
	h.write(w, http.StatusOK, reply)
}

// refuse judges the head of a request. The status is 0 if it is good.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request) (status int, why string) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, "JSON-RPC is called with POST"
	case !h.allowed(r):
		return http.StatusForbidden, "this web page may not call here; its origin is not in the list"
	case r.Header.Get("Content-Encoding") != "":
		return http.StatusUnsupportedMediaType, "send the body without Content-Encoding"
	case !isJSON(r.Header.Get("Content-Type")):
		return http.StatusUnsupportedMediaType, "the Content-Type must be application/json"
	}
	return 0, ""
}

// allowed keeps web pages of others out. Browsers say truly where a page came
// from, but an enemy may let the name of his site lead to our address (DNS
// rebinding), so that Origin and Host agree: the host's own pages are known
// only by an address that no DNS gave.
func (h *Handler) allowed(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return r.Header.Get("Sec-Fetch-Site") != "cross-site"
	}
	if len(origins) > 1 {
		return false
	}
	if slices.Contains(h.opts.Origins, origins[0]) {
		return true
	}
	origin, err := url.Parse(origins[0])
	return err == nil && origin.Host != "" && strings.EqualFold(origin.Host, r.Host) && isUnnamed(origin.Hostname())
}

// isUnnamed reports whether host means the same machine whatever DNS says.
func isUnnamed(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host) != nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset, given := params["charset"]
	return err == nil && media == "application/json" && (!given || strings.EqualFold(charset, "utf-8"))
}

// bearer returns the token of the Authorization header (RFC 6750, section
// 2.1), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// read takes the body in, within its time and size, and its share of what all
// bodies may have.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, body *bytes.Buffer, share *share) error {
	limit := int64(h.server.limits.Message)
	if r.ContentLength > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	// A writer that knows no deadlines (a test's recorder) has no slow client;
	// at the end of the body, net/http lifts the deadline itself.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.opts.BodyTimeout))
	share.body = http.MaxBytesReader(w, r.Body, limit)
	_, err := body.ReadFrom(share)
	return err
}

// unread answers a request whose body could not be taken in. What is left of
// it is not read: the connection ends.
func (h *Handler) unread(w http.ResponseWriter, err error, reply *bytes.Buffer) {
	w.Header().Set("Connection", "close")
	switch {
	case isTooLarge(err):
		_ = h.server.reject(reply, h.server.messageTooLarge())
		h.write(w, http.StatusRequestEntityTooLarge, reply)
	case errors.Is(err, errNoShare):
		w.Header().Set("Retry-After", "1")
		_ = h.server.reject(reply, overloaded("bodies", "too many large messages are being answered: come back later"))
		h.write(w, http.StatusServiceUnavailable, reply)
	case errors.Is(err, os.ErrDeadlineExceeded):
		http.Error(w, fmt.Sprintf("the body took longer than %v", h.opts.BodyTimeout), http.StatusRequestTimeout)
	default: // the client broke off, or its chunks are none
		_ = h.server.reject(reply, parseError(io.ErrUnexpectedEOF))
		h.write(w, http.StatusBadRequest, reply)
	}
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

func (h *Handler) write(w http.ResponseWriter, status int, reply *bytes.Buffer) {
	if reply.Len() == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(reply.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(reply.Bytes()) // a client that left needs no answer
}

func (h *Handler) buffer() *bytes.Buffer { return h.server.buffers.Get().(*bytes.Buffer) }

func (h *Handler) release(buffers ...*bytes.Buffer) {
	for _, b := range buffers {
		if b.Cap() <= maxPooled {
			b.Reset()
			h.server.buffers.Put(b)
		}
	}
}
