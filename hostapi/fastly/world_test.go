package fastly

import (
	"bytes"
	"context"
	"encoding/binary"
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

	"github.com/wedgecdn/wedge/hostapi/adapter"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/hostcall/hostcalltest"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// A world is a node with a fake of each service.
type world struct {
	t        testing.TB
	binding  *Binding
	settings adapter.Settings

	mu     sync.Mutex
	asked  []string // what backends were asked
	cached []services.CacheChoice
	answer func(q *services.FetchRequest) (*services.FetchResponse, error)
	lines  []string
	kv     map[string]services.Entry
	cache  map[string][]byte
	purged []string
	counts map[string]int64
	boxed  map[string]bool
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, kv: map[string]services.Entry{}, cache: map[string][]byte{}, counts: map[string]int64{}, boxed: map[string]bool{}}
	w.answer = func(q *services.FetchRequest) (*services.FetchResponse, error) {
		return response200("from " + q.Origin), nil
	}
	w.settings = adapter.Settings{
		Owner: "acme", Name: "app", Config: map[string]string{"settings.greeting": "hi", "acl.office": `{"entries":[{"op":"create","prefix":"10.0.0.0/8","action":"BLOCK"},{"prefix":"10.1.0.0/16","action":"ALLOW"}]}`},
		Secrets: map[string]adapter.Secret{"keys.pepper": adapter.Secret("salt")}, Fetch: []string{"shop", "https://id.example"}, KV: []string{"things"},
		Services: &services.Services{Fetcher: w, KV: w, Cache: fakeCache{w}, Counters: fakeCounters{w}, Log: w, Places: w, Devices: w, Origins: w, Caching: fakeCaching{}},
	}
	w.binding = NewBinding(w.settings)
	return w
}

func response200(content string) *services.FetchResponse {
	r := &services.FetchResponse{Status: 200, Body: io.NopCloser(strings.NewReader(content))}
	r.Header.Add("Content-Length", fmt.Sprint(len(content)))
	return r
}

func (w *world) Fetch(ctx context.Context, q *services.FetchRequest) (*services.FetchResponse, error) {
	s := q.Method + " " + q.Origin + " " + q.Target
	for f := range q.Header.All() {
		s += " [" + f.Name + ": " + f.Value + "]"
	}
	content := q.Body
	if q.Stream != nil {
		var err error
		if content, err = io.ReadAll(q.Stream); err != nil {
			s += " broken"
		}
		q.Stream.Close()
	}
	if len(content) > 0 {
		s += fmt.Sprintf(" %q", content)
	}
	w.mu.Lock()
	w.asked, w.cached = append(w.asked, s), append(w.cached, q.Cache)
	answer := w.answer
	w.mu.Unlock()
	resp, err := answer(q)
	if err == nil {
		resp.Body = cancelled{ctx, resp.Body}
	}
	return resp, err
}

// cancelled is content that breaks off when its fetch is cancelled, as an origin's does.
type cancelled struct {
	ctx context.Context
	io.ReadCloser
}

func (c cancelled) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.ctx.Err() != nil {
		return 0, c.ctx.Err()
	}
	return n, err
}

func (w *world) Origin(_ services.Owner, name string) (services.Origin, bool) {
	return services.Origin{Scheme: "https", Host: name + ".internal", Port: 8443, HostField: "shop.host", ConnectTimeout: time.Second, FirstByteTimeout: 2 * time.Second, IdleTimeout: 3 * time.Second}, true
}

func (w *world) Log(l *services.Line) {
	s := l.Level.String() + " " + string(l.Message)
	for _, f := range l.Fields {
		s += " " + f.Name + "=" + f.Value
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, s)
}

func (w *world) Place(a netip.Addr) (services.Place, bool) {
	return services.Place{Country: "NL", City: "Utrecht", ASN: 64500}, a == netip.MustParseAddr("192.0.2.1")
}

func (w *world) Device(agent string) string {
	if strings.Contains(agent, "Phone") {
		return "mobile"
	}
	return ""
}

func (w *world) Open(_ services.Owner, name string) (services.Store, error) { return fakeStore{w}, nil }

type fakeStore struct{ w *world }

func (s fakeStore) Get(_ context.Context, key []byte, e *services.Entry) (bool, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	got, found := s.w.kv[string(key)]
	*e = services.Entry{Value: bytes.Clone(got.Value), Metadata: bytes.Clone(got.Metadata), Version: got.Version}
	return found, nil
}

