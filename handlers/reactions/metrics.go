package reactions

import (
	"context"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/handlers/poison"
)

// Metrics is what reactions show of themselves. A nil *Metrics measures nothing.
type Metrics struct {
	results *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	by      map[domain.Name]figures
	lag     *prometheus.Desc
	waiting *prometheus.Desc
	poison  poison.Queue

	mu sync.Mutex

	durable func() uint64 // of the term that is on; nil if none is
	places  map[domain.Name]uint64
}

// figures are one reaction's.
type figures struct {
	done, poisoned, later prometheus.Counter
	seconds               prometheus.Observer
}

// scrapeTime bounds how long a scrape waits for the poison queue.
const scrapeTime = 2 * time.Second

// NewMetrics makes the metrics of reactions with those names and registers them.
func NewMetrics(reg prometheus.Registerer, queue poison.Queue, names ...domain.Name) (*Metrics, error) {
	m := &Metrics{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horus_reactions_total", Help: "Messages that reactions to events handled, by what became of them: done, poisoned, or later (it comes again).",
		}, []string{"reaction", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "horus_reaction_seconds", Help: "How long reactions took for a message, with all its tries.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 8, 7), // 0.1 ms to 26 s
		}, []string{"reaction"}),
		by:      make(map[domain.Name]figures, len(names)),
		lag:     prometheus.NewDesc("horus_reaction_lag_events", "Events of the history that a reaction has yet to pass; absent where it does not run.", []string{"reaction"}, nil),
		waiting: prometheus.NewDesc("horus_poison_messages", "Messages that wait in the poison queue for somebody to look.", nil, nil),
		poison:  queue,
		places:  map[domain.Name]uint64{},
	}
	for _, name := range names {
		of := func(result string) prometheus.Counter { return m.results.WithLabelValues(string(name), result) }
		m.by[name] = figures{of("done"), of("poisoned"), of("later"), m.seconds.WithLabelValues(string(name))}
	}
	for _, c := range []prometheus.Collector{m.results, m.seconds, m} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// measure returns what stands around a handler.
func (m *Metrics) measure(name domain.Name) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		if m == nil {
			return h
		}
		f, known := m.by[name]
		if !known {
			return h
		}
		return func(msg *message.Message) ([]*message.Message, error) {
			aside, began, ctx := false, time.Now(), msg.Context()
			msg.SetContext(context.WithValue(ctx, poisonedKey{}, &aside))
			produced, err := h(msg)
			msg.SetContext(ctx)
			result := f.done
			switch {
			case err != nil:
				result = f.later
			case aside:
				result = f.poisoned
			}
			result.Inc()
			f.seconds.Observe(time.Since(began).Seconds())
			return produced, err
		}
	}
}

// reached returns what notes how far a reaction has come.
func (m *Metrics) reached(name domain.Name) func(uint64) {
	if m == nil {
		return nil
	}
	return func(seq uint64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.places[name] = seq
	}
}

// follow shows the lag of a term's reactions until it is told to stop.
func (m *Metrics) follow(cfg *Config) (stop func()) {
	if m == nil {
		return func() {}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.durable = cfg.Journal.Durable
	clear(m.places)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.durable = nil
	}
}

// Describe sends the descriptions.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.lag
	ch <- m.waiting
}

// Collect asks and sends.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	if n, err := m.poison.Len(ctx); err == nil { // missing from a scrape says that Redis does not answer
		ch <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(n))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.durable == nil {
		return
	}
	end := m.durable()
	for name, seq := range m.places {
		ch <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, float64(max(end, seq)-seq), string(name))
	}
}
