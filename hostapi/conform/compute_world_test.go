package conform

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// A city is the node around programs for Fastly Compute: what filters need, and stores, a cache, counters, places and origins
// that tell of themselves.
type city struct {
	*node

	mu      sync.Mutex    // guards what follows
	held    chan struct{} // closed when somebody asks for /release; /held is answered then
	entries map[string]services.Entry
	cached  map[string]cachedValue
	purges  []string // tags
	counts  map[string]int64
	boxed   map[string]time.Duration
	freed   bool
}

type cachedValue struct {
	value []byte
	tags  []string
}

func newCity(t testing.TB) *city {
	t.Helper()
	return newCityOf(t, guest.HostFuncs())
}

// newCityOf makes one whose programs import these functions.
func newCityOf(t testing.TB, funcs []hostcall.Func) *city {
	t.Helper()
	c := &city{node: newNodeOf(t, funcs)}
	c.forget()
	c.host = guest.New(guest.Options{Engine: c.engine, Limits: limit.Maximum(), Services: &services.Services{
		Log: c, Metrics: c, Fetcher: c, KV: c, Cache: c, Counters: tally{c}, Places: c, Devices: c, Origins: c, Caching: c,
	}})
	return c
}

// forget makes it new for another case.
func (c *city) forget() {
	c.node.mu.Lock()
	c.lines = nil
	c.node.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.freed = make(chan struct{}), false
	c.entries, c.cached, c.purges = map[string]services.Entry{}, map[string]cachedValue{}, nil
	c.counts, c.boxed = map[string]int64{}, map[string]time.Duration{}
}

// Fetch answers with what it was asked, and notes all of it.
func (c *city) Fetch(ctx context.Context, q *services.FetchRequest) (*services.FetchResponse, error) {
	content := q.Body
	whole := "whole"
	if q.Stream != nil {
		var err error
		if content, err = io.ReadAll(q.Stream); err != nil {
			whole = "broken"
		}
		q.Stream.Close()
		c.note("a stream of %d", q.StreamLength)
	}
	c.note("fetch %s %s %s %q %s", q.Method, q.Origin, q.Target, content, whole)
	for f := range q.Header.All() {
		c.note("field %s: %s", strings.ToLower(f.Name), f.Value)
	}
	if q.Cache.Bypass || !q.UseCache {
		c.note("past the cache")
	}
	if q.Cache.TTL.Set || q.Cache.Grace.Set || len(q.Cache.Tags) > 0 {
		c.note("cache ttl %v grace %v tags %q", q.Cache.TTL.Value, q.Cache.Grace.Value, q.Cache.Tags)
	}
	answer := []byte("from " + q.Target)
	r := &services.FetchResponse{Status: 203}
	path, _, _ := strings.Cut(q.Target, "?")
	switch path {
	case "/refused":
		return nil, errors.New("connection refused")
	case "/late":
		return nil, services.ErrTimeout
	case "https://id.example/late":
		<-ctx.Done()
		return nil, ctx.Err()
	case "https://id.example/stalls":
		r.Body = &stalls{ctx: ctx}
		return r, nil
	case "/held":
		c.mu.Lock()
		held := c.held
		c.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return nil, services.ErrTimeout
		}
	case "/release":
		c.mu.Lock()
		if !c.freed {
			c.freed = true
			close(c.held)
		}
		c.mu.Unlock()
	case "/tagged":
		r.Status = 200
		r.Header.Add("Cache-Control", "max-age=60")
		r.Header.Add("ETag", `"one"`)
		if q.Header.Value(exchange.IfNoneMatch) == `"one"` {
			r.Status, answer = 304, nil
			r.Header.Add("X-Confirmed", "yes")
		}
	case "/lang":
		lang, _ := q.Header.Named("Lang")
		answer = []byte("in " + lang)
	case "/private":
		r.Header.Add("Cache-Control", "private")
	case "/large":
		r.Status, answer = 200, bytes.Repeat([]byte("0123456789abcdef"), 9<<20/16)
		if v, _ := q.Header.Named("X-Size"); v == "small" {
			answer = answer[:7<<20]
		}
	case "/zipped":
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte("unzipped"))
		z.Close()
		answer = b.Bytes()
		r.Header.Add("Content-Encoding", "gzip")
	}
	r.Header.Add("X-Answer", "one")
	r.Header.Add("X-Answer", "two")
	if path != "/chunked" && path != "/large" {
		r.Header.Add("Content-Length", fmt.Sprint(len(answer)))
	}
	if q.Method == "HEAD" {
		answer = nil
	}
	r.Body = io.NopCloser(bytes.NewReader(answer))
	return r, nil
}

