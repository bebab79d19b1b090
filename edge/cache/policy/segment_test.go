package policy

import (
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// What can be joined is the segment that was asked for, with a strong tag.
func TestSegment(t *testing.T) {
	f := func(contentRange, etag string, first, size int64, ok, whole bool) {
		t.Helper()
		var h exchange.Header
		if contentRange != "" {
			h.Add("Content-Range", contentRange)
		}
		if etag != "" {
			h.Add("ETag", etag)
		}
		p, tag, got := Segment(&h, first, size)
		if got != ok || got && (p.Whole() != whole || !whole && tag != etag) {
			t.Errorf("%q, %q: %+v %q %t", contentRange, etag, p, tag, got)
		}
	}
	f("bytes 0-3/10", `"1"`, 0, 4, true, false)
	f("bytes 4-7/10", `"1"`, 4, 4, true, false)
	f("bytes 8-9/10", `"1"`, 8, 4, true, false) // the last may be shorter
	f("bytes 0-2/3", "", 0, 4, true, true)
	f("bytes 0-3/4", "", 0, 4, true, true)
	f("bytes 0-3/10", "", 0, 4, false, false)
	f("bytes 0-3/10", `W/"1"`, 0, 4, false, false)
	f("bytes 0-3/10", `1`, 0, 4, false, false)
	f("bytes 0-3/*", `"1"`, 0, 4, false, false)
	f("bytes 0-2/10", `"1"`, 0, 4, false, false) // less
	f("bytes 0-4/10", `"1"`, 0, 4, false, false) // more
	f("bytes 1-4/10", `"1"`, 0, 4, false, false) // another
	f("bytes 4-7/10", `"1"`, 0, 4, false, false)
	f("bytes */10", `"1"`, 0, 4, false, false)
	f("octets 0-3/10", `"1"`, 0, 4, false, false)
	f("", `"1"`, 0, 4, false, false)

	var h exchange.Header
	h.Add("Content-Range", "bytes 0-3/10")
	h.Add("ETag", `"1"`)
	h.Add("ETag", `"2"`)
	if _, _, ok := Segment(&h, 0, 4); ok {
		t.Error("one of two entity tags was taken")
	}
}

// A fetch begins with the segment of the first byte that is asked for.
func TestSegmentAt(t *testing.T) {
	f := func(want int64, fields ...string) {
		t.Helper()
		var h exchange.Header
		for _, v := range fields {
			h.Add("Range", v)
		}
		if got := SegmentAt(&h, 4); got != want {
			t.Errorf("%q: %d, want %d", fields, got, want)
		}
	}
	f(0)
	f(0, "bytes=0-")
	f(0, "bytes=3-9")
	f(4, "bytes=4-9")
	f(4, "bytes=7-7")
	f(8, "bytes=9-")
	f(0, "bytes=-5") // how long it is nobody knows yet
	f(0, "bytes=9223372036854775807-")
	f(0, "bytes=9-3")
	f(0, "bytes=9-,20-")
	f(0, "items=9-")
	f(0, "bytes=9-", "bytes=9-")
	if got := string(AppendSegment(nil, 8, 4)); got != "bytes=8-11" {
		t.Error(got)
	}
}
