package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/herocode/horus/rpcapi/client"
)

// A siege.
const (
	siegeAll     = 15_000          // connections that want to come in
	siegeSpare   = 1_000           // descriptors that a process needs for all else
	siegeGroup   = 10              // connections of one goroutine: the race detector knows 8,128 of those
	siegeHostile = 12              // every so many groups, one connection sends hostile texts
	siegeDialers = 64              // connect at the same time: more than that the backlog drops
	siegeFill    = 3 * time.Minute // until there are enough, on a machine that is busy
	siegeTime    = 8 * time.Second
)

// What it may cost.
const (
	siegeAnswer = 20 * time.Second // for one good client to submit and read a job, on a machine that is busy
	siegeMemory = 1 << 30          // resident bytes of the supervisor: about 100 KiB a connection
	siegeLitter = 20               // goroutines that are left
)

// TestASupervisorUnderSiege lets ten thousand connections do what they can to
// keep a supervisor from its work: heads and bodies that never end, connections
// that say nothing, and JSON that costs its reader most. A client that was there
// before is served all the time, the memory is bounded, those who are too many are
// told so, and nothing of it is left when they go.
func TestASupervisorUnderSiege(t *testing.T) {
	all := min(siegeAll, descriptors(t)-siegeSpare)
	if all < siegeAll {
		t.Logf("the limit of descriptors leaves room for %d connections, not for %d", all, siegeAll)
	}
	held := all * 2 / 3 // fewer than those who stay: it is full however slowly the others come again
	w := onShared(t)
	limit := fmt.Sprint(held)
	w.supervisor("--limit-connections", limit, "--limit-connections-per-address", limit)
	w.admit()
	good := &served{world: w, client: w.caller(1, w.url())}
	before := good.serve()

	s := besiege(t, w.port, all)
	eventually(t, siegeFill, func(context.Context) error {
		if good.serve(); s.times(turnedAway) == 0 {
			return errors.New("nobody was turned away: there are not so many at once")
		}
		return nil
	})
	for end := time.Now().Add(siegeTime); time.Now().Before(end); {
		good.serve()
	}
	s.raise()
	t.Logf("%d rounds of good calls, the slowest of %s; %d MiB at most; the others heard %v", good.rounds, good.slowest, good.memory>>20, s.heard)
	for _, what := range []string{"HTTP 200", "HTTP 400", "HTTP 408", turnedAway} {
		if s.times(what) == 0 {
			t.Errorf("nobody heard %q", what)
		}
		delete(s.heard, what)
	}
	delete(s.heard, "") // too many were turned away at the same time, or the siege ended
	if len(s.heard) > 0 {
		t.Errorf("some heard what nobody should: %v", s.heard)
	}
	eventually(t, patience, func(context.Context) error {
		if left := good.serve()["go_goroutines"] - before["go_goroutines"]; left > siegeLitter {
			return fmt.Errorf("%v goroutines are left", left)
		}
		return nil
	})
}

// descriptors raises the number of files that may be open as far as it can be,
// also for processes that are started after it, and returns it.
func descriptors(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(limit.Cur, 1<<20)) //nolint:gosec // bounded
}

// served is a client that does nothing wrong.
type served struct {
	*world

	client  *client.Client // sends each call once
	rounds  int
	slowest time.Duration
	memory  uint64 // of the supervisor, at most
}

// serve submits a job, reads it and the supervisor's metrics, and returns those.
func (s *served) serve() map[string]float64 {
	s.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.t.Context(), siegeAnswer)
	defer cancel()
	receipt, err := s.client.Submit(ctx, client.NewJob("x").Runner("nobody"))
	if err != nil {
		s.t.Fatalf("submit after %s: %v", time.Since(began), err)
	}
	if _, err := s.client.Get(ctx, receipt.ID); err != nil {
		s.t.Fatalf("get after %s: %v", time.Since(began), err)
	}
	s.rounds, s.slowest = s.rounds+1, max(s.slowest, time.Since(began))
	metrics := s.metrics()
	memory := uint64(metrics["process_resident_memory_bytes"])
	if s.memory = max(s.memory, memory); memory == 0 || memory > siegeMemory {
		s.t.Fatalf("the supervisor has %d MiB", memory>>20)
	}
	return metrics
}

// siege is many connections at once. What they hear is counted.
type siege struct {
	address string
	dialers chan struct{} // full while enough connect
	raise   func()        // ends it; all are gone when it returns

	mu sync.Mutex

	heard map[string]int
}

// What strangers say, of four kinds.
const (
	halfHead = "POST / HTTP/1.1\r\nHost: horus\r\nContent-"
	oneCall  = "GET /healthz HTTP/1.1\r\nHost: horus\r\n\r\n"
)

func halfBody() string { return head(1<<20) + strings.Repeat(`[{"jsonrpc":"2.0",`, 10) }

func head(length int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: horus\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", length)
}

