package fastly

import (
	"cmp"
	"strings"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/hostcall"
)

// httpSuggestedRequest makes the request to a backend whose answer can be kept: without the client's own conditions and
// range, and with those that ask whether what was found still holds.
func httpSuggestedRequest(c *call) status {
	return onHTTP(c, func(e *httpEntry) status {
		r := &request{method: e.request.method, uri: e.request.uri, version: e.request.version, cache: e.request.cache, tags: e.request.tags, gunzip: e.request.gunzip}
		r.header.CopyFrom(&e.request.header)
		for _, k := range [...]exchange.Known{exchange.Range, exchange.IfRange, exchange.IfMatch, exchange.IfNoneMatch, exchange.IfModifiedSince, exchange.IfUnmodifiedSince} {
			r.header.DeleteKnown(k)
		}
		if e.object != nil && e.owed {
			h := e.object.HTTP.header()
			c.b.o.Services.Caching.Validate(&r.header, &h)
		}
		return c.open(1, r)
	})
}

// httpPrepare makes of a backend's response what is to be kept, and tells what to do with it.
func httpPrepare(c *call) status {
	const insert, update, doNotStore, recordUncacheable = 0, 1, 2, 3
	return onHTTP(c, func(e *httpEntry) status {
		r, found := find[response](c, c.u32(1))
		if !found {
			return badHandle
		}
		action := uint32(doNotStore)
		out := &response{status: r.status, version: r.version, manual: r.manual}
		out.header.CopyFrom(&r.header)
		switch {
		case r.status == 304 && e.object != nil:
			// "A 304 (Not Modified) response status code indicates that the stored response can be updated and reused".
			// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.3
			h := e.object.HTTP.header()
			if c.b.o.Services.Caching.Confirm(&h, &r.header) {
				out.status, action = e.object.HTTP.Status, update
				out.header.CopyFrom(&h)
			}
		default:
			k := c.b.o.Services.Caching.Judge(e.asked(), r.status, &r.header, time.Now())
			n, known := contentLength(&r.header)
			switch {
			case k.Store && known && n > mostKept, !k.Store && !k.Alone:
				action = recordUncacheable
			case k.Store:
				action = insert
			}
		}
		c.handles.remove(c.u32(1))
		c.put32(2, action)
		return c.open(3, out)
	})
}

// httpSuggestedOptions suggests how to keep a response.
func httpSuggestedOptions(c *call) status {
	return onHTTP(c, func(e *httpEntry) status {
		r, found := find[response](c, c.u32(1))
		if !found {
			return badHandle
		}
		mask := c.u32(2)
		given, inside := c.memory.View(c.u32(3), 56)
		result, inside2 := c.memory.View(c.u32(5), 56)
		if !inside || !inside2 { // a bit that nobody knows asks for nothing: compute-sdk-go sets all that it has
			return invalid
		}
		k := c.b.o.Services.Caching.Judge(e.asked(), r.status, &r.header, time.Now())
		if !k.Said {
			k.Lifetime = k.Age + unsaid
		}
		in, out := hostcall.MemoryOf(given), hostcall.MemoryOf(result)
		have, st := uint32(0), ok
		duration := func(bit, off uint32, d time.Duration) {
			if mask&bit != 0 {
				out.WriteUint64(off, uint64(max(d, 0)))
				have |= bit
			}
		}
		text := func(bit, off uint32, s string) {
			if mask&bit == 0 || s == "" {
				return
			}
			have |= bit
			ptr, _ := in.ReadUint32(off)
			n, _ := in.ReadUint32(off + 4)
			room, inside := c.memory.View(ptr, n)
			switch {
			case !inside:
				st = invalid
				return
			case len(s) > len(room):
				st = bufferLength
			default:
				c.charge(len(s))
				copy(room, s)
			}
			out.WriteUint32(off, ptr)
			out.WriteUint32(off+4, uint32(len(s)))
		}
		text(httpVary, 8, strings.Join(k.Vary, " "))
		text(httpKeys, 32, e.suggestedKeys(&r.header))
		duration(httpAge, 16, k.Age)
		duration(httpStale, 24, k.WhileRevalidate)
		duration(httpIfError, 48, k.IfError)
		if n, known := contentLength(&r.header); known && mask&httpLength != 0 {
			out.WriteUint64(40, uint64(n))
			have |= httpLength
		}
		out.WriteUint64(0, uint64(max(k.Lifetime, 0)))
		c.put32(4, have)
		return st
	})
}

