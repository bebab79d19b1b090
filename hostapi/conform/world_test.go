package conform

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// node is a fake node: it answers callouts, keeps stores, writes down what guests log and count.
type node struct {
	engine *engine.Engine
	host   *guest.Host

	mu    sync.Mutex
	more  sync.Cond // another line
	lines []string
	kv    map[string]string
}

func newNode(t testing.TB) *node {
	t.Helper()
	return newNodeOf(t, guest.HostFuncs())
}

// newNodeOf makes one whose guests import these functions.
func newNodeOf(t testing.TB, funcs []hostcall.Func) *node {
	t.Helper()
	e, err := engine.New(engine.Options{Host: funcs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &node{engine: e, kv: map[string]string{}}
	n.more.L = &n.mu
	n.host = guest.New(guest.Options{Engine: e, Services: &services.Services{Log: n, Metrics: n, Fetcher: n, KV: n, Places: n}})
	return n
}

func (n *node) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
	n.more.Broadcast()
}

// await waits until a line was noted that many times; false if that takes unreasonably long.
func (n *node) await(ctx context.Context, line string, times int) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.more.Broadcast()
	})()
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		seen := 0
		for _, l := range n.lines {
			if l == line {
				seen++
			}
		}
		if seen >= times || ctx.Err() != nil {
			return seen >= times
		}
		n.more.Wait()
	}
}

func (n *node) noted(line string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.lines, line)
}

func (n *node) Log(l *services.Line) { n.note("log %s: %s", l.Level, l.Message) }

func (n *node) Add(_ services.Owner, _, name string, delta int64) { n.note("add %s %d", name, delta) }
func (n *node) Observe(_ services.Owner, _, name string, v float64) {
	n.note("observe %s %g", name, v)
}
func (n *node) Set(_ services.Owner, _, name string, v float64) { n.note("set %s %g", name, v) }

// Fetch answers with what it was asked; the path /slow is answered when the asker has gone, /end when a stream is over.
func (n *node) Fetch(ctx context.Context, r *services.FetchRequest) (*services.FetchResponse, error) {
	body := fmt.Sprintf("%s %s%s %s", r.Method, r.Origin, r.Target, r.Body)
	n.note("fetch %s", body)
	if strings.HasSuffix(r.Target, "/slow") {
		<-ctx.Done()
		n.note("gone")
		return nil, services.ErrTimeout
	}
	if strings.HasSuffix(r.Target, "/end") {
		if !n.await(ctx, "log info: is deleted", 1) {
			n.note("cut off")
			return nil, services.ErrTimeout
		}
		n.note("told of the end")
	}
	resp := &services.FetchResponse{Status: 203, Body: io.NopCloser(strings.NewReader(body))}
	resp.Header.Add("X-Answer", "yes")
	return resp, nil
}

// Place knows where the client is.
func (*node) Place(a netip.Addr) (services.Place, bool) {
	return services.Place{Country: "NL", Region: "UT", City: "Utrecht", ASN: 64500}, a == netip.MustParseAddr("192.0.2.1")
}

func (n *node) Open(_ services.Owner, name string) (services.Store, error) {
	return store{n, name + "/"}, nil
}

type store struct {
	n      *node
	prefix string
}

func (s store) Get(_ context.Context, key []byte, e *services.Entry) (bool, error) {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	v, found := s.n.kv[s.prefix+string(key)]
	e.Value = []byte(v)
	return found, nil
}

func (s store) Put(_ context.Context, key, value []byte, _ services.PutOptions) (uint64, error) {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	s.n.kv[s.prefix+string(key)] = string(value)
	return 1, nil
}

func (s store) Delete(_ context.Context, key []byte, _ uint64) (bool, error) {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	delete(s.n.kv, s.prefix+string(key))
	return true, nil
}

func (s store) Add(context.Context, []byte, int64, time.Duration) (int64, error) {
	return 0, services.ErrInvalid
}

func (s store) List(_ context.Context, prefix []byte, _ string, _ int) (p services.Page, _ error) {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	for k := range s.n.kv {
		if key, mine := strings.CutPrefix(k, s.prefix); mine && strings.HasPrefix(key, string(prefix)) {
			p.Entries = append(p.Entries, services.Listed{Key: []byte(key)})
		}
	}
	return p, nil
}

// A request is a line, fields, an empty line, the body, and, after a line "--", trailers. So is a response, but for its
// first line, which is a status. A response whose fields name no Content-Length has no known length.
func parse(t *testing.T, message string) (first string, h exchange.Header, body string, trailer *exchange.Header) {
	t.Helper()
	head, rest, _ := strings.Cut(message, "\n\n")
	lines := strings.Split(head, "\n")
	fields := func(lines []string) (h exchange.Header) {
		for _, l := range lines {
			name, value, found := strings.Cut(l, ": ")
			if !found {
				t.Fatalf("line %q has no colon", l)
			}
			h.Add(name, value)
		}
		return h
	}
	body, trailers, has := strings.Cut(rest, "\n--\n")
	if has {
		th := fields(strings.Split(trailers, "\n"))
		trailer = &th
	}
	return lines[0], fields(lines[1:]), body, trailer
}

// pieces is a body that comes in several reads.
type pieces struct{ rest []string }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[0])
	if p.rest[0] = p.rest[0][n:]; p.rest[0] == "" {
		p.rest = p.rest[1:]
	}
	return n, nil
}

func (p *pieces) Close() error { return nil }

func bodyOf(text string) exchange.Body {
	if text == "" {
		return nil
	}
	return exchange.ReaderBody(&pieces{strings.Split(text, "|")})
}

type peer struct{}

func (peer) Gone() <-chan struct{}               { return nil }
func (peer) Interim(int, *exchange.Header) error { return nil }

