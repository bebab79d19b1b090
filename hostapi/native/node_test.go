package native

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// node is the services of a node in memory, with a log of the calls.
type node struct {
	log    []string
	values map[string]services.Entry
	fetch  func(context.Context, *services.FetchRequest) (*services.FetchResponse, error)
}

func newNode() *node { return &node{values: map[string]services.Entry{}} }

func (n *node) services() *services.Services {
	return &services.Services{KV: n, Cache: cacheOf{n}, Fetcher: fetcherOf{n}, Counters: countersOf{n}, Log: n, Metrics: metricsOf{n}, Places: n, Devices: n, Tracer: n}
}

func (n *node) say(format string, a ...any) { n.log = append(n.log, fmt.Sprintf(format, a...)) }

func (n *node) wantLog(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(n.log, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("services were told:\n%s\nwant:\n%s", got, want)
	}
	n.log = nil
}

func (n *node) Open(o services.Owner, name string) (services.Store, error) {
	n.say("open %s %s", o, name)
	return n, nil
}

func (n *node) Get(_ context.Context, key []byte, e *services.Entry) (bool, error) {
	n.say("get %q", key)
	v, ok := n.values[string(key)]
	if ok {
		e.Value, e.Metadata, e.Version, e.Expires = append(e.Value[:0], v.Value...), append(e.Metadata[:0], v.Metadata...), v.Version, v.Expires
	}
	return ok, nil
}

func (n *node) Put(_ context.Context, key, value []byte, o services.PutOptions) (uint64, error) {
	n.say("put %q %q %q ttl=%s version=%d absent=%v", key, value, o.Metadata, o.TTL, o.IfVersion, o.IfAbsent)
	v, ok := n.values[string(key)]
	if o.IfAbsent && ok || o.IfVersion != 0 && o.IfVersion != v.Version {
		return 0, &services.ConflictError{Current: v.Version}
	}
	n.values[string(key)] = services.Entry{Value: bytes.Clone(value), Metadata: bytes.Clone(o.Metadata), Version: v.Version + 1}
	return v.Version + 1, nil
}

func (n *node) Delete(_ context.Context, key []byte, version uint64) (bool, error) {
	n.say("delete %q version=%d", key, version)
	v, ok := n.values[string(key)]
	if version != 0 && v.Version != version {
		return false, &services.ConflictError{Current: v.Version}
	}
	delete(n.values, string(key))
	return ok, nil
}

func (n *node) Add(_ context.Context, key []byte, delta int64, ttl time.Duration) (int64, error) {
	n.say("add %q %d %s", key, delta, ttl)
	if string(key) == "text" {
		return 0, fmt.Errorf("value: %w", services.ErrNotNumber)
	}
	return 40 + delta, nil
}

func (n *node) List(_ context.Context, prefix []byte, cursor string, limit int) (services.Page, error) {
	n.say("list %q %q %d", prefix, cursor, limit)
	if cursor != "" {
		return services.Page{}, nil
	}
	return services.Page{Entries: []services.Listed{{Key: []byte("k1"), Metadata: []byte("m"), Version: 3, Expires: time.UnixMilli(5)}, {Key: []byte("k2")}}, Next: "next"}, nil
}

func (n *node) Log(l *services.Line) {
	n.say("log %s %s %s %q %v stream=%d", l.Caller.Function, l.Caller.Hook, l.Level, l.Message, fieldList(l.Fields), l.Stream)
}

func fieldList(fs []exchange.Field) (out []string) {
	for _, f := range fs {
		out = append(out, f.Name+"="+f.Value)
	}
	return out
}

func (n *node) Place(a netip.Addr) (services.Place, bool) {
	return services.Place{Country: "CH", City: "Bern", ASN: 64500}, a == netip.MustParseAddr("192.0.2.1")
}

func (n *node) Device(ua string) string { return map[string]string{"phone": "mobile"}[ua] }

func (n *node) Span(s *services.Span) {
	n.say("span %d<%d %s %v", s.Number, s.Parent, s.Name, fieldList(s.Attributes))
}

type cacheOf struct{ *node }

func (c cacheOf) Get(_ context.Context, o services.Owner, key, dst []byte) ([]byte, bool, error) {
	c.say("cache get %s %q", o, key)
	v, ok := c.values["cache:"+string(key)]
	return append(dst, v.Value...), ok, nil
}

func (c cacheOf) Put(_ context.Context, o services.Owner, key, value []byte, ttl time.Duration, tags []string) error {
	c.say("cache put %s %q %q %s %q", o, key, value, ttl, tags)
	c.values["cache:"+string(key)] = services.Entry{Value: bytes.Clone(value)}
	return nil
}

func (c cacheOf) Begin(services.Owner, []string) services.Insert {
	panic("BUG: a put of the native ABI takes no time")
}

func (c cacheOf) Delete(_ context.Context, o services.Owner, key []byte) (bool, error) {
	_, ok := c.values["cache:"+string(key)]
	delete(c.values, "cache:"+string(key))
	return ok, nil
}

func (c cacheOf) PurgeTag(_ context.Context, o services.Owner, tag string, soft bool) (int, error) {
	c.say("purge %s %s %v", o, tag, soft)
	return 7, nil
}

type countersOf struct{ *node }

func (c countersOf) Add(o services.Owner, key []byte, w time.Duration, d int64) (int64, error) {
	c.say("count %s %q %s %d", o, key, w, d)
	return 9, nil
}

func (c countersOf) Read(o services.Owner, key []byte, w time.Duration) (int64, error) { return 8, nil }

func (c countersOf) Penalise(o services.Owner, key []byte, d time.Duration) error {
	c.say("penalise %s %q %s", o, key, d)
	return nil
}

func (c countersOf) Penalty(o services.Owner, key []byte) (time.Duration, error) {
	return 1500 * time.Microsecond, nil
}

type metricsOf struct{ *node }

func (m metricsOf) Add(o services.Owner, f, name string, d int64) {
	m.say("metric %s %s %s %d", o, f, name, d)
}
func (m metricsOf) Observe(o services.Owner, f, name string, v float64) {
	m.say("metric %s %s %s %g", o, f, name, v)
}
func (m metricsOf) Set(o services.Owner, f, name string, v float64) {
	m.say("gauge %s %s %s %g", o, f, name, v)
}

type fetcherOf struct{ *node }

func (f fetcherOf) Fetch(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	return f.fetch(ctx, r)
}
