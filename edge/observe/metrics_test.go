package observe

import (
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// value finds the counter, or the number of observations, with these labels.
func value(t *testing.T, m *Metrics, name string, labels ...string) float64 {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, s := range f.GetMetric() {
			if matches(s, labels) {
				if f.GetType() == dto.MetricType_HISTOGRAM {
					return float64(s.GetHistogram().GetSampleCount())
				}
				return s.GetCounter().GetValue() + s.GetGauge().GetValue()
			}
		}
	}
	return -1
}

func matches(s *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		ok := false
		for _, l := range s.GetLabel() {
			ok = ok || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !ok {
			return false
		}
	}
	return true
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("v1")
	x := sample()
	defer x.Release()
	m.Ended(x, time.Millisecond)
	m.Ended(x, time.Millisecond)
	x.Response.Status, x.Outcome, x.Reason, x.Site = 421, exchange.Refused, exchange.ReasonNoSite, ""
	m.Ended(x, time.Millisecond)
	x.Response.Status = 99999
	m.Ended(x, time.Millisecond)
	x.Site, x.Cache.ForwardStatus = "shop", 304
	m.Fetched(x, time.Millisecond)
	m.Called("default", "auth", &exchange.Call{Hook: exchange.OnRequest, Fuel: 50, CPU: time.Second, Wall: 2 * time.Second})
	m.Called("default", "auth", &exchange.Call{Hook: exchange.OnRequest, Fuel: 50, Failed: exchange.ReasonFunctionTrap})
	m.Count("default", "auth", "logins", 3)
	m.Count("default", "auth", "logins", -3)
	m.Observe("default", "auth", "size", 7)
	m.Set("default", "auth", "waiting", 9)
	m.Set("default", "auth", "waiting", -2)
	m.Encoded("br", "kept", 1000, 200, time.Second)
	m.Encoded("br", "kept", 500, 100, time.Second)
	m.Encoded("gzip", "sent", 50, 20, 0)
	m.Event("bug")
	m.Gauge("cache_objects", "Objects.", func() float64 { return 5 })
	m.Gauge("cache_evictions_total", "Evictions.", func() float64 { return 6 })
	f := func(want float64, name string, labels ...string) {
		t.Helper()
		if got := value(t, m, name, labels...); got != want {
			t.Errorf("%s%v = %v, want %v", name, labels, got, want)
		}
	}
	f(2, "wedge_requests_total", "owner", "default", "site", "shop", "outcome", "hit", "reason", "")
	f(2, "wedge_requests_total", "site", "-", "outcome", "refused", "reason", "no-site")
	f(2, "wedge_responses_total", "site", "shop", "status", "200")
	f(1, "wedge_responses_total", "site", "-", "status", "421")
	f(1, "wedge_responses_total", "site", "-", "status", "0")
	f(2048, "wedge_response_body_bytes_total", "site", "shop", "outcome", "hit")
	f(2, "wedge_request_duration_seconds", "site", "shop")
	f(2, "wedge_first_byte_seconds", "site", "shop")
	f(1, "wedge_fetches_total", "site", "shop", "status", "304")
	f(2, "wedge_function_calls_total", "function", "auth", "hook", "on_request")
	f(1, "wedge_function_failures_total", "function", "auth", "kind", "function-trap")
	f(100, "wedge_function_fuel_total", "function", "auth")
	f(1, "wedge_function_cpu_seconds_total", "function", "auth")
	f(2, "wedge_function_wall_seconds_total", "function", "auth")
	f(3, "wedge_function_counter_total", "name", "logins")
	f(1, "wedge_function_value", "name", "size")
	f(-2, "wedge_function_gauge", "name", "waiting")
	f(1, "wedge_events_total", "event", "bug")
	f(5, "wedge_cache_objects")
	f(6, "wedge_cache_evictions_total")
	f(1, "wedge_build_info", "version", "v1")
	f(2, "wedge_encodings_total", "coding", "br", "use", "kept")
	f(1500, "wedge_encoding_in_bytes_total", "coding", "br")
	f(300, "wedge_encoding_out_bytes_total", "coding", "br")
	f(2, "wedge_encoding_cpu_seconds_total", "coding", "br")
	f(1, "wedge_encodings_total", "coding", "gzip", "use", "sent")
	f(-1, "wedge_encoding_cpu_seconds_total", "coding", "gzip")
	m.Forget(func(_, site string) bool { return site != "shop" }, func(_, name string) bool { return false })
	f(-1, "wedge_requests_total", "site", "shop")
	f(-1, "wedge_function_calls_total", "function", "auth")
	f(-1, "wedge_function_gauge", "name", "waiting")
	f(2, "wedge_requests_total", "site", "-")
	x.Outcome, x.Response.Status = exchange.Hit, 200
	m.Ended(x, 0)
	f(1, "wedge_requests_total", "site", "shop")
}

