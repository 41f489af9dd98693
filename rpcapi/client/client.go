package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// Config of a client. Only Addresses is required.
type Config struct {
	// Addresses are of supervisors, such as http://127.0.0.1:3030, of which any
	// will do: the next is called when one cannot be reached or finds no leader.
	Addresses []string // required
	APIKey    string   // sent as Authorization: Bearer; none if empty

	Key  signing.PrivateKey // signs jobs; zero leaves them unsigned
	HTTP *http.Client       // one of its own if nil
	// Authorities are those by whom a supervisor's TLS certificate is believed;
	// the system's if nil. HTTP, if given, knows its own.
	Authorities *x509.CertPool
	Attempts    int // how often a call is sent at most; 6 if zero, which takes some seconds
}

func (c *Config) check() error {
	if len(c.Addresses) == 0 {
		return errors.New("config: Addresses is required")
	}
	c.Addresses = slices.Clone(c.Addresses)
	for i := range c.Addresses {
		c.Addresses[i] = strings.TrimSpace(c.Addresses[i])
		address := c.Addresses[i]
		if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
			return fmt.Errorf("config: Addresses: %q does not begin with http:// or https://", address)
		}
	}
	if c.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Authorities}
		transport.MaxIdleConnsPerHost = maxInFlight + 16 // submits, and those who wait
		c.HTTP = &http.Client{Transport: transport}
	}
	if c.Attempts == 0 {
		c.Attempts = 6
	}
	return nil
}

// Client calls a supervisor. It is safe for concurrent use.
type Client struct {
	cfg   Config
	wires wires
	own   post        // of jobs that this client signs
	gate  *submitGate // of those
	texts *submitGate // of jobs that were signed elsewhere
	// pause waits between two attempts; replaced in tests, which do not.
	pause func(context.Context, time.Duration) error
}

// New makes a client. It sends nothing yet. The error says what is wrong with
// the configuration.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, wires: wires{http: cfg.HTTP, addresses: cfg.Addresses, apiKey: cfg.APIKey}, pause: pause}
	c.own.wires, c.own.key = &c.wires, cfg.Key
	c.gate, c.texts = newSubmitGate(c.own.submit), newSubmitGate((&post{wires: &c.wires}).submit)
	return c, nil
}

// Submit submits a job and returns when it is in the history, as durably as the
// receipt says. A job without an id gets one (UUIDv7), so that sending it again
// never runs it twice.
func (c *Client) Submit(ctx context.Context, j Job) (wire.Receipt, error) {
	if err := j.name(); err != nil {
		return wire.Receipt{}, err
	}
	text, err := j.Sign(signing.PrivateKey{}) // the gate signs, alone or in company
	if err != nil {
		return wire.Receipt{}, err
	}
	return c.submit(ctx, c.gate, text)
}

// SubmitText submits a job that was written and perhaps signed elsewhere, word
// for word, as [Job.Sign] and horus sign make it. It must name its id.
func (c *Client) SubmitText(ctx context.Context, text wire.JobText) (wire.Receipt, error) {
	submission, err := job.Parse(text)
	if err != nil {
		return wire.Receipt{}, err
	}
	opened, err := submission.Open()
	if err != nil {
		return wire.Receipt{}, err
	}
	if opened.Spec.ID.IsZero() {
		return wire.Receipt{}, domain.Errorf(domain.Invalid, "id", "the job names no id, so that sending it again could run it twice")
	}
	return c.submit(ctx, c.texts, text)
}

func (c *Client) submit(ctx context.Context, gate *submitGate, text wire.JobText) (receipt wire.Receipt, err error) {
	err = c.persist(ctx, func() (err error) {
		receipt, err = gate.submit(ctx, text)
		return err
	})
	return receipt, err
}

// Call calls any method by its name, with a struct or map of parameters, or nil
// for none; result is a pointer to what the answer is stored in, or nil. The
// method must be one that may be called twice: it is when an answer was lost.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	return c.persist(ctx, func() error { return c.wires.call(ctx, method, params, result) })
}

// Backoff of attempts: full jitter below firstBackoff, doubled every time.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	maxDoublings = 6 // of firstBackoff, which is more than maxBackoff
)

// persist calls send again while its error says that this may help.
func (c *Client) persist(ctx context.Context, send func() error) error {
	heard := trail{}
	for attempt := 1; ; attempt++ {
		err := send()
		after, again := retryAfter(err)
		if !again {
			return err
		}
		heard.add(err)
		if attempt >= c.cfg.Attempts || ctx.Err() != nil {
			return heard.end(err, c.cfg.Addresses)
		}
		ceiling := min(firstBackoff<<min(attempt-1, maxDoublings), maxBackoff)
		if c.pause(ctx, max(after, rand.N(ceiling))) != nil { //nolint:gosec // jitter is no secret
			return heard.end(err, c.cfg.Addresses)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
