package client_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/client"
)

// hosts are supervisors without a network: what each does with a call.
type hosts struct {
	answer map[string]func(ctx context.Context) (string, error)

	mu     sync.Mutex
	called []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.called = append(h.called, r.URL.Host)
	h.mu.Unlock()
	text, err := h.answer[r.URL.Host](r.Context())
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

// calls returns who was called since the last time.
func (h *hosts) calls() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := strings.Join(h.called, " ")
	h.called = nil
	return calls
}

const receiptText = `{"jsonrpc":"2.0","id":1,"result":{"id":"j","state":"queued","durability":"memory","duplicate":false}}`

func leads(context.Context) (string, error) { return receiptText, nil }

func standsStill(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func refuses(reason, retry string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		return `{"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"nobody leads","data":{"reason":"` + reason + `","retry":"` + retry + `","after_ms":500}}}`, nil
	}
}

func (h *hosts) client(t *testing.T, addresses ...string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addresses: addresses, HTTP: &http.Client{Transport: h}, Attempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A supervisor that stands still, as a stopped process does, is not waited for
// when another can be asked; the one that answers is asked first from then on.
func TestASupervisorThatStandsStillIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: map[string]func(context.Context) (string, error){"a": standsStill, "b": leads}}
		c := h.client(t, "http://a", " http://b")
		begin := time.Now()
		if _, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1")); err != nil {
			t.Fatal(err)
		}
		if got := h.calls(); got != "a b" || time.Since(begin) != 5*time.Second {
			t.Errorf("called %s, which took %s; want a and b within 5 s", got, time.Since(begin))
		}
		if _, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1")); err != nil || h.calls() != "b" {
			t.Errorf("the next call: %v", err)
		}
		alone := h.client(t, "http://a")
		ctx, cancel := context.WithTimeout(t.Context(), 19*time.Second)
		defer cancel()
		begin = time.Now()
		_, err := alone.Submit(ctx, client.NewJob("x").Runner("r1"))
		if !errors.Is(err, context.DeadlineExceeded) || h.calls() != "a" || time.Since(begin) != 19*time.Second {
			t.Errorf("the only one was waited for %s: %v", time.Since(begin), err)
		}
		<-time.After(time.Minute) // the message itself is given up later
	})
}

// While nobody leads the client asks one after the other, as late as they say.
func TestTheErrorNamesEverySupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: map[string]func(context.Context) (string, error){
			"a": refuses("no_leader", "later"), "b": refuses("leader_unreachable", "later"),
			"c": func(context.Context) (string, error) { return "", errors.New("connection refused") },
		}}
		c := h.client(t, "http://a", "http://b", "http://c")
		begin := time.Now()
		_, err := c.Submit(t.Context(), client.NewJob("x").Runner("r1"))
		if got := h.calls(); got != "a b c a" {
			t.Errorf("called %s", got)
		}
		if took := time.Since(begin); took < time.Second || took > 2*time.Second {
			t.Errorf("it took %s, and each said to come back after half a second", took)
		}
		gaveUp, ok := errors.AsType[*client.GaveUpError](err)
		if !ok || domain.CodeOf(err) != domain.TryAgain {
			t.Fatalf("%v", err)
		}
		var said []string
		for _, s := range gaveUp.Said {
			said = append(said, s.Address)
			if !strings.Contains(err.Error(), s.Address+": ") {
				t.Errorf("%v does not name %s", err, s.Address)
			}
		}
		if diff := cmp.Diff([]string{"http://a", "http://b", "http://c"}, said); diff != "" {
			t.Error(diff)
		}
	})
}

// Who is told no by one asks no other.
func TestARefusalIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{answer: map[string]func(context.Context) (string, error){"a": refuses("x", "no"), "b": leads}}
		_, err := h.client(t, "http://a", "http://b").Submit(t.Context(), client.NewJob("x").Runner("r1"))
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Address != "http://a" || h.calls() != "a" {
			t.Errorf("%v", err)
		}
	})
}

// Whoever speaks TLS to a supervisor that does not, or the other way round, was
// told of a bad request, or of a protocol.
func TestTheOtherSchemeIsHinted(t *testing.T) {
	none := http.NotFoundHandler()
	plain, secret := httptest.NewServer(none), httptest.NewTLSServer(none)
	t.Cleanup(plain.Close)
	t.Cleanup(secret.Close)
	secret.Config.ErrorLog = log.New(io.Discard, "", 0)
	for address, want := range map[string]string{
		strings.Replace(secret.URL, "https:", "http:", 1): "because it speaks TLS: call it " + secret.URL,
		strings.Replace(plain.URL, "http:", "https:", 1):  "it speaks no TLS: its address begins with http://",
		plain.URL: "it answers HTTP 404 Not Found",
	} {
		c, err := client.New(client.Config{Addresses: []string{address}, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Info(t.Context())
		if _, ok := errors.AsType[*client.UnreachableError](err); !ok || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "HTTPS") > 0 {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
