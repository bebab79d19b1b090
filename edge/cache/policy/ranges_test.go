package policy

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestParseRange(t *testing.T) {
	f := func(value string, length int64, want string) {
		t.Helper()
		r, kind := ParseRange(value, length)
		got := [...]string{"ignored", "", "unsatisfiable"}[kind]
		if kind == Satisfiable {
			got = fmt.Sprintf("%d-%d", r.First, r.Last)
		}
		if got != want {
			t.Errorf("%q of %d: got %s, want %s", value, length, got, want)
		}
	}
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
	f("bytes=0-499", 10000, "0-499")
	f("bytes=500-999", 10000, "500-999")
	f("bytes=-500", 10000, "9500-9999")
	f("bytes=9500-", 10000, "9500-9999")
	f("bytes=0-0", 10000, "0-0")
	f("bytes=-1", 10000, "9999-9999")
	f("BYTES= 0-1 ", 10000, "0-1")
	f("bytes=,, 0-1 ,", 10000, "0-1")
	// "...the value is greater than or equal to the current length of the representation data, the byte range is
	// interpreted as the remainder of the representation".
	f("bytes=5-10", 10, "5-9")
	f("bytes=0-"+strings.Repeat("9", 100), 10, "0-9")
	// "If the selected representation is shorter than the specified suffix-length, the entire representation is used."
	f("bytes=-11", 10, "0-9")
	f("bytes=-"+strings.Repeat("9", 100), 10, "0-9")
	// "...an int-range with a first-pos that is less than the current length of the selected representation or a
	// suffix-range with a non-zero suffix-length."
	f("bytes=10-", 10, "unsatisfiable")
	f("bytes=10-20", 10, "unsatisfiable")
	f("bytes="+strings.Repeat("9", 100)+"-", 10, "unsatisfiable")
	f("bytes=9223372036854775807-", 1<<63-1, "unsatisfiable")
	f("bytes=9223372036854775806-", 1<<63-1, "9223372036854775806-9223372036854775806")
	f("bytes=-0", 10, "unsatisfiable")
	// "A server that supports range requests MAY ignore a Range header field when the selected representation has no
	// content". https://www.rfc-editor.org/rfc/rfc9110#section-14.2
	f("bytes=0-", 0, "ignored")
	f("bytes=-5", 0, "ignored")
	// "An int-range is invalid if the last-pos value is present and less than the first-pos."
	f("bytes=2-1", 10, "ignored")
	f("bytes=20-19", 10, "ignored")
	for _, v := range []string{"", "bytes", "bytes=", "bytes=-", "bytes=,", "bytes=a-b", "bytes=1", "bytes=--1", "bytes=1-2-3", "bytes=+1-2", "bytes=1 -2", "bytes=0x1-2", "bytes=1.0-2",
		"bytes =0-1", " bytes=0-1", "items=0-1", "byte=0-1", "bytes:0-1", "bytes=0-0,-1", "bytes=0-1,2-3", "bytes=0-1,x"} {
		f(v, 10, "ignored")
	}
}

// FuzzParseRange holds the parser against one of regular expressions and big numbers.
func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"bytes=0-499", "bytes=-5", "bytes=9-", "bytes=0-0,-1", "bytes=99999999999999999999-", "BYTES=, 1-2 ,"} {
		f.Add(s, int64(10))
	}
	re := regexp.MustCompile(`^(?i:bytes)=[\t ,]*([0-9]*)-([0-9]*)[\t ]*(?:,[\t ,]*)?$`)
	f.Fuzz(func(t *testing.T, s string, length int64) {
		if length < 0 {
			return
		}
		got, kind := ParseRange(s, length)
		m := re.FindStringSubmatch(s)
		if m == nil || m[1] == "" && m[2] == "" || length == 0 {
			if kind != Ignored {
				t.Errorf("%q of %d: kind %d, want it ignored", s, length, kind)
			}
			return
		}
		total, first, last := big.NewInt(length), new(big.Int), new(big.Int)
		end := new(big.Int).Sub(total, big.NewInt(1))
		last.SetString(m[2], 10)
		want := Satisfiable
		if m[1] == "" {
			if last.Sign() == 0 {
				want = Unsatisfiable
			}
			if first.Sub(total, last); first.Sign() < 0 {
				first.SetInt64(0)
			}
			last = end
		} else {
			first.SetString(m[1], 10)
			switch {
			case m[2] != "" && last.Cmp(first) < 0:
				want = Ignored
			case first.Cmp(total) >= 0:
				want = Unsatisfiable
			case m[2] == "" || last.Cmp(end) > 0:
				last = end
			}
		}
		if kind != want || kind == Satisfiable && (big.NewInt(got.First).Cmp(first) != 0 || big.NewInt(got.Last).Cmp(last) != 0) {
			t.Errorf("%q of %d: got %d %v, want %d %v-%v", s, length, kind, got, want, first, last)
		}
		if kind == Satisfiable && (got.First < 0 || got.Last >= length || got.Length() < 1) {
			t.Errorf("%q of %d: %v is outside", s, length, got)
		}
	})
}

