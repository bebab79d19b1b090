package observe

import (
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// noSite is the label of requests that belong to no site.
const noSite = "-"

// Metrics are the node's numbers for Prometheus. Labels are sites, functions
// and origins of the configuration and words of our own: nothing that a client
// sends makes a new series.
//
// sites is swapped whole when the configuration changes; the children in it
// are found without a lock. Counters of the pair (outcome, reason) and of a
// status are made when they are first needed.
type Metrics struct {
	registry *prometheus.Registry

	requests  *prometheus.CounterVec
	statuses  *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	served    *prometheus.CounterVec
	fetches   *prometheus.CounterVec
	fetchTime *prometheus.HistogramVec

	calls, failures, fuel *prometheus.CounterVec
	cpu, wall             *prometheus.CounterVec
	subrequests           *prometheus.CounterVec

	guestCount   *prometheus.CounterVec
	guestObserve *prometheus.HistogramVec
	guestGauge   *prometheus.GaugeVec

	// encodings and what follow are of what the node compresses.
	encodings, encodingIn, encodingOut, encodingCPU *prometheus.CounterVec

	events *prometheus.CounterVec
	sites  sync.Map // siteKey → *siteMetrics
	// recent are sites that were found in sites, each in the cell that its name
	// hashes to. A site that has been forgotten may stand there, but is gone.
	// recentFuncs are the same of functions.
	recent      [64]atomic.Pointer[siteMetrics]
	recentFuncs [64]atomic.Pointer[functionMetrics]
	seed        maphash.Seed
	funcs       sync.Map // functionKey → *functionMetrics
}

type siteKey struct{ owner, site string }

// siteMetrics are the children of one site. The tables are filled on demand;
// two goroutines that fill one cell store the same child. gone goes from false
// to true once, when the site has been taken out of Metrics.sites.
type siteMetrics struct {
	owner, site string
	gone        atomic.Bool

	outcomes  [exchange.Outcomes][exchange.Reasons]atomic.Pointer[prometheus.Counter]
	statuses  [600]atomic.Pointer[prometheus.Counter]
	bytes     [exchange.Outcomes][len(codings)]atomic.Pointer[prometheus.Counter]
	served    [exchange.Outcomes][exchange.Tiers]atomic.Pointer[prometheus.Counter]
	duration  latency
	firstByte latency
}

type functionKey struct {
	owner, name string
	hook        exchange.Hook
}

// functionMetrics are the children of one function at one hook. gone is as in
// siteMetrics.
type functionMetrics struct {
	functionKey
	gone atomic.Bool

	calls, fuel, cpu, wall prometheus.Counter
	failures               [exchange.Reasons]atomic.Pointer[prometheus.Counter]
}

// seconds are the buckets of durations: from a hit in RAM to a slow origin.
var seconds = [...]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// NewMetrics makes the metrics of a node of that version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), seed: maphash.MakeSeed()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "wedge", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "wedge", Name: name, Help: help, Buckets: seconds[:]}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.requests = counter("requests_total", "Requests that have ended, by where the response came from and why.", "owner", "site", "outcome", "reason")
	m.statuses = counter("responses_total", "Responses, by status.", "owner", "site", "status")
	m.bytes = counter("response_body_bytes_total", "Bytes of content sent to clients, by where the response came from and its content coding.", "owner", "site", "outcome", "coding")
	m.served = counter("cache_served_total", "Stored responses sent, by where they stood: memory, disk, or in segments of their own.", "owner", "site", "outcome", "tier")
	m.registry.MustRegister(newLatencies(m))
	m.fetches = counter("fetches_total", "Fetches at origins, by site and status; status 0 means that there was no answer.", "owner", "site", "status")
	m.fetchTime = histogram("fetch_first_byte_seconds", "Time from the begin of a fetch to the head of its response.", "owner", "site")
	m.calls = counter("function_calls_total", "Calls of functions.", "owner", "function", "hook")
	m.failures = counter("function_failures_total", "Calls of functions that failed, by kind.", "owner", "function", "hook", "kind")
	m.fuel = counter("function_fuel_total", "Fuel that functions have spent.", "owner", "function", "hook")
	m.cpu = counter("function_cpu_seconds_total", "Processor time of functions.", "owner", "function", "hook")
	m.wall = counter("function_wall_seconds_total", "Time by the clock of functions, waiting included.", "owner", "function", "hook")
	m.subrequests = counter("function_subrequests_total", "Requests of functions' own.", "owner", "function")
	m.guestCount = counter("function_counter_total", "Counters of functions' own, by name.", "owner", "function", "name")
	m.guestObserve = histogram("function_value", "Values that functions observe, by name.", "owner", "function", "name")
	m.guestGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "wedge", Name: "function_gauge", Help: "Gauges of functions' own, by name."}, []string{"owner", "function", "name"})
	m.registry.MustRegister(m.guestGauge)
	m.encodings = counter("encodings_total", "Contents that the node has compressed, by what became of them: sent (to one client), kept (in the cache, for all later ones), dropped (it saved too little).", "coding", "use")
	m.encodingIn = counter("encoding_in_bytes_total", "Bytes that were compressed.", "coding", "use")
	m.encodingOut = counter("encoding_out_bytes_total", "Bytes that they were compressed to.", "coding", "use")
	m.encodingCPU = counter("encoding_cpu_seconds_total", "Processor time of compressing, of what is kept or dropped; what is compressed while it is sent is part of the request's.", "coding", "use")
	m.events = counter("events_total", "What happened beside requests: bugs, refused connections, dropped fields, commits and the like.", "event")
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "wedge", Name: "build_info", Help: "The version of this node.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a number that is asked for when metrics are read. A name that
// ends in _total is a counter.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	if len(name) > 6 && name[len(name)-6:] == "_total" {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "wedge", Name: name, Help: help}, value))
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "wedge", Name: name, Help: help}, value))
}

