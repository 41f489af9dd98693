package rpcapi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Metrics is what a supervisor shows of itself at /metrics. A nil *Metrics
// measures nothing.
//
// The share of jobs that end well, over five minutes:
//
//	sum(rate(horus_jobs_finished_total{outcome="completed"}[5m])) / sum(rate(horus_jobs_finished_total[5m]))
//
// How long the slowest hundredth of the calls takes, by method:
//
//	histogram_quantile(0.99, sum by (method, le) (rate(horus_rpc_duration_seconds_bucket[5m])))
type Metrics struct {
	calls   *prometheus.HistogramVec
	refused prometheus.Counter
	events  prometheus.Histogram
	append  prometheus.Histogram
}

// Figures are what the collector asks for at every scrape.
type Figures struct {
	Queues   []QueueFigures
	Jobs     map[string]uint64 // how many jobs are in each state
	Outcomes map[string]uint64 // how many jobs ended so since the founding: completed, and the kinds of failure
	Lost     map[string]uint64 // attempts that were lost, by how that was found
	Retried  map[string]uint64 // attempts that failed and were followed by another, by their kind of failure
	Timers   map[string]uint64 // timers that fired, by what they were for
	Refused  uint64            // reports of attempts' ends that came too late or from somebody else
	Bundles  map[string]uint64 // bundles of reports by what became of them: taken, repeated, or why they were dropped
	Late     uint64            // reports on attempts that were not open any more, which changed nothing
	Lag      uint64            // events that the projections have yet to fold
	Leading  bool
	Halted   bool       // the history is damaged and nothing is written
	KeyEnds  event.Time // last instant at which the leader's key holds; zero: for ever, or not leading

	Durability eventstore.Durability // that receipts bear now; none if empty
	Undurable  uint64                // events that too few replicas are known to have
	// ClockBehind is how far the leader's clock is behind the times in the history.
	ClockBehind time.Duration
	Memory      MemoryFigures
	Refusing    map[string]bool // whether new jobs are refused, by reason
}

// MemoryFigures are the memory of the store, in bytes.
type MemoryFigures struct {
	Used uint64 // what counts against Max
	Max  uint64 // from which on nothing is written; 0 if there is no limit, or it is not known
}

// QueueFigures are the figures of one queue.
type QueueFigures struct {
	Queue   string
	Waiting uint64
	Running uint64
	Oldest  time.Duration // age of the attempt that waits longest; 0 if none does
}

// NewMetrics makes the metrics and registers them. figures is asked at every
// scrape and must answer from memory; nil if there are none.
func NewMetrics(reg prometheus.Registerer, figures func() Figures) (*Metrics, error) {
	m := &Metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "horus_rpc_duration_seconds", Help: "How long calls took, by method and JSON-RPC error number (0: it went well).",
			Buckets: prometheus.ExponentialBuckets(0.0002, 4, 10), // 0.2 ms to 52 s: a submit to a long poll
		}, []string{"method", "code"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "horus_rpc_notifications_refused_total", Help: "Notifications that would have changed something and were not run.",
		}),
		events: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horus_commit_events", Help: "Events of a commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9), // 1 to 256, which is the most
		}),
		append: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horus_append_seconds", Help: "How long the store took to append a commit.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12), // 0.1 ms to 2.4 s
		}),
	}
	collectors := []prometheus.Collector{m.calls, m.refused, m.events, m.append}
	if figures != nil {
		collectors = append(collectors, newCollector(figures))
	}
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Appended counts a commit, unless nothing is measured; it fits
// eventstore.Config.Observe.
func (m *Metrics) Appended(events int, took time.Duration) {
	if m == nil {
		return
	}
	m.events.Observe(float64(events))
	m.append.Observe(took.Seconds())
}

// observer returns what the server tells of every call, nil if nobody listens.
func (m *Metrics) observer(methods []jsonrpc.Method) func(jsonrpc.Observation) {
	if m == nil {
		return nil
	}
	good := make(map[string]prometheus.Observer, len(methods))
	for _, method := range methods {
		good[method.Name] = m.calls.WithLabelValues(method.Name, "0")
	}
	return func(o jsonrpc.Observation) {
		if o.Reason == "notification_refused" {
			m.refused.Inc()
		}
		series, ok := good[o.Method]
		if !ok || o.Code != 0 {
			series = m.calls.WithLabelValues(o.Method, strconv.Itoa(o.Code))
		}
		series.Observe(o.Took.Seconds())
	}
}

// collector turns figures into samples.
type collector struct {
	figures  func() Figures
	depth    *prometheus.Desc
	oldest   *prometheus.Desc
	jobs     *prometheus.Desc
	dead     *prometheus.Desc
	outcomes *prometheus.Desc
	lost     *prometheus.Desc
	retried  *prometheus.Desc
	timers   *prometheus.Desc
	refused  *prometheus.Desc
	bundles  *prometheus.Desc
	late     *prometheus.Desc
	lag      *prometheus.Desc
	leading  *prometheus.Desc
	halted   *prometheus.Desc
	keyEnds  *prometheus.Desc

	durability *prometheus.Desc
	undurable  *prometheus.Desc
	behind     *prometheus.Desc
	memory     *prometheus.Desc
	refusing   *prometheus.Desc
}