// Open satisfies services.KV with stores that keep versions.
func (c *city) Open(services.Owner, string) (services.Store, error) { return shelf{c}, nil }

type shelf struct{ c *city }

func (s shelf) Get(_ context.Context, key []byte, e *services.Entry) (bool, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	got, found := s.c.entries[string(key)]
	*e = services.Entry{Value: bytes.Clone(got.Value), Metadata: bytes.Clone(got.Metadata), Version: got.Version}
	return found, nil
}

func (s shelf) Put(_ context.Context, key, value []byte, o services.PutOptions) (uint64, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	old, found := s.c.entries[string(key)]
	if o.IfAbsent && found || o.IfVersion != 0 && o.IfVersion != old.Version {
		return 0, &services.ConflictError{Current: old.Version}
	}
	s.c.entries[string(key)] = services.Entry{Value: bytes.Clone(value), Metadata: bytes.Clone(o.Metadata), Version: old.Version + 1}
	s.c.note("put %s=%s ttl %v metadata %s", key, value, o.TTL, o.Metadata)
	return old.Version + 1, nil
}

func (s shelf) Delete(_ context.Context, key []byte, _ uint64) (bool, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	_, found := s.c.entries[string(key)]
	delete(s.c.entries, string(key))
	return found, nil
}

func (shelf) Add(context.Context, []byte, int64, time.Duration) (int64, error) {
	return 0, services.ErrInvalid
}

func (s shelf) List(_ context.Context, prefix []byte, cursor string, limit int) (p services.Page, _ error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(s.c.entries)) {
		if !strings.HasPrefix(k, string(prefix)) || k <= cursor {
			continue
		}
		if len(p.Entries) == limit {
			p.Next = string(p.Entries[limit-1].Key)
			break
		}
		p.Entries = append(p.Entries, services.Listed{Key: []byte(k)})
	}
	return p, nil
}

// Get, Put, Begin, Delete and PurgeTag satisfy services.Cache.
func (c *city) Get(_ context.Context, _ services.Owner, key, dst []byte) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, found := c.cached[string(key)]
	return append(dst, v.value...), found, nil
}

func (c *city) Put(_ context.Context, _ services.Owner, key, value []byte, ttl time.Duration, tags []string) error {
	if ttl <= 0 || len(key) == 0 || len(key) > 1024 { // as the node's
		return services.ErrInvalid
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached[string(key)] = cachedValue{bytes.Clone(value), tags}
	return nil
}

func (c *city) Begin(owner services.Owner, tags []string) services.Insert {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &cityInsert{c, owner, tags, len(c.purges)}
}

// cityInsert began when the city had seen that many purges.
type cityInsert struct {
	c     *city
	owner services.Owner
	tags  []string
	seen  int
}

func (i *cityInsert) Put(ctx context.Context, key, value []byte, ttl time.Duration) error {
	if i.Purged() {
		return nil
	}
	return i.c.Put(ctx, i.owner, key, value, ttl, i.tags)
}

func (i *cityInsert) As(tags []string, url string) services.Insert {
	if url != "" {
		i.c.note("insert %s %q", url, tags)
	}
	return &cityInsert{i.c, i.owner, tags, i.seen}
}

func (i *cityInsert) Purged() bool {
	i.c.mu.Lock()
	defer i.c.mu.Unlock()
	return slices.ContainsFunc(i.c.purges[min(i.seen, len(i.c.purges)):], func(t string) bool { return slices.Contains(i.tags, t) })
}

func (c *city) Delete(_ context.Context, _ services.Owner, key []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, found := c.cached[string(key)]
	delete(c.cached, string(key))
	return found, nil
}

func (c *city) PurgeTag(_ context.Context, _ services.Owner, tag string, soft bool) (n int, _ error) {
	c.note("purge %s soft %v", tag, soft)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.purges = append(c.purges, tag)
	for k, v := range c.cached {
		if slices.Contains(v.tags, tag) {
			delete(c.cached, k)
			n++
		}
	}
	return n, nil
}

// tally satisfies services.Counters; nothing passes out of its windows.
type tally struct{ c *city }

func (t tally) Add(_ services.Owner, key []byte, _ time.Duration, delta int64) (int64, error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.counts[string(key)] += delta
	return t.c.counts[string(key)], nil
}

func (t tally) Read(_ services.Owner, key []byte, _ time.Duration) (int64, error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	return t.c.counts[string(key)], nil
}

func (t tally) Penalise(_ services.Owner, key []byte, d time.Duration) error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.boxed[string(key)] = d
	t.c.note("penalty %v", d)
	return nil
}

