package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
)

// node is what stands behind the node's host functions in this test: every service, in memory. Clocks stand still.
type node struct {
	now      time.Time
	lines    []string
	stores   map[string]*memory
	cache    map[string]cached
	counts   map[string]int64
	aside    map[string]time.Duration
	metrics  []string
	spans    []string
	versions uint64
}

type cached struct {
	value []byte
	tags  []string
}

func newNode(now time.Time) *node {
	return &node{now: now, stores: map[string]*memory{}, cache: map[string]cached{}, counts: map[string]int64{}, aside: map[string]time.Duration{}}
}

func (n *node) services() *services.Services {
	return &services.Services{KV: n, Cache: cache{n}, Fetcher: fetcher{}, Counters: counters{n}, Log: n, Metrics: metrics{n}, Tracer: n}
}

func (n *node) Log(l *services.Line) {
	text := l.Level.String() + " " + string(l.Message)
	for _, f := range l.Fields {
		text += " " + f.Name + "=" + f.Value
	}
	n.lines = append(n.lines, text)
}

func (n *node) Span(s *services.Span) {
	n.spans = append(n.spans, fmt.Sprint(s.Name, s.Number, s.Parent, len(s.Attributes)))
}

type metrics struct{ *node }

func (m metrics) Add(_ services.Owner, _, name string, delta int64) {
	m.metrics = append(m.metrics, fmt.Sprint(name, delta))
}

func (m metrics) Observe(_ services.Owner, _, name string, v float64) {
	m.metrics = append(m.metrics, fmt.Sprint(name, v))
}

// Set is for other ABIs: the probe has no gauge.
func (m metrics) Set(_ services.Owner, _, name string, v float64) {
	m.metrics = append(m.metrics, fmt.Sprint("gauge ", name, v))
}

// memory is a store of the node.
type memory struct {
	n *node
	m map[string]services.Entry
}

func (n *node) Open(_ services.Owner, name string) (services.Store, error) {
	if n.stores[name] == nil {
		n.stores[name] = &memory{n, map[string]services.Entry{}}
	}
	return n.stores[name], nil
}

func (s *memory) Get(_ context.Context, key []byte, e *services.Entry) (bool, error) {
	if len(key) == 0 {
		return false, services.ErrInvalid
	}
	got, ok := s.m[string(key)]
	*e = got
	return ok, nil
}

func (s *memory) Put(_ context.Context, key, value []byte, o services.PutOptions) (uint64, error) {
	if len(key) == 0 {
		return 0, services.ErrInvalid
	}
	old, there := s.m[string(key)]
	if o.IfAbsent && there || o.IfVersion != 0 && old.Version != o.IfVersion {
		return 0, &services.ConflictError{Current: old.Version}
	}
	s.n.versions++
	e := services.Entry{Value: slices.Clone(value), Metadata: slices.Clone(o.Metadata), Version: s.n.versions}
	if o.TTL > 0 {
		e.Expires = s.n.now.Add(o.TTL)
	}
	s.m[string(key)] = e
	return e.Version, nil
}

func (s *memory) Delete(_ context.Context, key []byte, ifVersion uint64) (bool, error) {
	old, there := s.m[string(key)]
	if ifVersion != 0 && old.Version != ifVersion {
		return false, &services.ConflictError{Current: old.Version}
	}
	delete(s.m, string(key))
	return there, nil
}

func (s *memory) Add(ctx context.Context, key []byte, delta int64, ttl time.Duration) (int64, error) {
	e, there := s.m[string(key)]
	n := int64(0)
	if there {
		var err error
		if n, err = strconv.ParseInt(string(e.Value), 10, 64); err != nil {
			return 0, services.ErrNotNumber
		}
	}
	if delta < 0 && n+delta > n || delta > 0 && n+delta < n {
		return 0, services.ErrLimit
	}
	_, err := s.Put(ctx, key, strconv.AppendInt(nil, n+delta, 10), services.PutOptions{TTL: ttl})
	return n + delta, err
}

func (s *memory) List(_ context.Context, prefix []byte, cursor string, limit int) (p services.Page, err error) {
	for _, k := range slices.Sorted(maps.Keys(s.m)) {
		if !strings.HasPrefix(k, string(prefix)) || k <= cursor {
			continue
		}
		if len(p.Entries) == limit {
			p.Next = string(p.Entries[limit-1].Key)
			break
		}
		e := s.m[k]
		p.Entries = append(p.Entries, services.Listed{Key: []byte(k), Metadata: e.Metadata, Version: e.Version, Expires: e.Expires})
	}
	return p, nil
}

type cache struct{ *node }

func (c cache) Get(_ context.Context, _ services.Owner, key, dst []byte) ([]byte, bool, error) {
	v, ok := c.cache[string(key)]
	return append(dst, v.value...), ok, nil
}

func (c cache) Put(_ context.Context, _ services.Owner, key, value []byte, _ time.Duration, tags []string) error {
	c.cache[string(key)] = cached{slices.Clone(value), tags}
	return nil
}

func (c cache) Begin(services.Owner, []string) services.Insert {
	panic("BUG: a put of the native ABI takes no time")
}

func (c cache) Delete(_ context.Context, _ services.Owner, key []byte) (bool, error) {
	_, ok := c.cache[string(key)]
	delete(c.cache, string(key))
	return ok, nil
}

func (c cache) PurgeTag(_ context.Context, _ services.Owner, tag string, _ bool) (n int, err error) {
	maps.DeleteFunc(c.cache, func(_ string, v cached) bool {
		gone := slices.Contains(v.tags, tag)
		if gone {
			n++
		}
		return gone
	})
	return n, nil
}

type counters struct{ *node }

func (c counters) Add(_ services.Owner, key []byte, window time.Duration, delta int64) (int64, error) {
	c.counts[string(key)+window.String()] += delta
	return c.Read("", key, window)
}

func (c counters) Read(_ services.Owner, key []byte, window time.Duration) (int64, error) {
	return c.counts[string(key)+window.String()], nil
}

func (c counters) Penalise(_ services.Owner, key []byte, d time.Duration) error {
	c.aside[string(key)] = d
	return nil
}

func (c counters) Penalty(_ services.Owner, key []byte) (time.Duration, error) {
	return c.aside[string(key)], nil
}

// serve is what origins and hosts answer, on both sides: status, header and body; a status of 0 is a failure, 1 a timeout, and a body that ends
// with "…" is cut there.
func serve(method, target, body string, fields []string) (status int, header [][2]string, content string) {
	switch {
	case strings.HasPrefix(target, "/fail"):
		return 0, nil, ""
	case strings.HasPrefix(target, "/late"):
		return 1, nil, ""
	case strings.HasPrefix(target, "/cut"):
		return 200, nil, "half…"
	}
	return 200, [][2]string{{"X-Echo", method + " " + body}, {"X-Fields", strings.Join(fields, ",")}}, "you asked for " + target
}

type fetcher struct{}

func (fetcher) Fetch(_ context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	var fields []string
	for f := range r.Header.All() {
		fields = append(fields, f.Name+"="+f.Value)
	}
	status, header, content := serve(r.Method, r.Target, string(r.Body), fields)
	switch status {
	case 0:
		return nil, errors.New("connection refused")
	case 1:
		return nil, services.ErrTimeout
	}
	resp := &services.FetchResponse{Status: status}
	for _, f := range header {
		resp.Header.Add(f[0], f[1])
	}
	content, cut := strings.CutSuffix(content, "…")
	var body io.Reader = strings.NewReader(content)
	if cut {
		body = io.MultiReader(body, broken{})
	}
	resp.Body = io.NopCloser(body)
	return resp, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
