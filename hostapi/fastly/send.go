package fastly

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

const (
	// maxSends bounds the requests of a run, over its whole life.
	maxSends = 256
	// maxHeadTime is the most that the head of a response may take.
	maxHeadTime = 2 * time.Minute
)

// pending is a request under way.
//
// States: under way (done is open, and the rest the goroutine's); there (done is closed). If it is given up while under
// way, its goroutine closes what it gets, since the context has ended.
type pending struct {
	booking
	sent int // bytes of the request's head
	// held is the account on which the request's content stands until there is an answer, if it is in memory.
	held     *gauge
	inMemory atomic.Int64
	done     chan struct{}
	cancel   context.CancelFunc
	resp     *services.FetchResponse
	err      error
	gunzip   bool
	method   string
	fields   [2][]change // of a response, and of the one made for an error
}

// change is what is to be done to the fields of a response that is still under way.
type change struct {
	kind        byte // i a r, for insert, append, remove
	name, value string
}

// sentAll takes the request's content off the account, once.
func (p *pending) sentAll() {
	if n := p.inMemory.Swap(0); n > 0 {
		p.held.sub(int(n))
	}
}

func (p *pending) abandon(error) {
	p.sentAll()
	p.cancel()
	go func() {
		<-p.done
		if p.resp != nil {
			p.resp.Body.Close()
		}
	}()
}

// override sets how the cache treats the response.
func (c *call) override(r *request, tags string) status {
	const pass, ttl, stale, pci = 1, 2, 4, 8
	tag := c.u32(1)
	if tag&^(pass|ttl|stale|pci) != 0 {
		return invalid
	}
	keys := strings.Fields(tags)
	n := len(tags) + fieldCost*len(keys)
	if len(tags) > mostField {
		return invalid
	}
	if !r.change(n - r.tags) {
		return limitExceeded
	}
	r.tags = n
	r.cache = services.CacheChoice{Bypass: tag&pass != 0}
	if tag&ttl != 0 {
		r.cache.TTL = exchange.Duration{Value: time.Duration(c.u32(2)) * time.Second, Set: true}
	}
	if tag&stale != 0 {
		r.cache.Grace = exchange.Duration{Value: time.Duration(c.u32(3)) * time.Second, Set: true}
	}
	if len(keys) > 0 {
		r.cache.Tags = keys
	}
	return ok
}

// start sends the request whose handles are the first parameters, to the
// backend named by the third. cached is false for the forms that have nothing
// to do with the cache; streaming leaves the body to be written.
func (c *call) start(cached, streaming bool) (*pending, status) {
	r, found := c.request(c.u32(0))
	b, found2 := find[body](c, c.u32(1))
	if !found || !found2 || b.out != nil {
		return nil, badHandle
	}
	c.handles.remove(c.u32(0))
	if !streaming {
		c.handles.remove(c.u32(1))
	}
	give := func(st status) (*pending, status) {
		if !streaming {
			b.abandon(errUnfinished)
		}
		return nil, st
	}
	to, found := c.backend(c.text(2))
	if !found {
		return give(invalid)
	}
	if c.b.o.Services.Fetcher == nil {
		return give(unsupported)
	}
	if c.sends++; c.sends > maxSends {
		return give(limitExceeded)
	}
	q, st := c.fetchRequest(r, to)
	if st != ok {
		return give(st)
	}
	q.Number = c.sends
	if q.Cache = r.cache; !cached {
		q.Cache = services.CacheChoice{Bypass: true}
	}
	ctx, cancel := context.WithCancel(c.requests)
	p := &pending{done: make(chan struct{}), cancel: cancel, gunzip: r.gunzip, method: r.method, sent: r.weight()}
	switch {
	case streaming:
		b = b.stream(c.held)
		q.Stream = b
	case b.length() != 0:
		if whole, length := b.bytes(); whole != nil {
			q.Body, p.held = whole, c.held
			p.inMemory.Store(length)
		} else {
			q.Stream, q.StreamLength = b, max(b.length(), 0)
		}
	default:
		b.abandon(errUnfinished)
	}
	go p.run(ctx, c.b.o.Services.Fetcher, q, to)
	return p, ok
}

// bytes is the content of a body that stands in memory; nil if it does not.
func (b *body) bytes() (all []byte, n int64) {
	for _, c := range b.chunks {
		if c.src != nil {
			return nil, 0
		}
		n += int64(len(c.b))
	}
	if len(b.chunks) == 1 {
		return b.chunks[0].b, n
	}
	for _, c := range b.chunks {
		all = append(all, c.b...)
	}
	return all, n
}

// run sends the request to the backend. What the backend was registered with bounds how long its head may take, and then
// each piece of its content.
func (p *pending) run(ctx context.Context, f services.Fetcher, q *services.FetchRequest, to *backend) {
	timer := time.AfterFunc(to.headTime(), p.cancel)
	resp, err := f.Fetch(ctx, q)
	if !timer.Stop() {
		if err == nil {
			resp.Body.Close()
		}
		resp, err = nil, services.ErrTimeout
	}
	switch {
	case err != nil && q.Stream != nil:
		q.Stream.Close()
	case err == nil && to.between > 0:
		resp.Body = &paced{resp.Body, time.Duration(to.between) * time.Millisecond, p.cancel}
	}
	p.sentAll()
	p.resp, p.err = resp, err
	close(p.done)
}

// paced is content of which no piece may take longer than patience: then its request ends, and reading fails.
type paced struct {
	io.ReadCloser
	patience time.Duration
	end      context.CancelFunc
}