// Durations adds a histogram, and returns what adds to it. Ages has buckets from
// seconds to weeks, else they are those of requests.
func (m *Metrics) Durations(name, help string, ages bool) (observe func(time.Duration)) {
	buckets := seconds[:]
	if ages {
		buckets = []float64{1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600, 28 * 24 * 3600}
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "wedge", Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return func(d time.Duration) { h.Observe(d.Seconds()) }
}

// Gatherer is what is read out.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Event counts something that happened beside requests. Events are words of our own.
func (m *Metrics) Event(event string) { m.events.WithLabelValues(event).Inc() }

func (m *Metrics) site(owner, site string) *siteMetrics {
	if site == "" {
		owner, site = noSite, noSite
	}
	// Fast path: the names are those of the routing table, so comparing them is
	// comparing two pointers, which a map would do after hashing all of the key.
	cell := &m.recent[maphash.String(m.seed, site)%uint64(len(m.recent))]
	if s := cell.Load(); s != nil && s.site == site && s.owner == owner && !s.gone.Load() {
		return s
	}
	key := siteKey{owner, site}
	v, ok := m.sites.Load(key)
	if !ok {
		v, _ = m.sites.LoadOrStore(key, &siteMetrics{owner: owner, site: site})
	}
	s := v.(*siteMetrics)
	cell.Store(s)
	return s
}

// child returns the counter in a cell, making it when it is first needed.
func child(cell *atomic.Pointer[prometheus.Counter], make func() prometheus.Counter) prometheus.Counter {
	if c := cell.Load(); c != nil {
		return *c
	}
	c := make()
	cell.Store(&c)
	return c
}

// Ended counts a client's exchange.
func (m *Metrics) Ended(x *exchange.Exchange, took time.Duration) {
	s := m.site(x.Owner, x.Site)
	cell := &s.outcomes[x.Outcome][x.Reason]
	if c := cell.Load(); c != nil {
		(*c).Inc()
	} else {
		owner, site := labels(x)
		child(cell, func() prometheus.Counter {
			return m.requests.WithLabelValues(owner, site, x.Outcome.String(), x.Reason.String())
		}).Inc()
	}
	status := x.Response.Status
	if status < 0 || status >= len(s.statuses) {
		status = 0
	}
	if c := s.statuses[status].Load(); c != nil {
		(*c).Inc()
	} else {
		owner, site := labels(x)
		child(&s.statuses[status], func() prometheus.Counter {
			return m.statuses.WithLabelValues(owner, site, strconv.Itoa(status))
		}).Inc()
	}
	coding := codingOf(&x.Response.Header)
	if c := s.bytes[x.Outcome][coding].Load(); c != nil {
		(*c).Add(float64(x.Sent))
	} else {
		owner, site := labels(x)
		child(&s.bytes[x.Outcome][coding], func() prometheus.Counter {
			return m.bytes.WithLabelValues(owner, site, x.Outcome.String(), codings[coding])
		}).Add(float64(x.Sent))
	}
	if tier := x.Cache.Tier; tier != exchange.TierNone {
		if c := s.served[x.Outcome][tier].Load(); c != nil {
			(*c).Inc()
		} else {
			owner, site := labels(x)
			child(&s.served[x.Outcome][tier], func() prometheus.Counter {
				return m.served.WithLabelValues(owner, site, x.Outcome.String(), tier.String())
			}).Inc()
		}
	}
	s.duration.observe(took)
	if x.FirstByte != 0 {
		s.firstByte.observe(x.FirstByte)
	}
}

func labels(x *exchange.Exchange) (owner, site string) {
	if x.Site == "" {
		return noSite, noSite
	}
	return x.Owner, x.Site
}

// Fetched counts a fetch.
func (m *Metrics) Fetched(x *exchange.Exchange, took time.Duration) {
	status := x.Cache.ForwardStatus
	if status < 100 || status > 599 {
		status = 0
	}
	m.fetches.WithLabelValues(x.Owner, x.Site, strconv.Itoa(status)).Inc()
	m.fetchTime.WithLabelValues(x.Owner, x.Site).Observe(took.Seconds())
}

// Called counts a call of a function.
func (m *Metrics) Called(owner, name string, c *exchange.Call) {
	f := m.function(functionKey{owner, name, c.Hook})
	f.calls.Inc()
	f.fuel.Add(float64(max(0, c.Fuel)))
	f.cpu.Add(max(0, c.CPU.Seconds()))
	f.wall.Add(max(0, c.Wall.Seconds()))
	if c.Failed != exchange.ReasonNone {
		child(&f.failures[c.Failed], func() prometheus.Counter {
			return m.failures.WithLabelValues(owner, name, c.Hook.String(), c.Failed.String())
		}).Inc()
	}
}

func (m *Metrics) function(key functionKey) *functionMetrics {
	// Fast path: as in site.
	cell := &m.recentFuncs[(maphash.String(m.seed, key.name)+uint64(key.hook))%uint64(len(m.recentFuncs))]
	if f := cell.Load(); f != nil && f.functionKey == key && !f.gone.Load() {
		return f
	}
	v, ok := m.funcs.Load(key)
	if !ok {
		owner, name, hook := key.owner, key.name, key.hook.String()
		v, _ = m.funcs.LoadOrStore(key, &functionMetrics{
			functionKey: key,
			calls:       m.calls.WithLabelValues(owner, name, hook),
			fuel:        m.fuel.WithLabelValues(owner, name, hook),
			cpu:         m.cpu.WithLabelValues(owner, name, hook),
			wall:        m.wall.WithLabelValues(owner, name, hook),
		})
	}
	f := v.(*functionMetrics)
	cell.Store(f)
	return f
}

// Subrequest counts a request of a function's own.
func (m *Metrics) Subrequest(owner, function string) {
	m.subrequests.WithLabelValues(owner, function).Inc()
}

// Count, Observe and Set are a function's own numbers; the caller bounds their names.
func (m *Metrics) Count(owner, function, name string, delta int64) {
	if delta > 0 {
		m.guestCount.WithLabelValues(owner, function, name).Add(float64(delta))
	}
}

// Observe adds to the histogram of a function's own.
func (m *Metrics) Observe(owner, function, name string, value float64) {
	m.guestObserve.WithLabelValues(owner, function, name).Observe(value)
}

// Set gives a gauge of a function's own its value.
func (m *Metrics) Set(owner, function, name string, value float64) {
	m.guestGauge.WithLabelValues(owner, function, name).Set(value)
}

// Forget drops the children of sites and functions that a new configuration
// does not have. Those that are still in use are made again.
func (m *Metrics) Forget(site func(owner, site string) bool, function func(owner, name string) bool) {
	m.sites.Range(func(k, v any) bool {
		key := k.(siteKey)
		if key.site == noSite || site(key.owner, key.site) {
			return true
		}
		m.sites.Delete(k)
		v.(*siteMetrics).gone.Store(true)
		l := prometheus.Labels{"owner": key.owner, "site": key.site}
		for _, v := range []*prometheus.CounterVec{m.requests, m.statuses, m.bytes, m.served, m.fetches} {
			v.DeletePartialMatch(l)
		}
		m.fetchTime.DeletePartialMatch(l)
		return true
	})
	m.funcs.Range(func(k, v any) bool {
		key := k.(functionKey)
		if function(key.owner, key.name) {
			return true
		}
		m.funcs.Delete(k)
		v.(*functionMetrics).gone.Store(true)
		l := prometheus.Labels{"owner": key.owner, "function": key.name}
		for _, v := range []*prometheus.CounterVec{m.calls, m.failures, m.fuel, m.cpu, m.wall, m.subrequests, m.guestCount} {
			v.DeletePartialMatch(l)
		}
		m.guestObserve.DeletePartialMatch(l)
		m.guestGauge.DeletePartialMatch(l)
		return true
	})
}
