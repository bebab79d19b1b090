package policy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func TestConditional(t *testing.T) {
	response := func(lines ...string) []string { return lines }
	f := func(want Condition, resp []string, lines ...string) {
		t.Helper()
		for _, method := range []string{"GET", "HEAD"} {
			if got := Conditional(fields(lines...), method, fields(resp...), noon); got != want {
				t.Errorf("%s %q of %q: got %d, want %d", method, lines, resp, got, want)
			}
		}
		if got := Conditional(fields(lines...), "POST", fields(resp...), noon); got != Proceed {
			t.Errorf("POST %q: got %d", lines, got)
		}
	}
	strong, weak := response(`ETag: "a"`), response(`ETag: W/"a"`)
	f(Proceed, strong)

	// "A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match".
	// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
	f(NotModified, strong, `If-None-Match: "a"`)
	f(NotModified, strong, `If-None-Match: W/"a"`)
	f(NotModified, weak, `If-None-Match: "a"`)
	f(NotModified, weak, `If-None-Match: W/"a"`)
	f(Proceed, strong, `If-None-Match: "b"`)
	f(Proceed, strong, `If-None-Match: "A"`)
	f(NotModified, strong, `If-None-Match: "x", "a", "y"`)
	f(NotModified, strong, `If-None-Match: "x",,  W/"a"`)
	f(NotModified, strong, `If-None-Match: "x"`, `If-None-Match: "a"`)
	f(NotModified, strong, "If-None-Match: *")
	f(NotModified, response(), "If-None-Match: *")
	f(Proceed, response(), `If-None-Match: "a"`)
	f(Proceed, strong, "If-None-Match: a")
	f(Proceed, strong, `If-None-Match: w/"a"`)
	f(Proceed, strong, `If-None-Match: "a`)
	f(Proceed, strong, "If-None-Match: W")
	f(Proceed, strong, "If-None-Match: W/")
	f(NotModified, response(`ETag: "!~"`), `If-None-Match: "!~"`)
	f(Proceed, strong, `If-None-Match: x "a"`)
	f(Proceed, response("ETag: a"), "If-None-Match: a")
	f(Proceed, response(`ETag: "a" x`), `If-None-Match: "a"`)
	f(Proceed, response(`ETag: "a b"`), `If-None-Match: "a b"`)
	f(NotModified, response(`ETag: ""`), `If-None-Match: ""`)
	f(NotModified, response("ETag: \"\xe9\\,\""), "If-None-Match: \"\xe9\\,\"")

	modified := response("Last-Modified: " + stamp(-time.Hour))
	// "If the selected representation's last modification date is earlier or equal to the date provided in the field
	// value, the condition is false." https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
	f(NotModified, modified, "If-Modified-Since: "+stamp(-time.Hour))
	f(NotModified, modified, "If-Modified-Since: "+stamp(0))
	f(NotModified, modified, "If-Modified-Since: "+noon.Format("Monday, 02-Jan-06 15:04:05 GMT"))
	f(Proceed, modified, "If-Modified-Since: "+stamp(-time.Hour-time.Second))
	// "A recipient MUST ignore the If-Modified-Since header field if the received field value is not a valid HTTP-date,
	// the field value has more than one member, or if the request method is neither GET nor HEAD."
	f(Proceed, modified, "If-Modified-Since: yesterday")
	f(Proceed, modified, "If-Modified-Since: "+stamp(0)+", "+stamp(0))
	f(Proceed, modified, "If-Modified-Since: "+stamp(0), "If-Modified-Since: "+stamp(0))
	f(Proceed, response("Last-Modified: never"), "If-Modified-Since: "+stamp(0))
	// "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header field".
	f(Proceed, response(`ETag: "a"`, "Last-Modified: "+stamp(-time.Hour)), `If-None-Match: "b"`, "If-Modified-Since: "+stamp(0))
	f(NotModified, response(`ETag: "a"`, "Last-Modified: "+stamp(-time.Hour)), `If-None-Match: "a"`, "If-Modified-Since: "+stamp(-2*time.Hour))
	// "...the Last-Modified header field is not present in a stored response, a cache SHOULD use the stored response's Date
	// field value". https://www.rfc-editor.org/rfc/rfc9111#section-4.3.2
	f(NotModified, response("Date: "+stamp(-time.Hour)), "If-Modified-Since: "+stamp(0))
	f(Proceed, response("Date: "+stamp(0)), "If-Modified-Since: "+stamp(-time.Hour))

	// "An origin server MUST use the strong comparison function when comparing entity tags for If-Match".
	// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
	f(Proceed, strong, `If-Match: "x", "a"`)
	f(Proceed, strong, "If-Match: *")
	f(Failed, strong, `If-Match: "x"`)
	f(Failed, strong, `If-Match: W/"a"`)
	f(Failed, weak, `If-Match: W/"a"`)
	f(Failed, response(), `If-Match: "a"`)
	f(Failed, strong, `If-Match: "x"`, `If-None-Match: "a"`)
	f(NotModified, strong, `If-Match: "a"`, `If-None-Match: "a"`)
	// "A recipient MUST ignore If-Unmodified-Since if the request contains an If-Match header field".
	// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.4
	both := response(`ETag: "a"`, "Last-Modified: "+stamp(-time.Hour))
	f(Proceed, both, `If-Match: "a"`, "If-Unmodified-Since: "+stamp(-2*time.Hour))
	f(Failed, both, "If-Unmodified-Since: "+stamp(-2*time.Hour))
	f(Proceed, both, "If-Unmodified-Since: "+stamp(-time.Hour))
	f(Proceed, both, "If-Unmodified-Since: yesterday")
	f(Proceed, strong, "If-Unmodified-Since: "+stamp(-2*time.Hour))
}

