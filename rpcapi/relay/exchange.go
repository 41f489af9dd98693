package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// errUnsent is in the tree of errors of calls that the leader never saw, and
// that another leader may be sent.
var errUnsent = errors.New("not sent")

// CheckAddress reports why calls cannot be passed on to an address, which a
// supervisor gives as its own: they bear secrets, so beyond this machine they
// travel encrypted. Its error has [domain.Invalid] and the reason address.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return domain.Errorf(domain.Invalid, "address", "%.200q is not an address: write https://host:port", address)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return domain.Errorf(domain.Invalid, "address",
			"calls bear secrets and do not go to %.200s unencrypted: give the supervisor --tls-cert and --tls-key, or a proxy in front of it that speaks TLS, and --advertise https://…", address)
	}
	return domain.Errorf(domain.Invalid, "address", "%.200q begins neither with https:// nor, on this machine, with http://", address)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// exchange sends what is pending to a leader and takes his answers. What he
// answers that he does not lead remains pending. An error concerns all.
func (p *passage) exchange(ctx context.Context, leader Leader) error {
	if err := p.relay.reachable(leader); err != nil {
		return err
	}
	ctx, cancel := p.bounded(ctx, leader)
	defer cancel()
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	reply, err := p.relay.post(httptrace.WithClientTrace(ctx, trace), leader.Address, p.message())
	if err == nil {
		err = p.take(reply)
	}
	switch {
	case err == nil:
		return nil
	case sent.Load():
		return domain.Errorf(domain.Indeterminate, "leader_unreachable",
			"the answer of the leader, supervisor %s at %s, did not come, and the call may have been carried out: send it again with the same id", leader.Name, leader.Address)
	}
	return fmt.Errorf("%w: %w: %w", errUnsent, again("leader_unreachable",
		"the leader, supervisor %s, cannot be reached at %s: ask again", leader.Name, leader.Address), err)
}

// reachable refuses an address to which nothing is sent.
func (r *Relay) reachable(leader Leader) error {
	if err := CheckAddress(leader.Address); err != nil {
		return again("leader_unreachable", "supervisor %s leads: %v", leader.Name, err)
	}
	if leader.Address == r.cfg.Self {
		return again("leader_unreachable",
			"supervisor %s leads and gives %s as its address, which is this supervisor's: start it with --advertise https://… so that others reach it", leader.Name, leader.Address)
	}
	// Of supervisors on several machines one that was started without --advertise
	// gives an address that means somebody else here, who would get the secrets.
	if isLocal(leader.Address) && strings.HasPrefix(r.cfg.Self, "https://") && !isLocal(r.cfg.Self) {
		return again("leader_unreachable",
			"supervisor %s leads and gives %s as its address, which is its own machine's alone: start it with --advertise https://… so that others reach it", leader.Name, leader.Address)
	}
	return nil
}

// isLocal reports whether an address means whatever machine it is used on.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return isLoopback(u.Hostname()) || ip != nil && ip.IsUnspecified()
}

// Why a passage ends before its answers came.
var (
	errOver     = errors.New("another supervisor leads")
	errLate     = errors.New("no answer in time")
	errStopping = errors.New("this supervisor is stopping")
)

// bounded returns the context of an exchange: it ends with the leader's term,
// and otherwise in time, but that calls that wait may take until this program
// ends.
func (p *passage) bounded(ctx context.Context, leader Leader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopping, timed := p.relay.cfg.Stopping, context.CancelFunc(func() {})
	if !p.waits {
		stopping = nil
		ctx, timed = context.WithTimeoutCause(ctx, answerTime, errLate)
	}
	done := ctx.Done()
	go func() {
		select {
		case <-leader.Over:
			cancel(errOver)
		case <-stopping:
			cancel(errStopping)
		case <-done:
		}
	}()
	return ctx, func() { timed(); cancel(context.Canceled) }
}

// message writes what is pending as a request, or a batch. The ids are the
// places of the calls.
func (p *passage) message() []byte {
	message := make([]byte, 0, p.bytes+128*len(p.pending))
	for k, i := range p.pending {
		message = append(message, "[,"[min(k, 1)])
		message = append(message, `{"jsonrpc":"2.0","method":`...)
		message = fixedjson.AppendString(message, p.calls[i].Method.Name)
		if params := p.calls[i].Params; params != nil {
			message = append(append(message, `,"params":`...), params...)
		}
		message = strconv.AppendInt(append(message, `,"id":`...), int64(i), 10)
		message = append(message, '}')
	}
	if len(p.pending) == 1 {
		return message[1:]
	}
	return append(message, ']')
}

// response is one answer of the leader.
type response struct {
	Result jsontext.Value `json:"result"`
	Error  *jsonrpc.Error `json:"error"`
	ID     *int           `json:"id"`
}

func (r *response) refuses() bool { return r.Error != nil }

// take reads the leader's message of answers.
func (p *passage) take(reply []byte) error {
	var responses []response
	if json.Unmarshal(reply, &responses) != nil { // one answer is no array
		responses = make([]response, 1)
		if err := json.Unmarshal(reply, &responses[0]); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
	}
	found := make(map[int]response, len(responses))
	for _, r := range responses {
		if r.ID != nil {
			found[*r.ID] = r
		}
	}
	if len(found) == 0 && len(responses) == 1 && responses[0].refuses() {
		p.refuse(responses[0].Error) // the message was not looked into
		return nil
	}
	var left []int
	for _, i := range p.pending {
		r, ok := found[i]
		if !ok || !r.refuses() && r.Result == nil {
			return errors.New("a call was not answered")
		}
		p.answers[i] = jsonrpc.Answer{Result: r.Result}
		if r.refuses() {
			p.answers[i] = jsonrpc.Answer{Err: r.Error}
		}
		if leadsNot(r.Error) {
			left = append(left, i)
		}
	}
	p.pending = left
	return nil
}

// leadsNot reports whether an answer says that the supervisor does not lead, and
// so that nothing was done.
func leadsNot(e *jsonrpc.Error) bool {
	return e != nil && e.Code == jsonrpc.CodeTryAgain && e.Data != nil &&
		(e.Data.Reason == "no_leader" || e.Data.Reason == "not_leader")
}

func (r *Relay) post(ctx context.Context, address string, message []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(address, "/")+"/rpc", bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(jsonrpc.RelayedBy, string(r.cfg.Name))
	if bearer := jsonrpc.Bearer(ctx); bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := r.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		return nil, fmt.Errorf("%s answers %s", address, answer.Status)
	}
	reply, err := io.ReadAll(io.LimitReader(answer.Body, maxReply+1))
	if err == nil && len(reply) > maxReply {
		err = fmt.Errorf("the answer has more than %d bytes", maxReply)
	}
	return reply, err
}
