package pipeline

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/edge/cache/policy"
	"github.com/wedgecdn/wedge/edge/encode"
	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/edge/route"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A world is what a conversation takes place in.
type world struct {
	t         *testing.T
	p         *Pipeline
	cache     *cache.Cache
	sites     []route.Site[*Route]
	functions map[string]*script
	answers   map[string]*answer // by path
	running   map[string]*running
	advance   func(time.Duration)

	mu    sync.Mutex
	asked []string // what the origin has seen since the last answer was printed
	hints []string // and what clients were told before their answers
	ended []string // clients' exchanges that have ended
	bugs  []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, functions: map[string]*script{}, answers: map[string]*answer{}, running: map[string]*running{}}
	c, err := cache.New(cache.Options{Memory: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w.cache = c
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	w.p = New(Options{Cache: c, Origins: w, Events: w, Node: "node-a", Debug: func(token, owner string, _ time.Time) bool { return token == "of-"+owner },
		Trusted: func(x *exchange.Exchange) bool { return trusted.Contains(x.Client.PeerAddr) }})
	return w
}

func (w *world) close() {
	for name := range w.running {
		w.t.Errorf("request %s was started and not finished", name)
	}
	for _, a := range w.answers {
		if a.hold != nil {
			select {
			case <-a.hold:
			default:
				close(a.hold)
			}
		}
	}
	w.p.Drain()
	for _, b := range w.bugs {
		if !strings.HasPrefix(b, originPanics) {
			w.t.Error("bug: ", b)
		}
	}
}

func (w *world) Ended(x *exchange.Exchange, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, fmt.Sprintf("%v %v", x.Outcome, x.Reason))
}
func (w *world) Fetched(*exchange.Exchange, time.Duration) {}
func (w *world) Bug(_ *exchange.Exchange, v any, stack []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bugs = append(w.bugs, fmt.Sprintf("%v\n%s", v, stack))
}

// site HOST [option...]: options are mode=pass|force, ttl=, origin=, cookies=ignore,
// key_cookie=, strip_set_cookie, store_set_cookie, no_collapse, reads_private, functions=a,b:open,
// handler=a:open (one of the functions, with an on_handle), heuristic=, swr= and sie= (what holds for responses that do not say so), status=CODE:TTL, target=FIELD,
// ignore_client, match_language, ranges, segment=BYTES, send_surrogate, encode=br,gzip.
// A line of input "PATH option..." is a route.
func (w *world) site(words []string, input string) {
	base := &Route{Owner: "default", Site: words[0], Origin: "main", Rules: cache.Rules{Owner: "default", Site: words[0], Origin: "main", Collapse: true}}
	w.options(base, words[1:])
	s := route.Site[*Route]{Hosts: []string{words[0]}, Any: base}
	for line := range strings.SplitSeq(input, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		r := *base
		r.Name = f[0]
		w.options(&r, f[1:])
		s.Routes = append(s.Routes, route.Path[*Route]{Path: f[0], Entry: &r})
	}
	w.sites = slices.DeleteFunc(w.sites, func(o route.Site[*Route]) bool { return o.Hosts[0] == words[0] })
	w.sites = append(w.sites, s)
	w.p.SetTable(NewTable(w.sites))
}