// What clients get is counted by its content coding, of which there are five for
// us whatever an origin writes; and stored responses by where they stood.
func TestServed(t *testing.T) {
	m := NewMetrics("v1")
	f := func(field, coding string, tier exchange.Tier) {
		t.Helper()
		x := sample()
		defer x.Release()
		x.Sent, x.Cache.Tier = 10, tier
		x.Response.Header.DeleteKnown(exchange.ContentEncoding)
		if field != "" {
			x.Response.Header.SetKnown(exchange.ContentEncoding, field)
		}
		had := max(0, value(t, m, "wedge_response_body_bytes_total", "site", "shop", "outcome", "hit", "coding", coding))
		served := max(0, value(t, m, "wedge_cache_served_total", "site", "shop", "outcome", "hit", "tier", tier.String()))
		m.Ended(x, 0)
		if got := value(t, m, "wedge_response_body_bytes_total", "site", "shop", "outcome", "hit", "coding", coding); got != had+10 {
			t.Errorf("%q: %v bytes are counted as %s, want %v", field, got, coding, had+10)
		}
		got := value(t, m, "wedge_cache_served_total", "site", "shop", "outcome", "hit", "tier", tier.String())
		if want := served + 1; tier == exchange.TierNone && got != -1 || tier != exchange.TierNone && got != want {
			t.Errorf("%v responses from %q, want %v", got, tier, want)
		}
	}
	f("", "identity", exchange.TierNone)
	f("", "identity", exchange.TierMemory)
	f("", "identity", exchange.TierMemory)
	f("gzip", "gzip", exchange.TierDisk)
	f("X-GZIP", "gzip", exchange.TierDisk)
	f("br", "br", exchange.TierSegments)
	f("zstd", "zstd", exchange.TierSegments)
	f("gzip, br", "other", exchange.TierMemory)
	f("anything", "other", exchange.TierMemory)
	m.Forget(func(string, string) bool { return false }, func(string, string) bool { return false })
	if got := value(t, m, "wedge_cache_served_total"); got != -1 {
		t.Errorf("%v responses are counted for a site that is gone", got)
	}
}

func TestEndedAllocatesNothing(t *testing.T) {
	m := NewMetrics("v1")
	x := sample()
	defer x.Release()
	c := &exchange.Call{Function: "auth", Fuel: 1}
	if n := testing.AllocsPerRun(100, func() { m.Ended(x, time.Millisecond); m.Called("default", "auth", c) }); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestHammerMetrics(t *testing.T) {
	m := NewMetrics("v1")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			x := sample()
			defer x.Release()
			for i := range 2000 {
				x.Reason = exchange.Reason(i % exchange.Reasons)
				x.Response.Status = 100 + i%500
				m.Ended(x, time.Millisecond)
				if i%100 == 0 {
					m.Forget(func(string, string) bool { return true }, func(string, string) bool { return true })
				}
			}
		})
	}
	wg.Wait()
	var sum float64
	families, _ := m.Gatherer().Gather()
	for _, f := range families {
		if f.GetName() == "wedge_requests_total" {
			for _, s := range f.GetMetric() {
				sum += s.GetCounter().GetValue()
			}
		}
	}
	if sum != 8000 {
		t.Errorf("%v requests counted, want 8000", sum)
	}
}

func BenchmarkEnded(b *testing.B) {
	m := NewMetrics("v1")
	x := sample()
	b.ReportAllocs()
	for b.Loop() {
		m.Ended(x, time.Millisecond)
	}
}
