package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	brotli "github.com/molecule-man/go-brrr"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A running request is one that was started and not finished.
type running struct {
	mu   sync.Mutex
	head string
	body bytes.Buffer
	done bool
	err  error
	gone chan struct{}
}

type testPeer struct {
	w    *world
	gone chan struct{}
}

func (p testPeer) Gone() <-chan struct{} { return p.gone }

// Interim notes what the client is told before its answer.
func (p testPeer) Interim(status int, h *exchange.Header) error {
	s := fmt.Sprint(status)
	for f := range h.All() {
		s += " [" + f.Name + ": " + f.Value + "]"
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.hints = append(p.w.hints, s)
	return nil
}

// fill makes an exchange as a front end would. words are METHOD URL [from=ADDRESS] [show=FIELD...];
// input has field lines, and after a "." the body.
func (w *world) fill(words []string, input string) *exchange.Exchange {
	x := exchange.New()
	x.Now = time.Now()
	x.Client.PeerAddr = netip.MustParseAddr("192.0.2.1")
	x.Request.Proto = exchange.HTTP11
	x.Request.Scheme = "http"
	x.Request.Method = words[0]
	if rest, ok := strings.CutPrefix(words[1], "http://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		x.Request.Host, x.Request.Target = host, "/"+path
	} else {
		x.Request.Host, x.Request.Target = "shop.example", words[1]
	}
	x.Peer = testPeer{w: w}
	for _, word := range words[2:] {
		if a, ok := strings.CutPrefix(word, "from="); ok {
			x.Client.PeerAddr = netip.MustParseAddr(a)
		}
	}
	head, body, hasBody := strings.Cut(input+"\n", ".\n")
	for line := range strings.SplitSeq(head, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			x.Request.Header.Add(name, strings.TrimSpace(value))
		}
	}
	if hasBody {
		body = strings.TrimSuffix(body, "\n")
		x.Request.Body = exchange.ReaderBody(io.NopCloser(strings.NewReader(body)))
		x.Request.ContentLength = int64(len(body))
	}
	return x
}

// hidden fields change from run to run, or stand in every answer.
var hidden = []exchange.Known{exchange.Date, exchange.XRequestID, exchange.CacheStatus, exchange.ContentLength}

// anyKey is a cache key, which is another in every cache.
var anyKey = regexp.MustCompile(`key="[0-9a-f]{32}"`)

// head prints the head of a response.
func head(x *exchange.Exchange) string {
	var b strings.Builder
	r := &x.Response
	fmt.Fprintf(&b, "%d %s\n", r.Status, anyKey.ReplaceAllString(strings.TrimPrefix(strings.Join(slices.Collect(r.Header.Values(exchange.CacheStatus)), ", "), "node-a; "), `key="KEY"`))
	for f := range r.Header.All() {
		if r.Status >= 400 && f.Known() == exchange.ContentType && strings.HasPrefix(f.Value, "text/plain; charset") {
			continue
		}
		if !slices.Contains(hidden, f.Known()) {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, strings.ReplaceAll(f.Value, x.ID.String(), "ID"))
		}
	}
	return b.String()
}

func bodyText(b []byte, id string) string {
	s := strings.ReplaceAll(string(b), id, "ID")
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q\n", s)
}

// request asks and prints the whole answer, and what the origin saw.
func (w *world) request(b *strings.Builder, words []string, input string) {
	x := w.fill(words, input)
	w.p.Serve(x)
	b.WriteString(head(x))
	id := x.ID.String()
	var body bytes.Buffer
	n, status := x.Response.ContentLength, x.Response.Status
	coding := strings.Clone(x.Response.Header.Value(exchange.ContentEncoding))
	_, err := x.Response.Body.WriteTo(&body)
	x.Response.Body.Close()
	plain := body.Bytes()
	if err == nil && body.Len() > 0 {
		plain = decoded(w.t, coding, plain)
	}
	b.WriteString(bodyText(plain, id))
	if err != nil {
		fmt.Fprintf(b, "broken: %v\n", err)
	} else if words[0] == "HEAD" && body.Len() > 0 || words[0] != "HEAD" && n >= 0 && int64(body.Len()) != n && status != 304 {
		fmt.Fprintf(b, "WRONG LENGTH: announced %d, sent %d\n", n, body.Len())
	}
	synctest.Wait()
	w.seen(b)
}

// decoded is what a client makes of content in a coding. What does not claim to
// be in one that this package makes is left as it is.
func decoded(t *testing.T, coding string, b []byte) []byte {
	var r io.Reader = bytes.NewReader(b)
	var err error
	switch coding {
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	case "gzip":
		r, err = gzip.NewReader(r)
	}
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil {
		t.Errorf("content in %s: %v", coding, err)
	}
	return b
}

// seen prints what the origin was asked since the last time.
func (w *world) seen(b *strings.Builder) {
	for _, h := range w.hints {
		fmt.Fprintf(b, "interim: %s\n", h)
	}
	for _, a := range w.asked {
		fmt.Fprintf(b, "origin: %s\n", a)
	}
	w.asked, w.hints = w.asked[:0], nil
}

// start asks in the background, under a name.
func (w *world) start(name string, words []string, input string) {
	x := w.fill(words, input)
	r := &running{gone: make(chan struct{})}
	w.running[name] = r
	go func() {
		w.p.Serve(x)
		id := x.ID.String()
		r.mu.Lock()
		r.head = head(x)
		r.mu.Unlock()
		var buf [512]byte
		for {
			n, err := x.Response.Body.Read(buf[:])
			r.mu.Lock()
			r.body.WriteString(strings.ReplaceAll(string(buf[:n]), id, "ID"))
			r.mu.Unlock()
			if err != nil {
				if err != io.EOF {
					r.err = err
				}
				break
			}
		}
		x.Response.Body.Close()
		r.mu.Lock()
		r.done = true
		r.mu.Unlock()
	}()
	synctest.Wait()
}

// finish prints how far a started request has come, and forgets it if it is done.
func (w *world) finish(b *strings.Builder, name string) {
	synctest.Wait()
	r := w.running[name]
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.head == "":
		b.WriteString("waits\n")
	case !r.done:
		b.WriteString(r.head + bodyText(r.body.Bytes(), "-") + "goes on\n")
	default:
		b.WriteString(r.head + bodyText(r.body.Bytes(), "-"))
		if r.err != nil {
			fmt.Fprintf(b, "broken: %v\n", r.err)
		}
		delete(w.running, name)
	}
	w.seen(b)
}

// A broken or endless request body is not the origin's failure: neither the
// client nor who watches the origins may be told so.
func TestFailureStatus(t *testing.T) {
	f := func(s exchange.Source, r exchange.Reason, want int) {
		t.Helper()
		err := error(&exchange.Error{Source: s, Op: "send", Reason: r})
		if got := failureStatus(fmt.Errorf("attempt 1: %w", err), r); got != want {
			t.Errorf("%v %v: status %d, want %d", s, r, got, want)
		}
	}
	f(exchange.SourceClient, exchange.ReasonBadRequest, 400)
	f(exchange.SourceClient, exchange.ReasonNone, 400)
	f(exchange.SourceClient, exchange.ReasonTooLarge, 413)
	f(exchange.SourceClient, exchange.ReasonSlowClient, 408)
	f(exchange.SourceClient, exchange.ReasonClientGone, 499)
	f(exchange.SourceOrigin, exchange.ReasonOriginTimeout, 504)
	f(exchange.SourceOrigin, exchange.ReasonOriginConnect, 502)
	f(exchange.SourceNode, exchange.ReasonOverload, 503)
}