func (w *world) options(r *Route, options []string) {
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "mode":
			r.Rules.Mode = map[string]cache.Mode{"honour": cache.Honour, "pass": cache.Pass, "force": cache.Force}[value]
		case "ttl":
			r.Rules.TTL = duration(w.t, value)
		case "origin":
			r.Origin, r.Rules.Origin = value, value
		case "owner":
			r.Owner, r.Rules.Owner = value, value
		case "cookies":
			r.Rules.IgnoreCookies = value == "ignore"
		case "key_cookie":
			r.Rules.KeyCookies = append(r.Rules.KeyCookies, value)
		case "strip_set_cookie":
			r.Rules.StripSetCookie = true
		case "store_set_cookie":
			r.Rules.KeepSetCookie = true
		case "heuristic":
			r.Rules.Heuristic = duration(w.t, value)
		case "swr":
			r.Rules.WhileRevalidate = duration(w.t, value)
		case "sie":
			r.Rules.IfError = duration(w.t, value)
		case "status":
			code, ttl, _ := strings.Cut(value, ":")
			n, _ := strconv.Atoi(code)
			r.Rules.Statuses = append(r.Rules.Statuses, cache.Status{Code: n, TTL: duration(w.t, ttl)})
		case "target":
			r.Rules.Target = value
		case "ranges":
			r.Rules.ForwardRanges = true
		case "send_surrogate":
			r.SendSurrogate = true
		case "segment":
			n, _ := strconv.Atoi(value)
			r.Rules.Segment = int64(n)
		case "match_language":
			r.Rules.MatchLanguage = true
		case "encode":
			o := encode.Options{Least: 100}
			for name := range strings.SplitSeq(value, ",") {
				o.Codings = append(o.Codings, map[string]encode.Coding{"br": encode.Brotli, "zstd": encode.Zstd, "gzip": encode.Gzip}[name])
			}
			r.Encode = encode.New(o)
		case "ignore_client":
			r.Rules.IgnoreClientDirectives = true
		case "no_collapse":
			r.Rules.Collapse = false
		case "reads_private":
			r.Rules.ReadsPrivate = true
		case "version":
			r.Rules.Versions = append(r.Rules.Versions, value)
		case "handler":
			n, policy, _ := strings.Cut(value, ":")
			r.Handler = &hook.Handler{Name: n, OnFailure: map[string]hook.Policy{"": hook.Closed, "open": hook.Open, "stale": hook.Stale}[policy]}
			if s := w.functions[n]; s != nil {
				r.Handler.Function = scriptHandler{w, s}
			}
		case "functions":
			var b []hook.Binding
			for f := range strings.SplitSeq(value, ",") {
				n, policy, _ := strings.Cut(f, ":")
				bind := hook.Binding{Name: n, OnFailure: map[string]hook.Policy{"": hook.Closed, "open": hook.Open, "stale": hook.Stale}[policy]}
				if s := w.functions[n]; s != nil {
					bind.Function = s
				}
				b = append(b, bind)
			}
			r.Hooks = hook.NewChain(b)
		default:
			w.t.Fatalf("no option %q", o)
		}
	}
}

