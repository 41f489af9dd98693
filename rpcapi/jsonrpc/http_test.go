package jsonrpc_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// exchange is a request and what must come back.
type exchange struct {
	name   string
	method string // POST if empty
	header http.Header
	body   string

	status int
	want   string // JSON; not compared when empty
}

func (e exchange) run(t *testing.T, h http.Handler) *http.Response {
	t.Helper()
	method := e.method
	if method == "" {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:3030/", strings.NewReader(e.body))
	r.Header.Set("Content-Type", "application/json")
	for name, values := range e.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != e.status {
		t.Errorf("status %d, want %d: %s", w.Code, e.status, w.Body)
	}
	if e.want != "" {
		same(t, w.Body.String(), e.want)
	}
	return w.Result()
}

func header(name, value string) http.Header { return http.Header{name: {value}} }

func TestHTTP(t *testing.T) {
	gzipped := new(bytes.Buffer)
	z := gzip.NewWriter(gzipped)
	_, _ = z.Write([]byte(withID("1"))) // to a buffer
	z.Close()

	for _, e := range []exchange{
		{name: "a call", body: withID("1"), status: 200, want: resultWithID("1")},
		{name: "a call that fails", body: `{"jsonrpc":"2.0","method":"nope","id":1}`, status: 200, want: unknown},
		{name: "a batch", body: `[` + withID("1") + `]`, status: 200, want: `[` + resultWithID("1") + `]`},
		{name: "notifications only", body: `[{"jsonrpc":"2.0","method":"sum"}]`, status: 204},
		{name: "row 1: nothing", body: "", status: 400, want: parseFailure("empty", "expected a JSON value, found nothing", "")},
		{name: "row 1: white space only", body: "  \n", status: 400, want: parseFailure("empty", "expected a JSON value, found nothing", "")},
		{name: "row 5: compressed", header: header("Content-Encoding", "gzip"), body: gzipped.String(), status: 415},
		{name: "row 5: named encoding", header: header("Content-Encoding", "identity"), body: withID("1"), status: 415},
		{name: "row 6: depth 33", body: strings.Repeat("[", 33) + strings.Repeat("]", 33), status: 400, want: parseFailure("depth", "nested deeper than 32 levels", strings.Repeat("/0", 32))},
		{name: "row 9: a byte order mark", body: "\xef\xbb\xbf{}", status: 400, want: parseFailure("utf8", "JSON must not begin with a byte order mark", "")},
		{name: "row 15: a notification of a change", body: `{"jsonrpc":"2.0","method":"submit","params":[]}`, status: 204},
		{name: "row 16: an empty batch", body: "[]", status: 200, want: notARequest},
		{name: "row 17: a batch of 257", body: "[" + strings.Repeat("1,", 256) + "1]", status: 200},
		{name: "row 19: an id twice", body: `[` + withID("1") + `,` + withID("1") + `]`, status: 200, want: `[` + resultWithID("1") + `,` + resultWithID("1") + `]`},
		{name: "row 20: a reserved name", body: `{"jsonrpc":"2.0","method":"rpc.x","id":1}`, status: 200, want: unknown},
		{name: "not JSON", body: "{", status: 400, want: notJSON},
		{name: "GET", method: http.MethodGet, status: 405},
		{name: "OPTIONS", method: http.MethodOptions, status: 405},
		{name: "a charset", header: header("Content-Type", "application/json; charset=utf-8"), body: withID("1"), status: 200, want: resultWithID("1")},
		{name: "another charset", header: header("Content-Type", "application/json; charset=utf-16"), status: 415},
		{name: "a form", header: header("Content-Type", "application/x-www-form-urlencoded"), status: 415},
		{name: "plain text, which pages may send anywhere", header: header("Content-Type", "text/plain"), status: 415},
		{name: "no type", header: http.Header{"Content-Type": nil}, status: 415},
	} {
		t.Run(e.name, func(t *testing.T) {
			response := e.run(t, jsonrpc.NewHandler(newServer(t, jsonrpc.Options{}), jsonrpc.HTTPOptions{}))
			if e.status == 405 && response.Header.Get("Allow") != "POST" {
				t.Errorf("Allow: %q", response.Header.Get("Allow"))
			}
		})
	}
}

// Web pages of others may not call, not even when their name leads here.
func TestOrigin(t *testing.T) {
	for _, row := range []struct {
		name, host string
		header     http.Header
		status     int
	}{
		{"no browser", "supervisor:3030", nil, 200},
		{"its own page by address", "127.0.0.1:3030", header("Origin", "http://127.0.0.1:3030"), 200},
		{"its own page by address, IPv6", "[::1]:3030", header("Origin", "http://[::1]:3030"), 200},
		{"its own page as localhost", "localhost:3030", header("Origin", "http://LOCALHOST:3030"), 200},
		{"a page of the list", "supervisor:3030", header("Origin", "https://horus.example.org"), 200},
		{"a page of the list, over http", "supervisor:3030", header("Origin", "http://horus.example.org"), 403},
		{"another site", "127.0.0.1:3030", header("Origin", "https://evil.example"), 403},
		{"another port", "127.0.0.1:3030", header("Origin", "http://127.0.0.1:8080"), 403},
		{"a name that was bound to our address", "evil.example:3030", header("Origin", "http://evil.example:3030"), 403},
		{"a sandboxed page", "127.0.0.1:3030", header("Origin", "null"), 403},
		{"two origins", "127.0.0.1:3030", http.Header{"Origin": {"http://127.0.0.1:3030", "https://evil.example"}}, 403},
		{"row 50: a cross-site request", "127.0.0.1:3030", header("Sec-Fetch-Site", "cross-site"), 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := jsonrpc.NewHandler(newServer(t, jsonrpc.Options{}), jsonrpc.HTTPOptions{Origins: []string{"https://horus.example.org"}})
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(withID("1")))
			r.Host = row.host
			r.Header.Set("Content-Type", "application/json")
			for name, values := range row.header {
				r.Header[name] = values
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != row.status {
				t.Errorf("status %d, want %d", w.Code, row.status)
			}
		})
	}
}