func newCollector(figures func() Figures) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		figures:  figures,
		depth:    desc("horus_queue_depth", "Attempts of a queue, by state: waiting or running.", "queue", "state"),
		oldest:   desc("horus_queue_oldest_seconds", "Age of the attempt that waits longest in a queue.", "queue"),
		jobs:     desc("horus_jobs", "Jobs by state.", "state"),
		dead:     desc("horus_dead_jobs", "Jobs that failed and that nobody replayed, dropped or deleted: the dead-letter list."),
		outcomes: desc("horus_jobs_finished_total", "Jobs that ended, by outcome: completed, stopped, error, timeout, lost, rejected or expired.", "outcome"),
		lost:     desc("horus_attempts_lost_total", "Attempts that were lost, by how that was found: lease (not renewed), queue (its entry vanished), timeout or stop (its runner did not say so).", "reason"),
		retried:  desc("horus_jobs_retried_total", "Attempts that failed and are followed by another, by kind: error or timeout.", "kind"),
		timers:   desc("horus_timers_fired_total", "Timers that fired, by what they were for: scheduled, retrying, expired, timeout or stop.", "kind"),
		refused:  desc("horus_reports_refused_total", "Reports of attempts' ends that came too late or from somebody else. They changed nothing, and the history names them."),
		bundles:  desc("horus_bundles_total", "Bundles of runners' reports that this supervisor saw, by what became of them: taken, repeated, or the reason why they were dropped.", "result"),
		late:     desc("horus_late_reports_total", "Reports on attempts that were not open any more. They changed nothing."),
		lag:      desc("horus_projection_lag_events", "Events of the history that the projections have yet to fold."),
		leading:  desc("horus_leading", "1 if this supervisor leads the partition."),
		halted:   desc("horus_halted", "1 if the history is damaged, so that nothing is written until somebody runs horus repair."),
		keyEnds:  desc("horus_key_end_timestamp_seconds", "When the key of this supervisor ends, which leads; absent if it does not end."),

		durability: desc("horus_durability_info", "Always 1: its label is the durability that receipts bear now.", "level"),
		undurable:  desc("horus_undurable_events", "Events of the history that too few replicas are known to have."),
		behind:     desc("horus_clock_behind_seconds", "How far the clock of this supervisor, which leads, is behind the times in the history."),
		memory:     desc("horus_redis_memory_bytes", "Memory of Redis as its leader sees it: used, of what counts against the limit, and max, the limit.", "of"),
		refusing:   desc("horus_jobs_refused", "1 while new jobs are refused, by reason: memory or lagging.", "reason"),
	}
}

// Describe sends the descriptions.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	all := []*prometheus.Desc{
		c.depth, c.oldest, c.jobs, c.dead, c.outcomes, c.lost, c.retried, c.timers, c.refused,
		c.bundles, c.late, c.lag, c.leading, c.halted, c.keyEnds,
		c.durability, c.undurable, c.behind, c.memory, c.refusing,
	}
	for _, d := range all {
		ch <- d
	}
}

// Collect asks for the figures and sends them.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	f := c.figures()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, q := range f.Queues {
		gauge(c.depth, float64(q.Waiting), q.Queue, "waiting")
		gauge(c.depth, float64(q.Running), q.Queue, "running")
		gauge(c.oldest, q.Oldest.Seconds(), q.Queue)
	}
	for state, n := range f.Jobs {
		gauge(c.jobs, float64(n), state)
	}
	if dead, known := f.Jobs[job.Broken.String()]; known {
		gauge(c.dead, float64(dead))
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for _, of := range []struct {
		desc   *prometheus.Desc
		counts map[string]uint64
	}{{c.outcomes, f.Outcomes}, {c.lost, f.Lost}, {c.retried, f.Retried}, {c.timers, f.Timers}, {c.bundles, f.Bundles}} {
		for label, n := range of.counts {
			count(of.desc, n, label)
		}
	}
	count(c.refused, f.Refused)
	count(c.late, f.Late)
	gauge(c.lag, float64(f.Lag))
	gauge(c.leading, truth(f.Leading))
	gauge(c.halted, truth(f.Halted))
	if !f.KeyEnds.IsZero() {
		gauge(c.keyEnds, float64(f.KeyEnds)/1e6)
	}
	if f.Durability != "" {
		gauge(c.durability, 1, string(f.Durability))
	}
	gauge(c.undurable, float64(f.Undurable))
	if f.Leading {
		gauge(c.behind, f.ClockBehind.Seconds())
	}
	if f.Memory.Used > 0 {
		gauge(c.memory, float64(f.Memory.Used), "used")
	}
	if f.Memory.Max > 0 {
		gauge(c.memory, float64(f.Memory.Max), "max")
	}
	for reason, is := range f.Refusing {
		gauge(c.refusing, truth(is), reason)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