func (t tally) Penalty(_ services.Owner, key []byte) (time.Duration, error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	return t.c.boxed[string(key)], nil
}

// Place knows where the client is, and one other.
func (*city) Place(a netip.Addr) (services.Place, bool) {
	if a == netip.MustParseAddr("2001:db8::1") {
		return services.Place{Detail: `{"all":"of it"}`}, true
	}
	return services.Place{Country: "NL", City: "Utrecht", ASN: 64500}, a == netip.MustParseAddr("192.0.2.1")
}

func (*city) Device(agent string) string {
	if strings.Contains(agent, "Phone") {
		return "mobile"
	}
	return ""
}

func (*city) Origin(_ services.Owner, name string) (services.Origin, bool) {
	return services.Origin{
		Scheme: "https", Host: name + ".internal", Port: 8443, HostField: "shop.host", Unhealthy: name == "sick", Healthy: name == "well",
		ConnectTimeout: time.Second, FirstByteTimeout: 2 * time.Second, IdleTimeout: 3 * time.Second,
	}, true
}

// client is the exchange's, who hears of interim responses.
type client struct{ c *city }

func (client) Gone() <-chan struct{} { return nil }

func (p client) Interim(status int, h *exchange.Header) error {
	p.c.note("interim %d", status)
	for f := range h.All() {
		p.c.note("interim field %s: %s", strings.ToLower(f.Name), f.Value)
	}
	return nil
}

// A computeCase is a program, and what must be seen of it: lines of the response, and with "@" before them lines that the node
// wrote down; with "!" before them, lines that must not be there.
type computeCase struct {
	name    string // of the functions that it is about, among other words
	build   func(p *compute)
	request string // "" is a plain GET
	tls     *exchange.TLS
	config  map[string]string
	sees    []string
	fails   string // a part of the error that the run ends with
}

func (c *city) spec(config map[string]string) guest.Spec {
	all := map[string]string{"settings.greeting": "hi", "backend.Renamed One": "shop/below", "kv.Other Things": "things",
		"acl.office": `{"entries":[{"op":"create","prefix":"10.0.0.0/8","action":"BLOCK"},{"prefix":"10.1.0.0/16","action":"ALLOW"}]}`}
	maps.Copy(all, config)
	return guest.Spec{
		Owner: "acme", Name: "app", Version: "0123456789abcdef", Config: all, Secrets: map[string]guest.Secret{"keys.pepper": guest.Secret("salt")},
		Fetch: []string{"shop", "sick", "well", "https://id.example"}, KV: []string{"things"},
		Limits: limit.Limits{Wall: 2 * time.Second, CPU: 300 * time.Millisecond},
	}
}