// run sends a request through a function and returns what the origin and the client saw. The parts of a body stand
// between bars in what goes in, and without them in what comes out.
func (n *node) run(t *testing.T, f *guest.Function, request, response string, failed bool) (origin, client string, err error) {
	t.Helper()
	x := exchange.New()
	defer x.Release()
	x.Now, x.Peer = time.Unix(1700000000, 0), peer{}
	x.Client.Addr, x.Client.Port = netip.MustParseAddr("192.0.2.1"), 1234
	first, h, body, trailer := parse(t, request)
	q := &x.Request
	q.Scheme, q.Host, q.Proto = "https", "shop.example", exchange.HTTP11
	var uri string
	q.Method, uri, _ = strings.Cut(first, " ")
	q.Path, q.Query, q.HasQuery = strings.Cut(uri, "?")
	q.Header.CopyFrom(&h)
	q.Body, q.ContentLength, q.Trailer = bodyOf(body), int64(len(strings.ReplaceAll(body, "|", ""))), trailer

	r, err := f.Start(x, time.Time{})
	if err != nil {
		return "", "", err
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			r.End()
		}
	}
	defer end()
	answered, err := r.Call(exchange.OnRequest)
	if err != nil {
		return "", "", err
	}
	if answered {
		x.Outcome = exchange.Answered
	} else {
		if x.Outcome = exchange.Miss; failed {
			x.Outcome = exchange.Failed
		}
		origin = fmt.Sprintf("%s %s %s\n", q.Method, q.Host, q.URI()) + render(&q.Header, q.Body, q.Trailer)
		status, h, body, trailer := parse(t, response)
		p := &x.Response
		p.Status, _ = strconv.Atoi(status)
		p.ContentLength = -1
		if v := h.Value(exchange.ContentLength); v != "" {
			p.ContentLength, _ = strconv.ParseInt(v, 10, 64)
		}
		h.DeleteKnown(exchange.ContentLength)
		p.Header.CopyFrom(&h)
		p.Body, p.Trailer = bodyOf(body), trailer
	}
	if _, err := r.Call(exchange.OnResponse); err != nil {
		return origin, "", err
	}
	end()
	p := &x.Response
	client = fmt.Sprintf("%d\n", p.Status)
	if p.ContentLength >= 0 && p.Body != nil {
		client += fmt.Sprintf("Length: %d\n", p.ContentLength)
	}
	client += render(&p.Header, p.Body, p.Trailer)
	if p.Body != nil {
		p.Body.Close()
	}
	return origin, client, nil
}

func render(h *exchange.Header, body exchange.Body, trailer *exchange.Header) string {
	var b strings.Builder
	for f := range h.All() {
		fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(f.Name), f.Value)
	}
	b.WriteString("\n")
	if body != nil {
		w := bufio.NewWriter(&b)
		if _, err := body.WriteTo(w); err != nil {
			fmt.Fprintf(w, "<%v>", err)
		}
		w.Flush()
	}
	if trailer != nil {
		b.WriteString("\n--\n")
		for f := range trailer.All() {
			fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(f.Name), f.Value)
		}
	}
	return b.String()
}

// A case is a guest, and lines that the origin and the client must see, or with "!" before them must not. Lines with "@"
// before them are what the node writes down.
type testCase struct {
	name              string
	build             func(p *program)
	config            map[string]string
	request, response string // "" is a plain GET, and a plain 200
	origin, client    []string
	failed            bool   // the response is the node's own, as there was none from the origin
	fails             string // a part of the error, for guests that must be ended
	refused           string // a part of the error, for guests that are not loaded
}

func (n *node) check(t *testing.T, module []byte, c testCase) {
	t.Helper()
	if c.request == "" {
		c.request = "GET /a?b=c\nX-One: 1\nX-Two: 2\nX-Two: 3"
	}
	if c.response == "" {
		c.response = "200\nContent-Length: 5\nX-Given: 4\n\ngi|ven"
	}
	f, err := n.host.Load(context.Background(), module, guest.Spec{
		Owner: "acme", Name: "fn", Version: "0123456789abcdef", Config: c.config, Secrets: map[string]guest.Secret{"key": guest.Secret("hush")},
		Fetch: []string{"shop", "https://id.example"}, KV: []string{"s"}, Limits: limit.Limits{Wall: 2 * time.Second, CPU: 300 * time.Millisecond},
	})
	if c.refused != "" {
		if err == nil || !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.refused)
		}
		if err == nil {
			f.Close()
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	defer f.Close()
	origin, client, err := n.run(t, f, c.request, c.response, c.failed)
	if c.fails != "" {
		if err == nil && !strings.Contains(client, c.fails) || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: error %v, want %q; the client got\n%s", c.name, err, c.fails, client)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	see := func(who, seen string, lines []string) {
		for _, l := range lines {
			want := true
			if rest, not := strings.CutPrefix(l, "!"); not {
				l, want = rest, false
			}
			got := slices.Contains(strings.Split(seen, "\n"), l)
			if rest, noted := strings.CutPrefix(l, "@"); noted {
				got = n.noted(rest)
			}
			if got != want {
				t.Errorf("%s: the %s must see (%v) %q, and saw\n%s\nnoted: %q", c.name, who, want, l, seen, n.lines)
			}
		}
	}
	see("origin", origin, c.origin)
	see("client", client, c.client)
}

// every tells of functions without a case. A case is named after the functions that it is about.
func every(t *testing.T, names []string, cases []testCase) {
	t.Helper()
	for _, name := range names {
		if !slices.ContainsFunc(cases, func(c testCase) bool { return slices.Contains(strings.Fields(c.name), name) }) {
			t.Errorf("%s has no case", name)
		}
	}
}