// suggestedKeys are the surrogate keys that the origin names, and the one of the cache key.
func (e *httpEntry) suggestedKeys(h *exchange.Header) string {
	keys := []string{e.surrogateKey()}
	for v := range h.AllNamed("surrogate-key") {
		keys = append(keys, strings.Fields(v)...)
	}
	return strings.Join(keys, " ")
}

// httpFound opens what was found, if it may be the response: as it is kept, or as the client's conditions and range have it.
func httpFound(c *call) status {
	return onHTTP(c, func(e *httpEntry) status {
		if c.u32(1) > 1 {
			return invalid
		}
		if !e.usable() {
			return none
		}
		o, now := e.object, time.Now()
		length := int64(-1)
		if n, known := o.length(); known {
			length = n
		}
		r := &response{status: o.HTTP.Status, version: 2, header: o.HTTP.header()}
		s := services.Selected{Status: r.status, Last: -1}
		if c.u32(1) == 1 {
			s = c.b.o.Services.Caching.Select(e.asked(), r.status, &r.header, length, now)
		}
		if age := o.age(now); o.insert == nil || age >= time.Second {
			// "When a stored response is used to satisfy a request without validation, a cache MUST generate an Age header
			// field". https://www.rfc-editor.org/rfc/rfc9111#section-4
			r.header.SetKnown(exchange.Age, itoa(int64(max(age, 0)/time.Second)))
		}
		r.status = s.Status
		b := newBody(c.held)
		switch {
		case s.Status == 304, s.Status == 416:
			if s.ContentRange != "" {
				r.header.SetKnown(exchange.ContentRange, s.ContentRange)
			}
			if s.Status == 416 {
				r.header.SetKnown(exchange.ContentLength, "0")
			}
		case e.request.method == "HEAD" && c.u32(1) == 1:
			if length >= 0 {
				r.header.SetKnown(exchange.ContentLength, itoa(length))
			}
		default:
			reader := e.reader
			if e.reader = nil; reader == nil || s.Status == 206 {
				if reader != nil {
					reader.Close()
				}
				if o.content.passes() {
					return failed // its beginning is gone
				}
				reader = o.content.reader(s.First, s.Last)
			}
			if s.Status == 206 {
				r.header.SetKnown(exchange.ContentRange, s.ContentRange)
				length = s.Last - s.First + 1
			}
			if length >= 0 {
				r.header.SetKnown(exchange.ContentLength, itoa(length))
			}
			b.add(chunk{src: newSource(reader, false), length: length})
		}
		if st := c.open(2, r); st != ok {
			b.abandon(errUnfinished)
			return st
		}
		return c.open(3, b)
	})
}

// onFound runs f on what was found.
func onFound(f func(c *call, o *object) status) func(*call) status {
	return func(c *call) status {
		return onHTTP(c, func(e *httpEntry) status {
			if e.object == nil {
				return none
			}
			return f(c, e.object)
		})
	}
}

// foundTime is a function that tells a time of what was found.
func foundTime(f func(o *object) time.Duration) func(*call) status {
	return onFound(func(c *call, o *object) status {
		c.put64(1, uint64(max(f(o), 0)))
		return ok
	})
}

func httpLengthOf(c *call, o *object) status {
	n, known := o.length()
	if !known {
		return none
	}
	c.put64(1, uint64(n))
	return ok
}

func httpHits(c *call, o *object) status {
	c.put64(1, c.b.hits.of(o))
	return ok
}

func httpIsSensitive(c *call, o *object) status {
	sensitive := uint32(0)
	if o.HTTP.Sensitive {
		sensitive = 1
	}
	c.put32(1, sensitive)
	return ok
}

func httpSurrogateKeys(c *call, o *object) status { return c.give(1, 2, strings.Join(o.Tags, " ")) }

func httpVaryOf(c *call, o *object) status {
	return c.give(1, 2, cmp.Or(o.HTTP.Rule, strings.Join(o.Vary, " ")))
}