// answer runs a program for a request and renders what the client got.
func (c *city) answer(t *testing.T, f *guest.Function, request string, tls *exchange.TLS) (seen string, err error) {
	t.Helper()
	x := exchange.New()
	defer x.Release()
	x.Now, x.Peer, x.ID = time.Unix(1700000000, 0), client{c}, exchange.ID{1, 2, 3}
	x.Client.Addr, x.Client.Port, x.Client.TLS = netip.MustParseAddr("192.0.2.1"), 1234, tls
	first, h, body, trailer := parse(t, request)
	q := &x.Request
	q.Scheme, q.Host, q.Proto = "https", "shop.example", exchange.HTTP11
	var uri string
	q.Method, uri, _ = strings.Cut(first, " ")
	q.Path, q.Query, q.HasQuery = strings.Cut(uri, "?")
	q.Header.CopyFrom(&h)
	q.Body, q.ContentLength, q.Trailer = bodyOf(body), int64(len(strings.ReplaceAll(body, "|", ""))), trailer
	if err := f.Answer(x, time.Time{}); err != nil {
		return "", err
	}
	p := &x.Response
	var b strings.Builder
	fmt.Fprintf(&b, "%d\nLength: %d\n", p.Status, p.ContentLength)
	for f := range p.Header.All() {
		fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(f.Name), f.Value)
	}
	b.WriteString("\n")
	w := bufio.NewWriter(&b)
	if _, err := p.Body.WriteTo(w); err != nil {
		fmt.Fprintf(w, "<broken>")
	}
	w.Flush()
	if p.Trailer != nil {
		b.WriteString("\n--\n")
		for f := range p.Trailer.All() {
			fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(f.Name), f.Value)
		}
	}
	err = p.Body.Close()
	p.Body = nil
	return b.String(), err
}

// check makes a case's program, runs it and returns what is not as it must be.
func (c *city) check(t *testing.T, k computeCase) (wrong []string) {
	t.Helper()
	p := newCompute()
	k.build(p)
	for _, name := range k.functions() {
		if !p.used[name] {
			wrong = append(wrong, k.name+": it does not call "+name)
		}
	}
	return append(wrong, c.run(t, p.bytes(), k)...)
}

// run runs a program in a case and returns what is not as it must be.
func (c *city) run(t *testing.T, module []byte, k computeCase) (wrong []string) {
	t.Helper()
	complain := func(format string, args ...any) { wrong = append(wrong, k.name+": "+fmt.Sprintf(format, args...)) }
	if k.request == "" {
		k.request = "GET /a?b=c\nX-One: 1\nX-Two: 2\nX-Two: 3"
	}
	f, err := c.host.Load(context.Background(), module, c.spec(k.config))
	if err != nil {
		complain("%v", err)
		return wrong
	}
	defer f.Close()
	c.forget()
	seen, err := c.answer(t, f, k.request, k.tls)
	if (err != nil) != (k.fails != "") || err != nil && !strings.Contains(err.Error(), k.fails) {
		complain("error %v, want %q", err, k.fails)
	}
	c.node.mu.Lock()
	noted := slices.Clone(c.lines)
	c.node.mu.Unlock()
	for _, l := range noted {
		if strings.Contains(l, "want status") {
			complain("%s", l)
		}
	}
	lines := strings.Split(seen, "\n")
	for _, l := range k.sees {
		l, not := strings.CutPrefix(l, "!")
		where := lines
		want, note := strings.CutPrefix(l, "@")
		if note {
			where = noted
		}
		if slices.Contains(where, want) == not {
			complain("must be seen (%v): %q\n%s\nnoted: %q", !not, l, seen, noted)
		}
	}
	return wrong
}

// functions are those that the case is named after.
func (k *computeCase) functions() (names []string) {
	for _, word := range strings.Fields(k.name) {
		if strings.HasPrefix(word, "fastly_") {
			names = append(names, word)
		}
	}
	return names
}

// stalls is content of which the beginning comes, and then nothing.
type stalls struct {
	ctx  context.Context
	came bool
}

func (s *stalls) Read(b []byte) (int, error) {
	if !s.came {
		s.came = true
		return copy(b, "begun"), nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (*stalls) Close() error { return nil }
