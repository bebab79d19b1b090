package observe

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// TestLatency holds our histogram against Prometheus' own.
func TestLatency(t *testing.T) {
	var l latency
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: seconds[:]})
	sum := time.Duration(0)
	add := func(d time.Duration) {
		l.observe(d)
		theirs.Observe(d.Seconds())
		sum += d
	}
	for i, b := range bounds {
		if b.Seconds() != seconds[i] {
			t.Errorf("bound %d is %v, want %v s", i, b, seconds[i])
		}
		add(b - 1)
		add(b)
		add(b + 1)
	}
	for range 1000 {
		add(time.Duration(rand.Int64N(int64(40 * time.Second))))
	}
	add(0)
	var got, want dto.Metric
	if err := l.metric(prometheus.NewDesc("h", "h", nil, nil)).Write(&got); err != nil {
		t.Fatal(err)
	}
	theirs.Write(&want)
	g, w := got.GetHistogram(), want.GetHistogram()
	if g.GetSampleCount() != w.GetSampleCount() || g.GetSampleSum() != sum.Seconds() || len(g.GetBucket()) != len(w.GetBucket()) {
		t.Fatalf("count %d, sum %v, %d buckets; want %d, %v, %d", g.GetSampleCount(), g.GetSampleSum(), len(g.GetBucket()), w.GetSampleCount(), sum.Seconds(), len(w.GetBucket()))
	}
	for i, b := range g.GetBucket() {
		if o := w.GetBucket()[i]; b.GetUpperBound() != o.GetUpperBound() || b.GetCumulativeCount() != o.GetCumulativeCount() {
			t.Errorf("up to %v: %d, want %d up to %v", b.GetUpperBound(), b.GetCumulativeCount(), o.GetCumulativeCount(), o.GetUpperBound())
		}
	}
}

func TestNumber(t *testing.T) {
	f := func(n int64) {
		t.Helper()
		if got, want := string(appendNumber([]byte("x"), n)), "x"+strconv.FormatInt(n, 10); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, n := range []int64{0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10000, 12345, 99999, 100000, 100001, 1<<63 - 1, -1, -1 << 63} {
		f(n)
	}
}