// FuzzConditional holds conditions against net/http's file server, which evaluates them for its own files.
func FuzzConditional(f *testing.F) {
	f.Add(`"a"`, `"a", W/"b"`, "", "", int64(0), false)
	f.Add(`W/"a"`, "", `"a"`, "", int64(-5), true)
	f.Add("", "*", "", `W/"x"`, int64(5), true)
	f.Fuzz(func(t *testing.T, tag, noneMatch, match, ifRange string, since int64, dates bool) {
		for _, s := range []string{tag, noneMatch, match, ifRange} {
			if strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 && r != ' ' || r >= 0x7f }) || strings.Trim(s, " ") != s {
				return
			}
		}
		if since < -1e9 || since > 1e9 {
			return
		}
		req := httptest.NewRequest("GET", "/", nil)
		q, resp := &exchange.Header{}, &exchange.Header{}
		set := func(k exchange.Known, v string) {
			if v != "" {
				req.Header.Set(k.String(), v)
				q.AddKnown(k, v)
			}
		}
		set(exchange.IfNoneMatch, noneMatch)
		set(exchange.IfMatch, match)
		if dates {
			set(exchange.IfModifiedSince, stamp(time.Duration(since)*time.Second))
			set(exchange.IfUnmodifiedSince, stamp(time.Duration(since)*time.Second))
		}
		set(exchange.Range, "bytes=1-2")
		set(exchange.IfRange, ifRange)
		rec := httptest.NewRecorder()
		resp.Add("Date", stamp(0))
		resp.Add("Last-Modified", stamp(-10*time.Second))
		if tag != "" {
			rec.Header().Set("ETag", tag)
			resp.AddKnown(exchange.ETag, tag)
		}
		// net/http takes a tag that does not end where its field ends for one that does.
		if _, ok := entityTag(resp); !ok && tag != "" {
			return
		}
		http.ServeContent(rec, req, "x", noon.Add(-10*time.Second), strings.NewReader("content"))
		got := 200
		switch Conditional(q, "GET", resp, noon) {
		case NotModified:
			got = 304
		case Failed:
			got = 412
		default:
			if RangeApplies(q, resp) {
				got = 206
			}
		}
		if got != rec.Code && !differs(noneMatch, match, ifRange) {
			t.Errorf("ETag %q, If-None-Match %q, If-Match %q, If-Range %q, dates %v %d: got %d, net/http %d", tag, noneMatch, match, ifRange, dates, since, got, rec.Code)
		}
	})
}

// differs tells the inputs that net/http reads in another way than the specification says: "*" beside other members,
// and an If-Range with more behind its entity tag.
func differs(noneMatch, match, ifRange string) bool {
	for _, s := range []string{noneMatch, match} {
		if s != "*" && strings.Contains(s, "*") {
			return true
		}
	}
	tag, rest := nextTag(ifRange)
	return tag != "" && (rest != "" || tag != ifRange)
}

func TestKeepNotModified(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		h := fields(lines...)
		KeepNotModified(h)
		if got := text(h); got != want {
			t.Errorf("%q: got %q, want %q", lines, got, want)
		}
	}
	// "The server generating a 304 response MUST generate any of the following header fields that would have been sent in a
	// 200 (OK) response to the same request: Content-Location, Date, ETag, and Vary; Cache-Control and Expires".
	// https://www.rfc-editor.org/rfc/rfc9110#section-15.4.5
	must := []string{"Content-Location: /b", "Date: x", `ETag: "a"`, "Vary: Foo", "Cache-Control: max-age=60", "Expires: x"}
	f(strings.Join(must, " | "), must...)
	// "...a sender SHOULD NOT generate representation metadata other than the above listed fields".
	f(`ETag: "a"`, "Content-Type: text/html", "content-encoding: gzip", "Content-Language: de", "Content-Length: 5", "Content-Range: x", `ETag: "a"`,
		"Content-MD5: x", "Digest: x", "content-digest: x", "Repr-Digest: x", "Last-Modified: x", "Accept-Ranges: bytes")
	f("Last-Modified: x", "Last-Modified: x", "Content-Type: a/b")
	f("Age: 5 | Access-Control-Allow-Origin: * | Content-Security-Policy: x | Server: y | CDN-Cache-Control: max-age=1", "Age: 5", "Access-Control-Allow-Origin: *",
		"Content-Security-Policy: x", "Server: y", "CDN-Cache-Control: max-age=1")
}