func (s fakeStore) Put(_ context.Context, key, value []byte, o services.PutOptions) (uint64, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	old, found := s.w.kv[string(key)]
	if o.IfAbsent && found || o.IfVersion != 0 && o.IfVersion != old.Version {
		return 0, &services.ConflictError{Current: old.Version}
	}
	s.w.kv[string(key)] = services.Entry{Value: bytes.Clone(value), Metadata: bytes.Clone(o.Metadata), Version: old.Version + 1}
	return old.Version + 1, nil
}

func (s fakeStore) Delete(_ context.Context, key []byte, _ uint64) (bool, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	_, found := s.w.kv[string(key)]
	delete(s.w.kv, string(key))
	return found, nil
}

func (fakeStore) Add(context.Context, []byte, int64, time.Duration) (int64, error) {
	return 0, errors.New("no program adds")
}

func (s fakeStore) List(_ context.Context, prefix []byte, cursor string, limit int) (services.Page, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	var p services.Page
	for _, k := range slices.Sorted(maps.Keys(s.w.kv)) {
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

type fakeCache struct{ w *world }

func (c fakeCache) Get(_ context.Context, _ services.Owner, key, dst []byte) ([]byte, bool, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	v, found := c.w.cache[string(key)]
	return append(dst, v...), found, nil
}

func (c fakeCache) Put(_ context.Context, _ services.Owner, key, value []byte, ttl time.Duration, tags []string) error {
	if ttl <= 0 || len(key) == 0 || len(key) > 1024 { // as the node's
		return services.ErrInvalid
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.cache[string(key)] = bytes.Clone(value)
	return nil
}

func (c fakeCache) Begin(owner services.Owner, tags []string) services.Insert {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return fakeInsert{c, owner, tags, len(c.w.purged)}
}

// fakeInsert has seen as many purges.
type fakeInsert struct {
	c     fakeCache
	owner services.Owner
	tags  []string
	seen  int
}

func (i fakeInsert) Put(ctx context.Context, key, value []byte, ttl time.Duration) error {
	if i.Purged() {
		return nil
	}
	return i.c.Put(ctx, i.owner, key, value, ttl, i.tags)
}

func (i fakeInsert) As(tags []string, _ string) services.Insert {
	return fakeInsert{i.c, i.owner, tags, i.seen}
}

func (i fakeInsert) Purged() bool {
	i.c.w.mu.Lock()
	defer i.c.w.mu.Unlock()
	return slices.ContainsFunc(i.c.w.purged[i.seen:], func(p string) bool {
		return slices.ContainsFunc(i.tags, func(t string) bool { return strings.HasPrefix(p, fmt.Sprint(i.owner, " ", t, " ")) })
	})
}

func (c fakeCache) Delete(context.Context, services.Owner, []byte) (bool, error) { return false, nil }

func (c fakeCache) PurgeTag(_ context.Context, owner services.Owner, tag string, soft bool) (int, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.purged = append(c.w.purged, fmt.Sprint(owner, " ", tag, " ", soft))
	return 0, nil
}

// fakeCaching keeps everything for a minute, and confirms it for ever.
type fakeCaching struct{}

func (fakeCaching) Cacheable(q *services.CachedRequest) bool { return q.Method == "GET" }

func (fakeCaching) Judge(_ *services.CachedRequest, _ int, _ *exchange.Header, now time.Time) services.Keeping {
	return services.Keeping{Store: true, Said: true, Kept: services.Kept{Lifetime: time.Minute, Since: now}}
}

func (fakeCaching) Use(_ *services.CachedRequest, k *services.Kept, now time.Time) services.Use {
	switch age := k.Age + now.Sub(k.Since); {
	case age < k.Lifetime:
		return services.UseFresh
	case age < k.Lifetime+k.WhileRevalidate:
		return services.UseAndRefresh
	case age < k.Lifetime+k.IfError:
		return services.UseOnError
	}
	return services.UseConfirmed
}

func (fakeCaching) Variant(fields []string, q *exchange.Header) string { return variant(fields, q) }
func (fakeCaching) Strip(*exchange.Header)                             {}

func (fakeCaching) Validate(fetch, _ *exchange.Header) bool {
	fetch.SetKnown(exchange.IfNoneMatch, `"any"`)
	return true
}

func (fakeCaching) Confirm(*exchange.Header, *exchange.Header) bool { return true }

func (fakeCaching) Select(_ *services.CachedRequest, status int, _ *exchange.Header, length int64, _ time.Time) services.Selected {
	if length > 1 {
		return services.Selected{Status: 206, First: 1, Last: length - 1, ContentRange: "bytes"}
	}
	return services.Selected{Status: status, Last: -1}
}

type fakeCounters struct{ w *world }

func (c fakeCounters) Add(_ services.Owner, key []byte, _ time.Duration, delta int64) (int64, error) {
	c.w.counts[string(key)] += delta
	return c.w.counts[string(key)], nil
}

func (c fakeCounters) Read(_ services.Owner, key []byte, _ time.Duration) (int64, error) {
	return c.w.counts[string(key)], nil
}

func (c fakeCounters) Penalise(_ services.Owner, key []byte, d time.Duration) error {
	c.w.boxed[string(key)] = d > 0
	return nil
}

func (c fakeCounters) Penalty(_ services.Owner, key []byte) (time.Duration, error) {
	if c.w.boxed[string(key)] {
		return time.Minute, nil
	}
	return 0, nil
}

// A program is a guest that is written in Go: it calls host functions on a memory of its own.
type program struct {
	*hostcalltest.Guest
	t     testing.TB
	funcs map[string]*hostcall.Func
	top   uint32 // of the memory that is given out
}

func (w *world) functions() map[string]*hostcall.Func {
	m := map[string]*hostcall.Func{}
	all := Funcs()
	for i := range all {
		m[strings.TrimPrefix(all[i].Module, "fastly_")+"."+all[i].Name] = &all[i]
	}
	return m
}

// room is memory for the function to write into: n bytes.
type room struct{ at, n uint32 }

// pointer is room for one result.
type pointer uint32

func (p *program) take(n int) uint32 {
	at := p.top
	p.top += uint32(n+15) &^ 7
	if int(p.top) > len(p.Bytes) {
		p.t.Fatal("the test's memory is full")
	}
	return at
}

func (p *program) room(n int) room        { return room{p.take(n), uint32(n)} }
func (p *program) out() pointer           { return pointer(p.take(8)) }
func (p *program) get(a pointer) uint32   { return binary.LittleEndian.Uint32(p.Bytes[a:]) }
func (p *program) get64(a pointer) uint64 { return binary.LittleEndian.Uint64(p.Bytes[a:]) }

// text is what a function wrote.
func (p *program) text(r room, n pointer) string { return string(p.Bytes[r.at : r.at+p.get(n)]) }

// record puts numbers of 32 bits one behind the other.
func (p *program) record(words ...uint32) pointer {
	at := p.take(4 * len(words))
	for i, v := range words {
		binary.LittleEndian.PutUint32(p.Bytes[at+uint32(4*i):], v)
	}
	return pointer(at)
}

// bytesAt puts text into memory.
func (p *program) bytesAt(s string) uint32 {
	at := p.take(len(s))
	copy(p.Bytes[at:], s)
	return at
}

// call calls a function: strings are passed as pointer and length, lists of handles too.
func (p *program) call(name string, args ...any) status {
	p.t.Helper()
	f := p.funcs[name]
	if f == nil {
		p.t.Fatalf("there is no function %s", name)
	}
	var params []uint64
	for _, a := range args {
		switch v := a.(type) {
		case int:
			params = append(params, uint64(v))
		case uint32:
			params = append(params, uint64(v))
		case uint64:
			params = append(params, v)
		case string:
			params = append(params, uint64(p.bytesAt(v)), uint64(len(v)))
		case room:
			params = append(params, uint64(v.at), uint64(v.n))
		case pointer:
			params = append(params, uint64(v))
		case []uint32:
			params = append(params, uint64(p.record(v...)), uint64(len(v)))
		default:
			p.t.Fatalf("what is %T?", a)
		}
	}
	out, err := p.Call(f, params...)
	if err != nil {
		panic(err)
	}
	return status(out[0])
}

// must is call, and the function is to answer ok.
func (p *program) must(name string, args ...any) {
	p.t.Helper()
	p.want(ok, name, args...)
}

func (p *program) want(st status, name string, args ...any) {
	p.t.Helper()
	if got := p.call(name, args...); got != st {
		p.t.Errorf("%s: %v, want %v", name, got, st)
	}
}

// handle calls a function whose last result is a handle.
func (p *program) handle(name string, args ...any) uint32 {
	p.t.Helper()
	out := p.out()
	p.must(name, append(args, out)...)
	return p.get(out)
}

// string calls a function whose last parameters are room and where the length goes.
func (p *program) string(name string, args ...any) string {
	p.t.Helper()
	r, n := p.room(4096), p.out()
	p.must(name, append(args, r, n)...)
	return p.text(r, n)
}

// downstream is the client's request and its body.
func (p *program) downstream() (request, body uint32) {
	p.t.Helper()
	r, b := p.out(), p.out()
	p.must("http_req.body_downstream_get", r, b)
	return p.get(r), p.get(b)
}

// read reads a body to its end.
func (p *program) read(body uint32) string {
	p.t.Helper()
	var all strings.Builder
	r, n := p.room(1000), p.out()
	for {
		p.must("http_body.read", body, r, n)
		if p.get(n) == 0 {
			return all.String()
		}
		all.WriteString(p.text(r, n))
	}
}

func (p *program) body(content string) uint32 {
	p.t.Helper()
	b := p.handle("http_body.new")
	p.write(b, content)
	return b
}

func (p *program) write(body uint32, content string) {
	p.t.Helper()
	p.must("http_body.write", body, content, 0, p.out())
}

// reply sends a response.
func (p *program) reply(code int, content string) {
	p.t.Helper()
	r := p.handle("http_resp.new")
	p.must("http_resp.status_set", r, code)
	p.must("http_resp.send_downstream", r, p.body(content), 0)
}

// request makes a request.
func (p *program) request(method, uri string) uint32 {
	p.t.Helper()
	r := p.handle("http_req.new")
	p.must("http_req.method_set", r, method)
	p.must("http_req.uri_set", r, uri)
	return r
}

// instance is the guest as a session sees it.
type instance struct {
	p   *program
	run func(p *program)
}

func (instance) Has(string) bool           { return true }
func (i instance) Memory() hostcall.Memory { return i.p.Memory() }

func (i instance) Call(context.Context, string, ...uint64) (_ []uint64, err error) {
	defer func() {
		if v := recover(); v != nil {
			e, is := v.(error)
			if !is {
				panic(v)
			}
			err = e
		}
	}()
	i.run(i.p)
	return nil, nil
}

// outcome is what the client saw.
type outcome struct {
	status  int
	header  exchange.Header
	length  int64
	content string
	broken  error // of the content
	failed  error // there was no response
	ended   error // of the run
}

// exchangeOf makes an exchange: a method and a path, field lines, and after an empty line the content.
func exchangeOf(input string) *exchange.Exchange {
	x := exchange.New()
	head, content, hasContent := strings.Cut(input, "\n\n")
	lines := strings.Split(head, "\n")
	q := &x.Request
	q.Method, q.Path, _ = strings.Cut(lines[0], " ")
	q.Path, q.Query, q.HasQuery = strings.Cut(q.Path, "?")
	q.Scheme, q.Host, q.Proto = "http", "shop.example", exchange.HTTP11
	x.Client.Addr, x.Now = netip.MustParseAddr("192.0.2.1"), time.Now()
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		q.Header.Add(name, value)
	}
	if hasContent {
		q.Body, q.ContentLength = exchange.NewBytesBody([]byte(content)), int64(len(content))
	}
	return x
}

func (w *world) newProgram(s *Session) *program {
	return &program{Guest: hostcalltest.New(1<<20, s), t: w.t, funcs: w.functions(), top: 8}
}

// run has a program answer a request, see exchangeOf.
func (w *world) run(input string, do func(p *program)) outcome {
	w.t.Helper()
	s := w.binding.NewSession().(*Session)
	defer s.Close()
	return w.answered(s, instance{w.newProgram(s), do}, exchangeOf(input))
}

// answered has a session answer an exchange, and takes its response.
func (w *world) answered(s *Session, i adapter.Instance, x *exchange.Exchange) outcome {
	w.t.Helper()
	s.Attach(x, i, limit.New(limit.Limits{}))
	s.Begin(exchange.OnRequest)
	var out outcome
	over := false
	_, streaming, err := s.Run(func(_ int32, err error) error {
		if over {
			w.t.Error("the run ended twice")
		}
		over, out.ended = true, err
		return err
	})
	if !streaming {
		out.failed = err
		return out
	}
	out.status, out.length = x.Response.Status, x.Response.ContentLength
	out.header.CopyFrom(&x.Response.Header)
	var b bytes.Buffer
	_, out.broken = x.Response.Body.WriteTo(&b)
	held := x.Response.Body.(*content).t.held
	x.Response.Body.Close()
	if !over {
		w.t.Error("the body is closed, and the run is not over")
	}
	if h := held.n.Load(); h != 0 {
		w.t.Errorf("%d bytes are counted as held when all is over", h)
	}
	out.content = b.String()
	return out
}
