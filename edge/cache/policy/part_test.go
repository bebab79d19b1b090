package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// "A Content-Range field value is invalid if it contains a range-resp that has a
// last-pos value less than its first-pos value, or a complete-length value less
// than or equal to its last-pos value."
// https://www.rfc-editor.org/rfc/rfc9110#section-14.4
func TestContentRangeOfPart(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		h := &exchange.Header{}
		for _, l := range lines {
			h.AddKnown(exchange.ContentRange, l)
		}
		p, ok := ContentRange(h)
		got := "no"
		if ok {
			got = string(p.AppendContentRange(nil, p.Range))
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", lines, got, want)
		}
	}
	f("bytes 42-1233/1234", "bytes 42-1233/1234")
	f("bytes 42-1233/*", "bytes 42-1233/*")
	f("bytes 0-0/1", "BYTES 0-0/1")
	f("no", "bytes */1234")
	f("no", "bytes 5-4/10")
	f("no", "bytes 0-9/9")
	f("no", "bytes 0-10/10")
	f("bytes 0-9/10", "bytes 0-9/10")
	f("no", "items 0-9/10")
	f("no", "bytes 0-9")
	f("no", "bytes=0-9/10")
	f("no", "bytes 0-9/")
	f("no", "bytes -9/10")
	f("no", "bytes 0-/10")
	f("no", "bytes 0-9/10", "bytes 0-9/10")
	f("no", "bytes 0-99999999999999999999/*")
	f("no")
}

// "A cache MUST NOT use an incomplete response to answer requests unless... the
// request is partial and specifies a range wholly within the incomplete
// response." https://www.rfc-editor.org/rfc/rfc9111#section-3.3
func TestWithin(t *testing.T) {
	f := func(part, field, want string) {
		t.Helper()
		p, ok := ContentRange(fields("Content-Range: bytes " + part))
		if !ok {
			t.Fatal(part)
		}
		got := "no"
		if r, ok := p.Within(field); ok {
			got = fmt.Sprintf("%d-%d", r.First, r.Last)
		}
		if got != want {
			t.Errorf("%s of %s: got %s, want %s", field, part, got, want)
		}
	}
	f("4-8/10", "bytes=4-8", "4-8")
	f("4-8/10", "bytes=5-6", "5-6")
	f("4-8/10", "bytes=3-6", "no")
	f("4-8/10", "bytes=5-9", "no")
	f("4-8/10", "bytes=5-", "no")
	f("4-9/10", "bytes=5-", "5-9")
	f("4-9/10", "bytes=-6", "4-9")
	f("4-9/10", "bytes=-7", "no")
	f("4-9/10", "bytes=5-99", "5-9")
	f("4-9/10", "bytes=10-", "no")
	f("4-9/10", "bytes=4-5,7-8", "no")
	f("4-9/*", "bytes=4-5", "no")
}

func TestOneRange(t *testing.T) {
	f := func(want bool, lines ...string) {
		t.Helper()
		if got := OneRange(fields(lines...)); got != want {
			t.Errorf("%q: got %v", lines, got)
		}
	}
	f(true, "Range: bytes=0-1")
	f(true, "Range: bytes=5-")
	f(true, "Range: bytes=-5")
	f(false)
	f(false, "Range: bytes=0-1", "Range: bytes=0-1")
	f(false, "Range: bytes=0-1", `If-Range: "a"`)
	f(false, "Range: bytes=0-1,3-4")
	f(false, "Range: bytes=-0")
	f(false, "Range: items=0-1")
}

// "A cache MAY combine these ranges into a single stored response... if they all
// share the same strong validator".
// https://www.rfc-editor.org/rfc/rfc9111#section-3.4
func TestCombines(t *testing.T) {
	type l = []string
	f := func(want bool, a, b l) {
		t.Helper()
		if got := Combines(fields(a...), fields(b...)); got != want {
			t.Errorf("%q and %q: got %v", a, b, got)
		}
	}
	f(true, l{`ETag: "1"`}, l{`ETag: "1"`})
	f(false, l{`ETag: "1"`}, l{`ETag: "2"`})
	f(false, l{`ETag: W/"1"`}, l{`ETag: W/"1"`})
	f(false, l{`ETag: "1"`}, l{`ETag: W/"1"`})
	f(false, l{}, l{})
	f(false, l{lm}, l{lm})
	f(false, l{`ETag: "1"`, "Content-Encoding: gzip"}, l{`ETag: "1"`})
	f(false, l{`ETag: "1"`, `ETag: "2"`}, l{`ETag: "1"`})
}

// A 206 is stored where the site forwards ranges and the client has asked for it.
func TestJudgePart(t *testing.T) {
	f := func(want exchange.Reason, r Rules, c *trial) {
		t.Helper()
		if v := c.ruled(r).judge(); v.Reason != want {
			t.Errorf("%s: got %q, want %q", text(&c.fx.Response.Header), v.Reason, want)
		}
	}
	part := func(lines ...string) *trial { return respond(206, append(lines, "Cache-Control: max-age=60")...) }
	yes := Rules{ForwardRanges: true}
	f(exchange.ReasonNone, yes, part("Content-Range: bytes 0-1/2").with("Range: bytes=0-1"))
	f(exchange.ReasonPartialContent, Rules{}, part("Content-Range: bytes 0-1/2").with("Range: bytes=0-1"))
	f(exchange.ReasonPartialContent, yes, part("Content-Range: bytes 0-1/2"))
	f(exchange.ReasonPartialContent, yes, part().with("Range: bytes=0-1"))
	f(exchange.ReasonPartialContent, yes, part("Content-Type: multipart/byteranges").with("Range: bytes=0-1"))
	f(exchange.ReasonPartialContent, yes, part("Content-Range: bytes 0-1/1").with("Range: bytes=0-1"))
	f(exchange.ReasonPartialContent, yes, part("Content-Range: bytes 0-1/2").with("Range: bytes=0-1, 3-4"))
	// on_fetch has asked for another one.
	f(exchange.ReasonPartialContent, yes, part("Content-Range: bytes 0-1/2").with("Range: bytes=0-1").after(func(c *trial) { c.fx.Request.Header.SetKnown(exchange.Range, "bytes=0-2") }))
}

var contentRangeForm = regexp.MustCompile(`^[ \t]*(?i:bytes) ([0-9]+)-([0-9]+)/([0-9]+|\*)[ \t]*$`)

// FuzzContentRange holds the parser against the grammar.
func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-1/2", "bytes 0-1/*", "bytes */5", "bytes 1-0/2", "bytes 0-1/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := ContentRange(fields("Content-Range: " + s))
		m := contentRangeForm.FindStringSubmatch(s)
		want := false
		var first, last, total int64
		if m != nil {
			var e1, e2, e3 error
			first, e1 = strconv.ParseInt(m[1], 10, 64)
			last, e2 = strconv.ParseInt(m[2], 10, 64)
			if m[3] == "*" {
				total = -1
			} else {
				total, e3 = strconv.ParseInt(m[3], 10, 64)
			}
			if e1 != nil || e2 != nil || e3 != nil {
				return // beyond what can be counted
			}
			want = first <= last && (total < 0 || last < total) && last != 1<<63-1
		}
		if ok != want || ok && (p.First != first || p.Last != last || p.Total != total) {
			t.Errorf("%q: got %+v, %v; want %v", s, p, ok, want)
		}
	})
}
