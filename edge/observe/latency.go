package observe

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A latency counts durations in the buckets of seconds. Its numbers only grow,
// each by itself: a reader may see a duration in its bucket that is not in the
// sum yet.
//
// Fast path: every request adds to two of them. Prometheus' own histogram keeps
// count, sum and buckets in step with each other, which costs three times as much.
type latency struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64 // ns
}

// bounds are seconds as durations.
var bounds = func() (b [len(seconds)]time.Duration) {
	for i, s := range seconds {
		b[i] = time.Duration(s * float64(time.Second))
	}
	return b
}()

func (l *latency) observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	l.buckets[i].Add(1)
	l.sum.Add(int64(d))
}

// metric is what has been counted so far.
func (l *latency) metric(d *prometheus.Desc, labels ...string) prometheus.Metric {
	upTo := make(map[float64]uint64, len(seconds))
	count := uint64(0)
	for i := range l.buckets {
		count += l.buckets[i].Load()
		if i < len(seconds) {
			upTo[seconds[i]] = count
		}
	}
	return prometheus.MustNewConstHistogram(d, count, time.Duration(l.sum.Load()).Seconds(), upTo, labels...)
}

// latencies is the collector of the latencies of all sites.
type latencies struct {
	m                   *Metrics
	duration, firstByte *prometheus.Desc
}

func newLatencies(m *Metrics) *latencies {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("wedge", "", name), help, []string{"owner", "site"}, nil)
	}
	return &latencies{m,
		desc("request_duration_seconds", "Time from a request's head to the end of its response."),
		desc("first_byte_seconds", "Time from a request's head until its response could begin."),
	}
}

// Describe says what there is.
func (l *latencies) Describe(to chan<- *prometheus.Desc) { to <- l.duration; to <- l.firstByte }

// Collect reads the numbers out.
func (l *latencies) Collect(to chan<- prometheus.Metric) {
	l.m.sites.Range(func(_, v any) bool {
		s := v.(*siteMetrics)
		to <- s.duration.metric(l.duration, s.owner, s.site)
		to <- s.firstByte.metric(l.firstByte, s.owner, s.site)
		return true
	})
}
