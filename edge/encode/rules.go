package encode

import (
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// Options say what is compressed, and how.
type Options struct {
	// Codings are those that clients may get, the best first; none means br, zstd,
	// gzip.
	Codings []Coding
	// Types are the media types that are compressed: "text/html", "text/*", "*+json".
	// None means DefaultTypes.
	Types []string
	// Least is the shortest content that is compressed, in bytes; 0 means 1 KiB.
	Least int64
	Level Level
	// Made is called for each content that has been compressed, or was until it
	// broke off; nil is nobody. It must not block.
	Made func(Made)
}

// DefaultTypes are the types whose content gains by being compressed.
func DefaultTypes() []string {
	return []string{"text/*", "*+json", "*+xml", "application/json", "application/javascript", "application/xml", "application/wasm",
		"application/x-javascript", "application/x-ndjson", "font/ttf", "font/otf", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon"}
}

// An Encoder is what a route does to responses. It never changes and may serve
// many routes; nil does nothing.
type Encoder struct {
	o     Options
	pools pools
	best  pools // for what is compressed once
}

// New makes an encoder.
func New(o Options) *Encoder {
	if len(o.Codings) == 0 {
		o.Codings = []Coding{Brotli, Zstd, Gzip}
	}
	if len(o.Types) == 0 {
		o.Types = DefaultTypes()
	}
	if o.Least == 0 {
		o.Least = 1 << 10
	}
	return &Encoder{o: o, pools: pools{level: o.Level}, best: pools{level: Best}}
}

// Decide says in which coding the response in x goes to a client that sent this
// Accept-Encoding, and writes the header of it. The body is the caller's to
// wrap, see Body, if a body is sent at all. With Identity nothing is to be
// wrapped; the response may still say that it depends on Accept-Encoding.
func (e *Encoder) Decide(x *exchange.Exchange, accept string) Coding {
	r := &x.Response
	if !e.suits(r) || hasNoTransform(&r.Header) {
		return Identity
	}
	vary(&r.Header)
	q := &x.Request.Header
	// A range is one of the bytes that are stored, and so is what a client means
	// who names it by its strong validator. no-transform may stand in a request,
	// too.
	if q.Has(exchange.Range) || q.Has(exchange.IfMatch) || hasNoTransform(q) {
		return Identity
	}
	c := Choose(accept, e.o.Codings)
	if c != Identity {
		e.relabel(x, c)
	}
	return c
}

// suits tells whether compressing the response is possible and worth it.
func (e *Encoder) suits(r *exchange.Response) bool {
	h := &r.Header
	switch {
	case r.Status < 200, r.Status == 204, r.Status == 205, r.Status == 206, r.Status == 304, r.Upgrade != nil:
		return false
	case h.Has(exchange.ContentEncoding), h.Has(exchange.ContentRange), r.Trailer != nil:
		return false
	case r.ContentLength >= 0 && r.ContentLength < e.o.Least:
		return false
	}
	return e.compressible(h.Value(exchange.ContentType))
}

func (e *Encoder) compressible(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.Trim(t, " \t")
	if t == "" || strings.EqualFold(t, "text/event-stream") { // whose lines must not wait for each other
		return false
	}
	for _, want := range e.o.Types {
		if prefix, ok := strings.CutSuffix(want, "*"); ok {
			if len(t) > len(prefix) && strings.EqualFold(t[:len(prefix)], prefix) {
				return true
			}
		} else if suffix, ok := strings.CutPrefix(want, "*"); ok {
			if len(t) > len(suffix) && strings.EqualFold(t[len(t)-len(suffix):], suffix) {
				return true
			}
		} else if strings.EqualFold(t, want) {
			return true
		}
	}
	return false
}

// hasNoTransform tells whether Cache-Control has that directive.
//
// "The no-transform response directive indicates that an intermediary
// (regardless of whether it implements a cache) MUST NOT transform the content"
// https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.6, and the same of
// requests: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.6
func hasNoTransform(h *exchange.Header) bool {
	for v := range h.Values(exchange.CacheControl) {
		for d := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(d, " \t"), "no-transform") {
				return true
			}
		}
	}
	return false
}

// vary says that the response depends on Accept-Encoding.
func vary(h *exchange.Header) {
	for v := range h.Values(exchange.Vary) {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.Trim(name, " \t"); name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	h.AddKnown(exchange.Vary, "Accept-Encoding")
}

// relabel makes the header that of the encoded response.
func (e *Encoder) relabel(x *exchange.Exchange, c Coding) {
	r := &x.Response
	h := &r.Header
	h.SetKnown(exchange.ContentEncoding, c.String())
	r.ContentLength = -1
	// They are of the bytes before, and no range of these is served.
	h.DeleteKnown(exchange.AcceptRanges)
	for _, name := range [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"} {
		h.Delete(name)
	}
	// "Content codings are a property of the representation data, so a strong
	// entity tag for a content-encoded representation has to be distinct from the
	// entity tag of an unencoded representation to prevent potential conflicts
	// during cache updates and range requests."
	// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.3
	// A weak one promises the same meaning, which is what is left.
	if tag := h.Value(exchange.ETag); strings.HasPrefix(tag, `"`) {
		var room [128]byte
		h.SetKnown(exchange.ETag, x.Text(append(append(room[:0], "W/"...), tag...)))
	}
}