// besiege lets n connections in all come, in groups.
func besiege(t *testing.T, port, n int) *siege {
	ctx, cancel := context.WithCancel(t.Context())
	s := &siege{address: fmt.Sprintf("127.0.0.1:%d", port), dialers: make(chan struct{}, siegeDialers), heard: map[string]int{}}
	var all sync.WaitGroup
	s.raise = func() {
		cancel()
		all.Wait()
	}
	t.Cleanup(s.raise)
	ways := slices.Concat(
		slices.Repeat([]way{s.keep}, 11),
		slices.Repeat([]way{s.sayAndHear(halfHead), s.sayAndHear(halfBody())}, 2))
	for i := 0; n > 0; i++ {
		do, together := ways[i%len(ways)], min(n, siegeGroup)
		if i%siegeHostile == 0 {
			do, together = s.annoy, 1
		}
		n -= together
		all.Go(func() {
			for ctx.Err() == nil {
				s.come(ctx, together, do)
			}
		})
	}
	return s
}

// way is what is done with a group of connections.
type way func(context.Context, []net.Conn)

// come is a group of connections, until their way ends or the siege does.
func (s *siege) come(ctx context.Context, together int, do way) {
	group := make([]net.Conn, 0, together)
	for range together {
		s.dialers <- struct{}{}
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
		<-s.dialers
		if err == nil {
			group = append(group, c)
			continue
		}
		if ctx.Err() == nil {
			s.hear(err.Error())
		}
		break
	}
	leave := sync.OnceFunc(func() {
		for _, c := range group {
			_ = c.Close()
		}
	})
	defer leave()
	defer context.AfterFunc(ctx, leave)()
	do(ctx, group)
	rest(ctx, time.Second)
}

func (s *siege) hear(said string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[said]++
}

func (s *siege) times(said string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard[said]
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// sayAndHear says something on each connection and waits for what is answered.
func (s *siege) sayAndHear(text string) way {
	return func(_ context.Context, group []net.Conn) {
		for _, c := range group {
			_, _ = io.WriteString(c, text) // whether that arrives, the answer says
		}
		for _, c := range group {
			s.hear(answer(bufio.NewReaderSize(c, 512)))
		}
	}
}

// keep asks once on each connection and keeps it until the supervisor ends it.
func (s *siege) keep(ctx context.Context, group []net.Conn) {
	s.sayAndHear(oneCall)(ctx, group)
	for _, c := range group {
		_, _ = io.Copy(io.Discard, c) // that it ends is all
	}
}

// annoy sends one text after another that is hard to read.
func (s *siege) annoy(ctx context.Context, group []net.Conn) {
	for _, c := range group {
		for r, said := bufio.NewReaderSize(c, 512), "HTTP 400"; said == "HTTP 400" && ctx.Err() == nil; {
			text := hostileTexts()[rand.IntN(len(hostileTexts()))]
			_, _ = io.WriteString(c, head(len(text)))
			_, _ = io.WriteString(c, text)
			said = answer(r)
			s.hear(said)
			rest(ctx, time.Second)
		}
	}
}

const turnedAway = "too many connections are open"

// refusal is what one connection too many is answered, as docs/limits.md says.
const refusal = `{"jsonrpc":"2.0","error":{"code":-32010,"message":"too many connections are open: come back later, or use fewer",` +
	`"data":{"reason":"connections","retry":"later","after_ms":1000}},"id":null}`

// answer returns what the supervisor says next, in a word or two; nothing when
// the connection ends without a word.
func answer(r *bufio.Reader) string {
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return ""
	}
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable {
		return fmt.Sprintf("HTTP %d", response.StatusCode)
	}
	if string(body) == refusal && response.Header.Get("Retry-After") == "1" && response.Close {
		return turnedAway
	}
	return fmt.Sprintf("HTTP 503 %s %v %v", body, response.Header, err)
}

// hostileTexts are each wrong in another way, and long.
var hostileTexts = sync.OnceValue(func() []string {
	const size = 128 << 10
	fill := func(before, text, after string) string {
		return before + strings.Repeat(text, (size-len(before)-len(after))/len(text)) + after
	}
	return []string{
		fill("", "[", ""),
		fill("", `{"a":`, ""),
		fill(`{"jsonrpc":"`, "x", ``),                     // a string without an end
		fill(`{"`, "\\u0061", `":1,"b":[1e999999,01]}`),   // a long name, and no numbers
		fill(`{"a":1`, `,"a":1`, `}`),                     // one name often
		fill(`{"a":1`, `,"\u0061":1`, `}`),                // the same in two spellings
		fill(`[`, `"\ud800",`, `1]`),                      // halves of characters
		fill(`{"jsonrpc":"2.0","id":1`, "9", `,"x":}`),    // a number of a hundred thousand digits
		fill(`{"jsonrpc":"2.0","method":"`, "\xff", `"}`), // no UTF-8
		fill("", " ", ""),
	}
})