// Read reads a piece.
func (p *paced) Read(b []byte) (int, error) {
	timer := time.AfterFunc(p.patience, p.end)
	n, err := p.ReadCloser.Read(b)
	if !timer.Stop() && err != nil {
		err = services.ErrTimeout
	}
	return n, err
}

// fetchRequest is what is sent to the backend.
func (c *call) fetchRequest(r *request, to *backend) (*services.FetchRequest, status) {
	_, rest, absolute := strings.Cut(r.uri, "://")
	if !absolute {
		return nil, httpUser
	}
	authority, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	q := &services.FetchRequest{Caller: c.caller, Method: r.method, Loop: c.loop, UseCache: true}
	if to.prefix != "" {
		path = "/" + to.prefix + path
	}
	q.Origin, q.Target = to.origin, escaped(path)
	for f := range r.header.All() {
		switch f.Known() {
		case exchange.Host, exchange.ContentLength, exchange.TransferEncoding, exchange.Connection:
		default:
			q.Header.Add(f.Name, f.Value)
		}
	}
	host := r.header.Value(exchange.Host)
	if host == "" {
		host = authority
	}
	if to.host != "" {
		host = to.host
	}
	if to.origin == "" {
		q.Target, q.UseCache = to.scheme+"://"+to.authority+q.Target, false
	}
	if u, err := url.Parse("http://" + host); err == nil && u.Host == host {
		q.Header.AddKnown(exchange.Host, host)
	} else {
		return nil, httpUser
	}
	return q, ok
}

// escaped is a path and query with what cannot stand in a request line encoded.
func escaped(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch ch := s[i]; {
		case ch <= ' ' || ch >= 0x7f || strings.IndexByte("\"<>\\^`{|}", ch) >= 0, ch == '%' && !isEscape(s[i:]):
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

func isEscape(s string) bool {
	hex := func(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' }
	return len(s) >= 3 && hex(s[1]) && hex(s[2])
}

// result takes the response of a pending request that is there, and opens its
// head and body as the results i and i+1.
func (c *call) result(p *pending, i int) status {
	if p.err != nil {
		c.put32(i, noHandle)
		c.put32(i+1, noHandle)
		if errors.Is(p.err, services.ErrInvalid) {
			return httpInvalid
		}
		return failed
	}
	r, b := c.received(p)
	if st := c.open(i, r); st != ok {
		b.abandon(errUnfinished)
		return st
	}
	return c.open(i+1, b)
}

// received is the response of a pending request.
func (c *call) received(p *pending) (*response, *body) {
	r := &response{status: p.resp.Status, version: 2}
	r.header.CopyFrom(&p.resp.Header)
	length, known := contentLength(&r.header)
	switch {
	case p.method == "HEAD" || r.status == 204 || r.status == 304:
		length = 0 // whatever a field says that it would be
	case !known:
		length = -1
	}
	content := p.resp.Body
	if v := r.header.Value(exchange.ContentEncoding); p.gunzip && (strings.EqualFold(v, "gzip") || strings.EqualFold(v, "x-gzip")) {
		content, length = &unzipped{r: content}, -1
		r.header.DeleteKnown(exchange.ContentEncoding)
		r.header.DeleteKnown(exchange.ContentLength)
	}
	for _, ch := range p.fields[0] {
		ch.apply(&r.header)
	}
	b := newBody(c.held)
	b.add(chunk{src: newSource(content, false), length: length})
	return r, b
}

func (ch *change) apply(h *exchange.Header) {
	switch ch.kind {
	case 'i':
		h.Set(ch.name, ch.value)
	case 'a':
		h.Add(ch.name, ch.value)
	case 'r':
		h.Delete(ch.name)
	}
}

// unzipped decodes as it is read; its first read may wait for bytes.
type unzipped struct {
	r io.ReadCloser
	z *gzip.Reader
}

// Read reads what was decoded.
func (u *unzipped) Read(p []byte) (int, error) {
	if u.z == nil {
		z, err := gzip.NewReader(u.r)
		if err != nil {
			return 0, err
		}
		u.z = z
	}
	return u.z.Read(p)
}

// Close closes what is decoded.
func (u *unzipped) Close() error { return u.r.Close() }

// detail writes what became of a request into the record at i, where a guest
// gives one: tag 0, mask 4. The fields that the mask names are of protocols
// that the node tells nothing of.
func (c *call) detail(i int, err error) {
	if at := c.u32(i); at != 0 {
		c.memory.WriteUint32(at, sendError(err))
		c.memory.WriteUint32(at+4, 0)
	}
}

// sendAndWait is send in its three forms; detail is the record's parameter, or -1.
func (c *call) sendAndWait(cached bool, detail int) status {
	out := 3
	if detail >= 0 {
		out = 4
	}
	p, st := c.start(cached, false)
	if st != ok {
		if detail >= 0 {
			c.detail(detail, services.ErrAbsent)
		}
		return st
	}
	if !c.await(p.done, false) {
		p.abandon(nil)
		return failed
	}
	if detail >= 0 {
		c.detail(detail, p.err)
	}
	return c.result(p, out)
}

func send(c *call) status   { return c.sendAndWait(true, -1) }
func sendV2(c *call) status { return c.sendAndWait(true, 3) }
func sendV3(c *call) status { return c.sendAndWait(false, 3) }

func (c *call) sendLater(cached, streaming bool, out int) status {
	p, st := c.start(cached, streaming)
	if st != ok {
		return st
	}
	return c.open(out, p)
}

func sendAsync(c *call) status          { return c.sendLater(true, false, 3) }
func sendAsyncStreaming(c *call) status { return c.sendLater(true, true, 3) }

func sendAsyncV2(c *call) status {
	if c.u32(3) > 1 {
		return invalid
	}
	return c.sendLater(false, c.u32(3) == 1, 4)
}