func TestRangeApplies(t *testing.T) {
	f := func(want bool, resp []string, lines ...string) {
		t.Helper()
		if got := RangeApplies(fields(lines...), fields(resp...)); got != want {
			t.Errorf("%q of %q: got %v", lines, resp, got)
		}
	}
	tagged := []string{`ETag: "a"`}
	f(true, nil, "Range: bytes=0-1")
	f(false, nil)
	f(false, nil, "Range: bytes=0-1", "Range: bytes=0-1")
	// "A server MUST ignore an If-Range header field received in a request that does not contain a Range header field."
	// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
	f(false, tagged, `If-Range: "a"`)
	// "If the entity-tag validator provided exactly matches the ETag field value for the selected representation using the
	// strong comparison function..., the condition is true. Otherwise, the condition is false."
	f(true, tagged, "Range: bytes=0-1", `If-Range: "a"`)
	f(false, tagged, "Range: bytes=0-1", `If-Range: "b"`)
	f(false, tagged, "Range: bytes=0-1", `If-Range: W/"a"`)
	f(false, []string{`ETag: W/"a"`}, "Range: bytes=0-1", `If-Range: W/"a"`)
	f(false, []string{`ETag: W/"a"`}, "Range: bytes=0-1", `If-Range: "a"`)
	f(false, tagged, "Range: bytes=0-1", `If-Range: "a", "b"`)
	f(false, tagged, "Range: bytes=0-1", `If-Range: "a"`, `If-Range: "a"`)
	f(false, nil, "Range: bytes=0-1", `If-Range: "a"`)
	f(false, tagged, "Range: bytes=0-1", "If-Range: *")
	f(false, tagged, "Range: bytes=0-1", "If-Range:")
	// "If the HTTP-date validator provided is not a strong validator..., the condition is false. If the HTTP-date validator
	// provided exactly matches the Last-Modified field value for the selected representation, the condition is true."
	// Strong is: "That cache entry includes a Date value which is at least one second after the Last-Modified value".
	// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
	modified := []string{"Last-Modified: " + stamp(-time.Hour), "Date: " + stamp(0)}
	f(true, modified, "Range: bytes=0-1", "If-Range: "+stamp(-time.Hour))
	f(false, modified, "Range: bytes=0-1", "If-Range: "+stamp(0))
	f(false, modified, "Range: bytes=0-1", "If-Range: "+stamp(-2*time.Hour))
	f(false, []string{"Last-Modified: " + stamp(0), "Date: " + stamp(0)}, "Range: bytes=0-1", "If-Range: "+stamp(0))
	f(true, []string{"Last-Modified: " + stamp(-time.Second), "Date: " + stamp(0)}, "Range: bytes=0-1", "If-Range: "+stamp(-time.Second))
	f(false, []string{"Last-Modified: " + stamp(-time.Second)}, "Range: bytes=0-1", "If-Range: "+stamp(-time.Second))
	f(false, []string{"Last-Modified: x", "Date: " + stamp(0)}, "Range: bytes=0-1", "If-Range: x")
}

func TestContentRange(t *testing.T) {
	if got := string(Range{500, 999}.AppendContentRange(nil, 1234)); got != "bytes 500-999/1234" {
		t.Errorf("got %q", got)
	}
	if got := (Range{500, 999}).Length(); got != 500 {
		t.Errorf("length is %d", got)
	}
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.4
	if got := string(AppendUnsatisfied([]byte("x "), 1234)); got != "x bytes */1234" {
		t.Errorf("got %q", got)
	}
}
