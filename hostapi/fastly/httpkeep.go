package fastly

import (
	"errors"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

const (
	// mostKept is how long a response's content may be to be kept: with its head it is one value of the node's cache.
	mostKept = 8<<20 - maxHead
	// leastPass and mostPass are how long requests go past the cache where a response was not to be kept.
	leastPass, mostPass = 10 * time.Second, 2 * time.Minute
	// unsaid is how long a response is fresh, as it is suggested, that says nothing of that: what Fastly's own cache takes.
	// It matters only to programs that keep it although the node's rules would not.
	unsaid = time.Hour
	// confirmable is how long a response is kept beyond its time that its origin can confirm.
	confirmable = 24 * time.Hour
)

// The bits of $http_cache_write_options_mask.
const (
	httpVary      = 2
	httpAge       = 4
	httpStale     = 8
	httpKeys      = 16
	httpLength    = 32
	httpSensitive = 64
	httpIfError   = 128
)

// httpOptions reads how a response is to be kept.
//
//	$http_cache_write_options: max age 0, Vary 8 +12, initial age 16, stale while revalidate 24, surrogate keys 32 +36,
//	length 40, stale if error 48
func (c *call) httpOptions(mask, at uint32) (m meta, st status) {
	record, inside := c.memory.View(at, 56)
	if !inside || mask&^(httpVary|httpAge|httpStale|httpKeys|httpLength|httpSensitive|httpIfError) != 0 {
		return m, invalid
	}
	r := hostcall.MemoryOf(record)
	duration := func(off uint32) time.Duration {
		v, _ := r.ReadUint64(off)
		return min(time.Duration(min(v, 1<<62)), maxLife)
	}
	m = meta{MaxAge: duration(0), Length: -1, Inserted: time.Now(), HTTP: &kept{Sensitive: mask&httpSensitive != 0}}
	if mask&httpVary != 0 {
		s, valid := c.field(r, 8)
		if !valid {
			return m, invalid
		}
		// Names stand between spaces; compute-sdk-go passes on what its users set, which may look like Vary itself.
		for name := range strings.FieldsSeq(strings.ReplaceAll(s, ",", " ")) {
			if fieldName(name) != ok || len(m.Vary) == mostVary {
				return m, invalid
			}
			m.Vary = append(m.Vary, strings.ToLower(name))
		}
		m.HTTP.Rule = s
	}
	if mask&httpAge != 0 {
		m.InitialAge = duration(16)
	}
	if mask&httpStale != 0 {
		m.Stale = duration(24)
	}
	if mask&httpKeys != 0 {
		s, valid := c.field(r, 32)
		if !valid {
			return m, invalid
		}
		m.Tags = strings.Fields(s)
	}
	if mask&httpLength != 0 {
		n, _ := r.ReadUint64(40)
		m.Length = int64(min(n, 1<<62))
	}
	if mask&httpIfError != 0 {
		m.HTTP.IfError = duration(48)
	}
	return m, ok
}

// judged notes for whom and when a response may be used.
func (c *call) judged(e *httpEntry, status int, h *exchange.Header, m *meta) {
	k := c.b.o.Services.Caching.Judge(e.asked(), status, h, m.Inserted)
	m.HTTP.ForAuthorized, m.HTTP.NeverStale = k.ForAuthorized, k.NeverStale
}

// owing runs f on an entry whose holder is to insert or update, with the response that is the second parameter, and the
// options behind it.
func owing(c *call, f func(e *httpEntry, r *response, m meta) status) status {
	return onHTTP(c, func(e *httpEntry) status {
		r, found := find[response](c, c.u32(1))
		if !found || !e.owed {
			return badHandle
		}
		m, st := c.httpOptions(c.u32(2), c.u32(3))
		if st != ok {
			return st
		}
		c.judged(e, r.status, &r.header, &m)
		// The specification has the response consumed; js-compute goes on with the head of one whose content it transforms.
		return f(e, r, m)
	})
}

// fieldsOf is the header as it is kept: how long the content is shows when it is read.
func (c *call) fieldsOf(r *response) *kept {
	var h exchange.Header
	h.CopyFrom(&r.header)
	c.b.o.Services.Caching.Strip(&h)
	h.DeleteKnown(exchange.ContentLength)
	return keptOf(r.status, &h)
}

// putFields makes what is kept of the options that of a response, too.
func (m *meta) putFields(k *kept) {
	m.HTTP.Status, m.HTTP.Fields = k.Status, k.Fields
}

// httpInsertInto opens the body of the response that is kept under the entry, and returns what is kept. With back, who
// closes it does not wait until all is there: it is read while it comes.
func (c *call) httpInsertInto(e *httpEntry, r *response, m meta, back bool) (*object, *growingReader, status) {
	// What is not a whole response cannot stand for one.
	if r.status < 200 || r.status == 206 || r.status == 304 {
		return nil, nil, invalid
	}
	m.putFields(c.fieldsOf(r))
	content := newGrowing(c.held, c.requests.Done())
	content.most = mostKept
	o := c.b.begin(m, content, e.since, e.url)
	on := e.shelf
	if e.request.method == "HEAD" {
		// "The HEAD method is identical to GET except that the server MUST NOT send content in the response", so who asks by
		// GET must not find it. https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2
		on.key += "\x00HEAD"
	}
	n := &insertion{shelf: &on, object: o, by: c.turn}
	f, b := e.flight, c.b
	e.owed, e.flight = false, nil
	tooLong := func() {
		b.pass(n.shelf, m.Vary, leastPass, o.insert)
		b.inserts.end(n)
		if f != nil {
			f.land()
		}
	}
	content.spill = tooLong
	var reader *growingReader
	if back {
		reader = content.reader(0, -1)
	}
	st := c.insert(n, f, 4, !back, func() {
		if errors.Is(b.keep(n.shelf, o, o.httpLife()), services.ErrLimit) {
			tooLong()
		}
	})
	if st != ok && reader != nil {
		reader.Close()
	}
	return o, reader, st
}

// httpLife is how long a response is of use.
func (o *object) httpLife() time.Duration {
	d := o.MaxAge + max(o.Stale, o.HTTP.IfError) - o.InitialAge
	h := o.HTTP.header()
	if h.Has(exchange.ETag) || h.Has(exchange.LastModified) {
		d = max(d, 0) + confirmable
	}
	return d
}

// pass notes that requests for a shelf go past the cache for a while.
func (b *Binding) pass(p *shelf, vary []string, d time.Duration, since services.Insert) {
	m := meta{Inserted: time.Now(), MaxAge: min(max(d, leastPass), mostPass), Vary: vary, Length: -1, HTTP: &kept{Pass: true}}
	o := &object{meta: m, content: wholeOf(nil), insert: since}
	b.keep(p, o, m.MaxAge) // else they wait for one another, which is slower and not wrong
}

func httpInsert(c *call) status {
	return owing(c, func(e *httpEntry, r *response, m meta) status {
		_, _, st := c.httpInsertInto(e, r, m, false)
		return st
	})
}

func httpInsertBack(c *call) status {
	return owing(c, func(e *httpEntry, r *response, m meta) status {
		o, reader, st := c.httpInsertInto(e, r, m, true)
		if st != ok {
			return st
		}
		return c.openFresh(5, e, o, reader)
	})
}

// openFresh opens an entry with an object that has just been made under another one's key.
func (c *call) openFresh(out int, of *httpEntry, o *object, reader *growingReader) status {
	e := &httpEntry{request: of.request, shelf: of.shelf, url: of.url, by: of.by, done: make(chan struct{}), object: o, use: services.UseFresh, reader: reader}
	if !e.by.hold(o) {
		e.object, e.full = nil, true
	}
	close(e.done)
	return c.open(out, e)
}

// httpUpdateOf gives what was found another life and header.
func (c *call) httpUpdateOf(e *httpEntry, r *response, m meta) (*object, status) {
	if e.object == nil {
		return nil, badHandle
	}
	k := c.fieldsOf(r)
	if r.status == 304 {
		h := e.object.HTTP.header()
		if !c.b.o.Services.Caching.Confirm(&h, &r.header) {
			return nil, invalid
		}
		k = keptOf(e.object.HTTP.Status, &h)
		c.judged(e, k.Status, &h, &m)
	}
	m.putFields(k)
	m.Length = e.object.meta.Length
	o := c.b.begin(m, e.object.content, e.since, e.url)
	c.b.keep(&e.shelf, o, o.httpLife()) // else it is a miss
	e.land()
	return o, ok
}

func httpUpdate(c *call) status {
	return owing(c, func(e *httpEntry, r *response, m meta) status {
		_, st := c.httpUpdateOf(e, r, m)
		return st
	})
}

func httpUpdateFresh(c *call) status {
	return owing(c, func(e *httpEntry, r *response, m meta) status {
		o, st := c.httpUpdateOf(e, r, m)
		if st != ok {
			return st
		}
		return c.openFresh(4, e, o, nil)
	})
}

// httpChooseStale has the holder, and all who wait for it, use what is stale for want of a better one.
func httpChooseStale(c *call) status {
	return onHTTP(c, func(e *httpEntry) status {
		if !e.owed || e.object == nil || e.use != services.UseOnError && e.use != services.UseAndRefresh {
			return badHandle
		}
		e.chosen = true
		if e.flight != nil {
			e.flight.stale = true
		}
		e.land()
		return ok
	})
}

func httpNotCacheable(c *call) status {
	return onHTTP(c, func(e *httpEntry) status {
		if !e.owed {
			return badHandle
		}
		m, st := c.httpOptions(c.u32(1), c.u32(2))
		if st != ok {
			return st
		}
		c.b.pass(&e.shelf, m.Vary, m.MaxAge, e.since.As(nil, e.url))
		e.land()
		return ok
	})
}

func httpAbandon(c *call) status {
	return onHTTP(c, func(e *httpEntry) status {
		if !e.owed {
			return badHandle
		}
		e.land()
		return ok
	})
}