func TestMethodsKnowTheCaller(t *testing.T) {
	who := jsonrpc.Define(jsonrpc.Info{Name: "who"}, func(ctx context.Context, _ struct{}) (string, error) {
		return fmt.Sprint(jsonrpc.Bearer(ctx), " ", jsonrpc.RemoteAddr(ctx), " ", jsonrpc.RequestNumber(ctx)), nil
	})
	s, err := jsonrpc.New([]jsonrpc.Method{who}, jsonrpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := jsonrpc.NewHandler(s, jsonrpc.HTTPOptions{})
	for i, authorization := range []string{"Bearer token", "bearer  token", "Basic dTpw", ""} {
		token := map[bool]string{true: "token"}[i < 2]
		response := exchange{
			header: header("Authorization", authorization),
			body:   string(call("who", "[]")),
			status: 200,
			want:   fmt.Sprintf(`{"jsonrpc":"2.0","result":"%s 192.0.2.1:1234 %d","id":1}`, token, i+1),
		}.run(t, h)
		if got := response.Header.Get("X-Request-Id"); got != fmt.Sprint(i+1) {
			t.Errorf("X-Request-Id: %q", got)
		}
	}
}

// serve starts a real server, which the rows about connections need.
func serve(t *testing.T, s *jsonrpc.Server, o jsonrpc.HTTPOptions) string {
	t.Helper()
	web := httptest.NewServer(jsonrpc.NewHandler(s, o))
	t.Cleanup(web.Close)
	return web.Listener.Addr().String()
}

// talk sends raw bytes and returns the answer, and whether the server ended
// the connection after it.
func talk(t *testing.T, address, request string) (status int, body string, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Close
}

const head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

func TestRow3BodyOneByteOverTheLimit(t *testing.T) {
	const limit = 1000
	address := serve(t, newServer(t, jsonrpc.Options{Limits: jsonrpc.Limits{Message: limit}}), jsonrpc.HTTPOptions{})
	want := `{"jsonrpc":"2.0","error":{"code":-32007,"message":"a message may have 1000 bytes","data":{"reason":"size","retry":"no"}},"id":null}`
	pad := func(n int) string { return withID("1") + strings.Repeat(" ", n-len(withID("1"))) }

	status, body, closed := talk(t, address, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, limit, pad(limit)))
	if status != 200 || closed {
		t.Errorf("at the limit: status %d, closed %v", status, closed)
	}
	same(t, body, resultWithID("1"))
	for name, request := range map[string]string{
		"announced": fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, limit+1), // not sent: nobody waits for it
		"chunked":   fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", head, limit+1, pad(limit+1)),
	} {
		t.Run(name, func(t *testing.T) {
			status, body, closed := talk(t, address, request)
			if status != 413 || !closed {
				t.Errorf("status %d, closed %v", status, closed)
			}
			same(t, body, want)
		})
	}
}

func TestRow4SlowBodies(t *testing.T) {
	address := serve(t, newServer(t, jsonrpc.Options{}), jsonrpc.HTTPOptions{BodyTimeout: 30 * time.Millisecond})
	for name, request := range map[string]string{
		"less than announced":   head + "Content-Length: 100\r\n\r\n{",
		"nothing of it":         head + "Content-Length: 100\r\n\r\n",
		"chunks without an end": head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			status, _, closed := talk(t, address, request)
			if status != 408 || !closed {
				t.Errorf("status %d, closed %v", status, closed)
			}
		})
	}
}

func TestRow4ChunksThatAreNone(t *testing.T) {
	address := serve(t, newServer(t, jsonrpc.Options{}), jsonrpc.HTTPOptions{})
	status, body, closed := talk(t, address, head+"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
	if status != 400 || !closed {
		t.Errorf("status %d, closed %v", status, closed)
	}
	same(t, body, notJSON)
}

// The time for the body is not the time for the call. net/http goes on reading
// to see the client leave; a deadline left from the body would end that read,
// and with it the context of a call that waits.
func TestACallMayWaitLongerThanABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := jsonrpc.Define(jsonrpc.Info{Name: "wait"}, func(ctx context.Context, _ struct{}) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Hour):
				return "done", nil
			}
		})
		s, err := jsonrpc.New([]jsonrpc.Method{wait}, jsonrpc.Options{})
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		web := &http.Server{Handler: jsonrpc.NewHandler(s, jsonrpc.HTTPOptions{})}
		listener := newPipeListener(far)
		go func() { _ = web.Serve(listener) }() // ends when it is closed
		defer web.Close()

		body := string(call("wait", "[]"))
		_, _ = fmt.Fprintf(near, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
		response, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		same(t, string(text), `{"jsonrpc":"2.0","result":"done","id":1}`)
		near.Close()
	})
}

// pipeListener accepts one connection, within the test's own time.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipeListener(conn net.Conn) *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conns <- conn
	return l
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
