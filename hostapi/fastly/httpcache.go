package fastly

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// kept is what an object of the HTTP cache is beside its content: a response, or the mark that there is none to be kept.
type kept struct {
	Pass    bool          `json:",omitempty"` // requests go past the cache, and do not wait for one another
	Status  int           `json:",omitempty"`
	Fields  []keptField   `json:",omitempty"`
	IfError time.Duration `json:",omitempty"`
	Rule    string        `json:",omitempty"` // meta.Vary, as the program wrote it
	// ForAuthorized tells that it may answer requests with credentials, NeverStale that it may not be used stale for clients
	// that would take it so, Sensitive what its writer said of it.
	ForAuthorized, NeverStale, Sensitive bool `json:",omitempty"`
}

// keptField is a line of a header. Its value may have any bytes, which a string in JSON has not.
type keptField struct {
	Name  string
	Value []byte
}

// header is the response's, for its caller to change.
func (k *kept) header() (h exchange.Header) {
	for _, f := range k.Fields {
		h.Add(f.Name, string(f.Value))
	}
	return h
}

func keptOf(status int, h *exchange.Header) *kept {
	k := &kept{Status: status}
	for f := range h.All() {
		k.Fields = append(k.Fields, keptField{f.Name, []byte(f.Value)})
	}
	return k
}

// life is what the rules of caching look at.
func (m *meta) life() *services.Kept {
	return &services.Kept{Lifetime: m.MaxAge, Age: m.InitialAge, WhileRevalidate: m.Stale, IfError: m.HTTP.IfError, Vary: m.Vary,
		ForAuthorized: m.HTTP.ForAuthorized, NeverStale: m.HTTP.NeverStale, Since: m.Inserted}
}

// httpEntry is what a lookup of the HTTP cache found, and what its holder may or must do about it.
//
// States: looking (done is open, and the rest the lookup's); there (done is closed). owed ends when its holder has inserted,
// updated, or will not; the flight, which only some have, lands then, or when the insert has ended.
type httpEntry struct {
	booking
	copied
	request request
	shelf
	url string
	by  *turn

	done   chan struct{}
	object *object // nil: nothing that may answer this request
	use    services.Use
	chosen bool // object is used although it is stale, for want of a better one
	owed   bool
	flight *flight // of those who wait for what is owed; nil if nobody may
	since  services.Insert
	full   bool // there is something, and the run holds too much already
	// reader reads what is being inserted, for the first who asks; nil: there is none, or it was asked for.
	reader *growingReader
}

func (e *httpEntry) asked() *services.CachedRequest {
	return &services.CachedRequest{Method: e.request.method, Header: &e.request.header}
}

func (e *httpEntry) ready() <-chan struct{} { return e.done }

// abandon gives up what is owed, so that one of those who wait takes over, and what was found.
func (e *httpEntry) abandon(error) {
	give := func() {
		e.land()
		if e.reader != nil {
			e.reader.Close()
		}
		if e.object != nil {
			e.by.release(e.object)
		}
	}
	select {
	case <-e.done:
		give()
	default:
		go func() {
			<-e.done
			give()
		}()
	}
}

// land is the end of what is owed.
func (e *httpEntry) land() {
	e.owed = false
	if e.flight != nil {
		e.flight.land()
		e.flight = nil
	}
}

// usable tells whether the object may be the response as it is.
func (e *httpEntry) usable() bool {
	return e.object != nil && (e.chosen || e.use == services.UseFresh || e.use == services.UseStale || e.use == services.UseAndRefresh)
}

// defaultKey is the key of a request: of the URL that it asks for, at the host that it names.
func defaultKey(r *request) string {
	sum := sha256.Sum256([]byte(askedURL(r)))
	return string(sum[:])
}

// askedURL is the URL with the host of the request's Host field, if it has one. Path and query are those that a backend is
// asked for, byte by byte: two URLs of which an origin may make something else are never one.
func askedURL(r *request) string {
	scheme, rest, absolute := strings.Cut(r.uri, "://")
	if !absolute {
		return r.uri
	}
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if host := r.header.Value(exchange.Host); host != "" {
		authority = host
	}
	return strings.ToLower(scheme) + "://" + strings.ToLower(escaped(authority)) + escaped(path)
}

