package fastly

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// request is a request's head: the client's, or one that the guest makes.
type request struct {
	booking
	method  string
	uri     string
	version uint32
	header  exchange.Header
	cache   services.CacheChoice
	tags    int // what those of cache hold
	// manual tells that the guest's own fields say how long the content is.
	manual bool
	gunzip bool
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (c *call) request(n uint32) (*request, bool) { return find[request](c, n) }

// onRequest runs f on the request whose handle is the first parameter.
func onRequest(f func(c *call, r *request) status) func(*call) status {
	return func(c *call) status {
		r, found := c.request(c.u32(0))
		if !found {
			return badHandle
		}
		return f(c, r)
	}
}

func downstreamGet(c *call) status {
	c.put32(0, c.reqs.request)
	c.put32(1, c.reqs.body)
	return ok
}

func requestNew(c *call) status {
	return c.open(0, &request{method: "GET", uri: "/", version: 2})
}

func requestClose(c *call) status {
	if _, found := takeAway[request](c, c.u32(0)); !found {
		return badHandle
	}
	return ok
}

func requestNames(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerNames(&r.header, 1) })(c)
}

func requestValue(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerValue(&r.header, 1) })(c)
}

func requestValues(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerValues(&r.header, 1) })(c)
}

func requestValuesSet(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerSetAll(&r.booking, &r.header, 1) })(c)
}

func requestInsert(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerInsert(&r.booking, &r.header, 1) })(c)
}

func requestAppend(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerAppend(&r.booking, &r.header, 1) })(c)
}

func requestRemove(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.headerRemove(&r.booking, &r.header, 1) })(c)
}

func originalNames(c *call) status { return c.headerNames(&c.asked, 0) }

func originalNamesOf(c *call) status {
	return onRequest(func(c *call, _ *request) status { return c.headerNames(&c.asked, 1) })(c)
}

func originalCount(c *call) status { return c.countNames(0) }

func originalCountOf(c *call) status {
	return onRequest(func(c *call, _ *request) status { return c.countNames(1) })(c)
}

func (c *call) countNames(i int) status {
	n := uint32(0)
	for range names(&c.asked) {
		n++
	}
	c.put32(i, n)
	return ok
}

func methodGet(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.give(1, 2, r.method) })(c)
}

// maxMethod is the longest method that a request may have.
const maxMethod = 1024

func methodSet(c *call) status {
	return onRequest(func(c *call, r *request) status {
		m := c.text(1)
		if len(m) > maxMethod || fieldName(m) != ok {
			return httpInvalid
		}
		if !r.change(len(m) - len(r.method)) {
			return limitExceeded
		}
		r.method = strings.Clone(m)
		return ok
	})(c)
}

func uriGet(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.give(1, 2, r.uri) })(c)
}

// maxURI is the longest URI.
const maxURI = 64 << 10

func uriSet(c *call) status {
	return onRequest(func(c *call, r *request) status {
		uri, valid := normalURI(c.text(1))
		if !valid {
			return httpInvalid
		}
		if !r.change(len(uri) - len(r.uri)) {
			return limitExceeded
		}
		r.uri = strings.Clone(uri)
		return ok
	})(c)
}

// normalURI is a URI without its fragment, and with a path.
func normalURI(s string) (string, bool) {
	if s == "" || len(s) > maxURI {
		return "", false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '\\' || s[i] == '<' || s[i] == '>' {
			return "", false
		}
	}
	s, _, _ = strings.Cut(s, "#")
	scheme, rest, absolute := strings.Cut(s, "://")
	if !absolute {
		return s, s != "" && s[0] == '/'
	}
	u := url.URL{Scheme: scheme}
	if u.Scheme == "" || rest == "" {
		return "", false
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if authority == "" {
		return "", false
	}
	if tail == "" || tail[0] == '?' {
		tail = "/" + tail
	}
	return scheme + "://" + authority + tail, true
}

func requestVersion(c *call) status {
	return onRequest(func(c *call, r *request) status {
		c.put32(1, r.version)
		return ok
	})(c)
}

func requestVersionSet(c *call) status {
	return onRequest(func(c *call, r *request) status {
		if c.u32(1) > 4 {
			return invalid
		}
		r.version = c.u32(1)
		return ok
	})(c)
}

func requestFraming(c *call) status {
	return onRequest(func(c *call, r *request) status {
		if c.u32(1) > 1 {
			return invalid
		}
		r.manual = c.u32(1) == 1
		return ok
	})(c)
}

func autoDecompress(c *call) status {
	return onRequest(func(c *call, r *request) status {
		if c.u32(1)&^1 != 0 {
			return invalid
		}
		r.gunzip = c.u32(1) == 1
		return ok
	})(c)
}

func cacheOverride(c *call) status {
	return onRequest(func(c *call, r *request) status { return c.override(r, "") })(c)
}

func cacheOverrideV2(c *call) status {
	return onRequest(func(c *call, r *request) status {
		if fieldValue(c.text(4)) != ok || c.size(4) > 16<<10 {
			return invalid
		}
		return c.override(r, strings.Clone(c.text(4)))
	})(c)
}
