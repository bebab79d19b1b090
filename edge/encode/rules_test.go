package encode

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// What a client gets that sends "Accept-Encoding: gzip", by the response's
// length, head and the request's fields.
func TestDecide(t *testing.T) {
	e := New(Options{})
	f := func(status int, length int64, response, request, want string) {
		t.Helper()
		x := exchange.New()
		defer x.Release()
		fill := func(h *exchange.Header, lines string) {
			for line := range strings.SplitSeq(lines, "|") {
				if name, value, ok := strings.Cut(line, ": "); ok {
					h.Add(name, value)
				}
			}
		}
		fill(&x.Response.Header, response)
		fill(&x.Request.Header, request)
		x.Response.Status, x.Response.ContentLength = status, length
		c := e.Decide(x, "gzip")
		var got []string
		for field := range x.Response.Header.All() {
			got = append(got, field.Name+": "+field.Value)
		}
		if g := strings.Join(got, "|"); g != want || (c == Gzip) != strings.Contains(want, "Content-Encoding: gzip") || c == Gzip && x.Response.ContentLength != -1 {
			t.Errorf("%d, %d bytes, %s: %s, %s, length %d; want %s", status, length, response, c, g, x.Response.ContentLength, want)
		}
	}
	same := func(status int, length int64, response, request string) {
		t.Helper()
		f(status, length, response, request, response)
	}
	const html, done = "Content-Type: text/html", "|Vary: Accept-Encoding|Content-Encoding: gzip"
	f(200, 1024, html, "", html+done)
	f(200, -1, html, "", html+done)
	f(404, 5000, html, "", html+done)
	same(200, 1023, html, "")
	same(204, -1, html, "")
	same(206, 5000, html, "")
	same(304, -1, html, "")
	same(200, 5000, "Content-Type: image/png", "")
	same(200, 5000, "Content-Type: text/event-stream", "")
	same(200, 5000, "Content-Type: text/", "")
	same(200, 5000, "", "")
	for _, typ := range []string{"TEXT/HTML; charset=utf-8", "application/json", "application/ld+json", "image/svg+xml", "text/x-unknown"} {
		f(200, 5000, "Content-Type: "+typ, "", "Content-Type: "+typ+done)
	}
	same(200, 5000, html+"|Content-Encoding: br", "")
	same(200, 5000, html+"|Content-Encoding: identity", "")
	same(200, 5000, html+"|Cache-Control: max-age=1,  No-Transform", "")
	// The client may get another form with another request, so the field stands
	// there even where nothing is compressed.
	f(200, 5000, html, "Cache-Control: no-transform", html+"|Vary: Accept-Encoding")
	f(200, 5000, html, "Range: bytes=0-1", html+"|Vary: Accept-Encoding")
	f(200, 5000, html, `If-Match: "a"`, html+"|Vary: Accept-Encoding")
	f(200, 5000, html+"|Vary: Cookie, accept-encoding", "", html+"|Vary: Cookie, accept-encoding|Content-Encoding: gzip")
	f(200, 5000, html+"|Vary: *", "", html+"|Vary: *|Content-Encoding: gzip")
	f(200, 5000, html+"|Vary: Cookie", "", html+"|Vary: Cookie"+done)
	f(200, 5000, html+`|ETag: "a"`, "", html+`|ETag: W/"a"`+done)
	f(200, 5000, html+`|ETag: W/"a"`, "", html+`|ETag: W/"a"`+done)
	f(200, 5000, html+"|Accept-Ranges: bytes|Content-MD5: x|Repr-Digest: x|Content-Digest: x|Digest: x", "", html+done)
}