// caching tells whether the node offers what the HTTP cache takes.
func (c *call) caching() bool {
	return c.b.o.Services.Cache != nil && c.b.o.Services.Caching != nil
}

func httpCacheable(c *call) status {
	r, found := c.request(c.u32(0))
	if !found {
		return badHandle
	}
	if !c.caching() {
		return unsupported
	}
	yes := uint32(0)
	if c.b.o.Services.Caching.Cacheable(&services.CachedRequest{Method: r.method, Header: &r.header}) {
		yes = 1
	}
	c.put32(1, yes)
	return ok
}

func httpKey(c *call) status {
	r, found := c.request(c.u32(0))
	if !found {
		return badHandle
	}
	return c.give(1, 2, defaultKey(r))
}

// newHTTPEntry is a lookup for the request that is the first parameter, with the options behind it.
//
//	$http_cache_lookup_options: override key 0 +4, backend name 8 +12
func (c *call) newHTTPEntry() (*httpEntry, status) {
	const overrideKey, backendName = 2, 4
	r, found := c.request(c.u32(0))
	if !found {
		return nil, badHandle
	}
	if !c.caching() {
		return nil, unsupported
	}
	mask := c.u32(1)
	if mask&^(overrideKey|backendName) != 0 {
		return nil, invalid
	}
	e := &httpEntry{url: askedURL(r), by: c.turn, done: make(chan struct{})}
	e.request = request{method: r.method, uri: r.uri, version: r.version, cache: r.cache, tags: r.tags, gunzip: r.gunzip}
	e.request.header.CopyFrom(&r.header)
	e.shelf = shelf{space: "fastly.http", key: defaultKey(r), header: &e.request.header, variant: c.b.o.Services.Caching.Variant}
	if mask&overrideKey != 0 {
		// "At the moment, HTTP cache keys must always be 32 bytes", says http-cache.witx.
		key, inside := c.field(c.memory, c.u32(2))
		if !inside || len(key) != 32 {
			return nil, invalid
		}
		e.key = key
	}
	if mask&backendName != 0 {
		name, inside := c.field(c.memory, c.u32(2)+8)
		if !inside {
			return nil, invalid
		}
		// The same URL may be something else elsewhere.
		if to, found := c.backend(name); found {
			e.key += to.origin + "\x00" + to.prefix + "\x00" + to.scheme + to.authority
		}
	}
	return e, ok
}

// httpLookup looks without waiting for anybody, and owes nothing.
func httpLookup(c *call) status {
	e, st := c.newHTTPEntry()
	if st != ok {
		return st
	}
	c.b.look(c.ctx, e)
	c.b.settleHTTP(e)
	close(e.done)
	return c.open(3, e)
}

// httpTransaction looks, and waits for whoever fetches the same; whoever asks anything of the entry waits with it.
func httpTransaction(c *call) status {
	e, st := c.newHTTPEntry()
	if st != ok {
		return st
	}
	b, ctx := c.b, c.ctx
	if !c.beside(func() { b.httpTransaction(ctx, e) }) {
		return limitExceeded
	}
	return c.open(3, e)
}

// settleHTTP ends a lookup, as settle does.
func (b *Binding) settleHTTP(e *httpEntry) {
	if e.object != nil && !e.by.hold(e.object) {
		e.object, e.use, e.full = nil, services.NoUse, !e.owed
		return
	}
	b.hits.add(e.object)
}

// look sets what is there for an entry, and tells whether that is a mark to go past the cache, and by what others that are
// there differ.
func (b *Binding) look(ctx context.Context, e *httpEntry) (pass bool, variant string) {
	e.object, e.use = nil, services.NoUse
	var o *object
	if e.by.read(func() { o, variant = b.read(ctx, &e.shelf) }) != nil {
		return false, ""
	}
	e.count(o)
	if o == nil || o.HTTP == nil {
		return false, variant
	}
	now := time.Now()
	if o.HTTP.Pass {
		return o.age(now) < o.MaxAge, variant
	}
	if e.use = b.o.Services.Caching.Use(e.asked(), o.meta.life(), now); e.use != services.NoUse {
		e.object = o
	}
	return false, variant
}