func duration(t *testing.T, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An answer is what the origin says to a path: a status line, fields, an empty
// line of "." and the body. "cut" as an option ends the body before its end,
// "refuse" refuses the connection, "hold" waits for the command go, "drip"
// waits for a go before each line of the body, "hint" sends 103 before it answers, "ranges" answers
// with the range that it is asked for.
type answer struct {
	status  int
	header  [][2]string
	body    string
	options []string
	hold    chan struct{}
}

func (w *world) origin(words []string, input string) {
	a := &answer{status: 200, options: words[1:]}
	head, body, _ := strings.Cut(input+"\n", ".\n")
	a.body = strings.TrimSuffix(body, "\n")
	for i, line := range strings.Split(strings.TrimRight(head, "\n"), "\n") {
		if i == 0 && line != "" {
			var err error
			if a.status, err = strconv.Atoi(strings.TrimSpace(line)); err == nil {
				continue
			}
			a.status = 200
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			a.header = append(a.header, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	if slices.Contains(a.options, "hold") || slices.Contains(a.options, "drip") {
		a.hold = make(chan struct{})
	}
	w.answers[words[0]] = a
}

// letGo lets a held origin answer, or a dripping one send its next line.
func (w *world) letGo(path string) {
	a := w.answers[path]
	if slices.Contains(a.options, "drip") {
		a.hold <- struct{}{}
	} else {
		close(a.hold)
	}
	synctest.Wait()
}

// originPanics is the one bug that a conversation asks for.
const originPanics = "BUG: the origin panics"

// saw notes what the origin was asked.
func (w *world) saw(request string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, request)
}

// Send is the origin.
func (w *world) Send(ctx context.Context, x *exchange.Exchange, name string) error {
	q := &x.Request
	seen := q.Method + " " + name + " " + q.Host + q.URI()
	for f := range q.Header.All() {
		switch f.Known() {
		case exchange.Host, exchange.Via, exchange.CDNLoop, exchange.XForwardedProto, exchange.XRequestID:
		case exchange.XForwardedHost:
			if f.Value != q.Host {
				seen += " [" + f.Name + ": " + f.Value + "]"
			}
		case exchange.XForwardedFor:
			if f.Value != "192.0.2.1" {
				seen += " [" + f.Name + ": " + f.Value + "]"
			}
		default:
			seen += " [" + f.Name + ": " + f.Value + "]"
		}
	}
	if q.Body != nil {
		b, err := io.ReadAll(q.Body)
		seen += fmt.Sprintf(" %q", b)
		if err != nil {
			w.saw(seen + " (broken)")
			return &exchange.Error{Source: exchange.SourceClient, Op: "send body", Reason: exchange.ReasonClientGone, Err: err}
		}
	}
	w.saw(seen)
	a := w.answers[q.Path]
	if a == nil {
		a = &answer{status: 404, body: "no such page"}
	}
	if slices.Contains(a.options, "hint") {
		var h exchange.Header
		h.Add("Link", "</a.css>; rel=preload")
		h.Add("Connection", "x-hop")
		h.Add("X-Hop", "1")
		x.Peer.Interim(103, &h)
	}
	if slices.Contains(a.options, "hold") {
		<-a.hold
	}
	if slices.Contains(a.options, "refuse") || name == "down" {
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "connect", Reason: exchange.ReasonOriginConnect, Retry: true, Err: io.ErrClosedPipe}
	}
	if slices.Contains(a.options, "slow") {
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "read head", Reason: exchange.ReasonOriginTimeout, Err: context.DeadlineExceeded}
	}
	if slices.Contains(a.options, "panic") {
		panic(originPanics)
	}
	r := &x.Response
	r.Status = a.status
	for _, f := range a.header {
		// A condition that the origin can answer is answered.
		if strings.EqualFold(f[0], "etag") && q.Header.Value(exchange.IfNoneMatch) == f[1] {
			r.Status = 304
		}
		if strings.EqualFold(f[0], "last-modified") && q.Header.Value(exchange.IfModifiedSince) == f[1] {
			r.Status = 304
		}
		if strings.EqualFold(f[0], "etag") && q.Header.Has(exchange.IfMatch) && q.Header.Value(exchange.IfMatch) != f[1] && slices.Contains(a.options, "ranges") {
			r.Status, a = 412, &answer{}
		}
		r.Header.Add(f[0], f[1])
	}
	if r.Status == 304 {
		return nil
	}
	body := a.body
	if slices.Contains(a.options, "ranges") && q.Header.Has(exchange.Range) {
		switch rg, kind := policy.ParseRange(q.Header.Value(exchange.Range), int64(len(body))); kind {
		case policy.Satisfiable:
			r.Status, body = 206, body[rg.First:rg.Last+1]
			r.Header.Add("Content-Range", string(rg.AppendContentRange(nil, int64(len(a.body)))))
		case policy.Unsatisfiable:
			r.Status, body = 416, ""
			r.Header.Add("Content-Range", string(policy.AppendUnsatisfied(nil, int64(len(a.body)))))
		}
	}
	r.ContentLength = int64(len(body))
	if slices.Contains(a.options, "chunked") || slices.Contains(a.options, "drip") {
		r.ContentLength = -1
	}
	if q.Method != "HEAD" {
		r.Body = exchange.ReaderBody(&stream{a: a, rest: body})
	}
	return nil
}

// A stream is the body of an answer.
type stream struct {
	a    *answer
	rest string
}

func (s *stream) Read(p []byte) (int, error) {
	if s.rest == "" {
		if slices.Contains(s.a.options, "cut") {
			return 0, &exchange.Error{Source: exchange.SourceOrigin, Op: "read body", Reason: exchange.ReasonOriginCut, Err: io.ErrUnexpectedEOF}
		}
		return 0, io.EOF
	}
	n := len(s.rest)
	if slices.Contains(s.a.options, "drip") {
		<-s.a.hold
		n = strings.IndexByte(s.rest, '\n') + 1
		if n == 0 {
			n = len(s.rest)
		}
	}
	n = copy(p, s.rest[:n])
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) Close() error { return nil }

// purge by url=, prefix=, tag=, all; [soft].
func (w *world) purge(b *strings.Builder, words []string) {
	q := cache.PurgeRequest{Owner: "default"}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "url":
			q.URL = value
		case "prefix":
			q.Prefix = value
		case "tag":
			q.Tag = value
		case "all":
			q.All = true
		case "soft":
			q.Soft = true
		case "owner":
			q.Owner = value
		}
	}
	if _, err := w.cache.Purge(q); err != nil {
		fmt.Fprintf(b, "%v\n", err)
	}
}