// httpTransaction fills an entry: with what is stored, or with what is owed, or, where nothing is to be kept, with neither.
func (b *Binding) httpTransaction(ctx context.Context, e *httpEntry) {
	defer close(e.done)
	defer b.settleHTTP(e)
	// "...the cache MUST NOT reuse a stored response" for other credentials, so who has some does not wait for anybody, nor
	// anybody for him. https://www.rfc-editor.org/rfc/rfc9111#section-3.5
	//
	// Nor does anybody wait for the response to HEAD, of which nothing is kept.
	alone := e.request.header.Has(exchange.Authorization) || e.request.method == "HEAD"
	for ctx.Err() == nil {
		pass, variant := b.look(ctx, e)
		if e.use == services.UseFresh || e.use == services.UseStale {
			return
		}
		// What a program inserts it finds at once, others when all of it is there.
		if o := b.inserts.of(&e.shelf, e.by); o != nil && o.HTTP != nil && !o.content.passes() {
			if use := b.o.Services.Caching.Use(e.asked(), o.meta.life(), time.Now()); use == services.UseFresh {
				e.object, e.use = o, use
				return
			}
		}
		owe := func(f *flight) {
			e.owed, e.flight, e.since = true, f, b.o.Services.Cache.Begin(b.o.Owner, nil)
		}
		if alone || pass { // each may see whether its own response can be kept
			owe(nil)
			return
		}
		f, moved, leads := b.flights.join(e.flightKey(variant), e.by)
		if leads {
			owe(f)
			// Somebody may have landed, or have moved, since the look.
			pass, now := b.look(ctx, e)
			switch {
			case pass:
				f.land()
				e.flight = nil
			case e.use == services.UseFresh || e.use == services.UseStale:
				e.land()
				e.since = nil
			case now != variant:
				e.land()
				e.since = nil
				continue
			}
			return
		}
		if e.use == services.UseAndRefresh {
			return // while another refreshes it
		}
		if f.by == e.by {
			// A program that waits for itself waits for ever: this request goes past the cache.
			e.object, e.use = nil, services.NoUse
			return
		}
		// Who waits holds no content: as many as wait for one thing would hold it as often.
		e.object, e.use = nil, services.NoUse
		select {
		case <-f.over:
			if !f.stale {
				continue
			}
			if b.look(ctx, e); e.object != nil {
				e.chosen = true
				return
			}
		case <-moved:
		case <-ctx.Done():
		}
	}
}

// onHTTP runs f on the entry whose handle is the first parameter, when it is there.
func onHTTP(c *call, f func(e *httpEntry) status) status {
	e, found := find[httpEntry](c, c.u32(0))
	if !found {
		return badHandle
	}
	if !c.await(e.done, false) {
		return failed
	}
	c.charge(e.counted())
	if e.full {
		return limitExceeded
	}
	return f(e)
}

func httpClose(c *call) status {
	e, found := takeAway[httpEntry](c, c.u32(0))
	if !found {
		return badHandle
	}
	e.abandon(nil)
	return ok
}

func httpState(c *call) status {
	const found, usable, stale, mustInsert, usableIfError = 1, 2, 4, 8, 16
	return onHTTP(c, func(e *httpEntry) status {
		state := uint32(0)
		if e.object != nil {
			state |= found
			if e.usable() {
				state |= usable
			}
			if e.use != services.UseFresh {
				state |= stale
			}
			if e.use == services.UseOnError {
				state |= usableIfError
			}
		}
		if e.owed {
			state |= mustInsert
		}
		c.put32(1, state)
		return ok
	})
}

// surrogateKey is the key under which a response can be purged whose origin names none.
func (e *httpEntry) surrogateKey() string { return hex.EncodeToString([]byte(e.key[:32])) }
