package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseRanges(t *testing.T) {
	f := func(field string, length int64, want string) {
		t.Helper()
		list, kind := ParseRanges(nil, field, length)
		got := [...]string{"ignored", "", "unsatisfiable"}[kind]
		if kind == Satisfiable {
			var s []string
			for _, r := range list {
				s = append(s, fmt.Sprintf("%d-%d", r.First, r.Last))
			}
			got = strings.Join(s, " ")
		}
		if got != want {
			t.Errorf("%s of %d: got %s, want %s", field, length, got, want)
		}
	}
	f("bytes=0-0,-1", 10, "0-0 9-9")
	f("bytes=0-1, 3-4 ,,6-", 10, "0-1 3-4 6-9")
	f("BYTES=0-1,2-3", 10, "0-1 2-3")
	// What cannot be satisfied is left out.
	f("bytes=0-1,20-30", 10, "0-1")
	f("bytes=20-30,40-", 10, "unsatisfiable")
	// Not in order, overlapping, or too many.
	f("bytes=3-4,0-1", 10, "ignored")
	f("bytes=0-4,4-5", 10, "ignored")
	f("bytes=0-,-1", 10, "ignored")
	f("bytes="+strings.Repeat("0-0,", 17), 10, "ignored")
	var many []string
	for i := range 17 {
		many = append(many, fmt.Sprintf("%d-%d", 2*i, 2*i))
	}
	f("bytes="+strings.Join(many, ","), 100, "ignored")
	f("bytes="+strings.Join(many[:3], ","), 100, "0-0 2-2 4-4")
	// What cannot be read.
	f("bytes=0-1,x", 10, "ignored")
	f("bytes=0-1,3-2", 10, "ignored")
	f("items=0-1,2-3", 10, "ignored")
	f("bytes", 10, "ignored")
	f("bytes=", 10, "ignored")
	f("bytes=,", 10, "ignored")
	f("bytes=0-1,2-3", 0, "ignored")
	f("bytes=0-1,2-"+strings.Repeat("9", 80), 10, "ignored")
}

// FuzzParseRanges: whatever comes, the ranges are within the content, in order and
// apart, and each member that ParseRange satisfies alone is among them.
func FuzzParseRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-0,-1", "bytes=0-1, 3-4 ,,6-", "bytes=20-30,1-2", "bytes=3-4,0-1"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, s string, length int64) {
		if length < 0 {
			return
		}
		list, kind := ParseRanges(nil, s, length)
		if kind != Satisfiable {
			return
		}
		if len(list) == 0 || len(list) > MaxRanges {
			t.Fatalf("%q: %d ranges", s, len(list))
		}
		next := int64(0)
		for _, r := range list {
			if r.First < next || r.Last < r.First || r.Last >= length {
				t.Fatalf("%q of %d: %v", s, length, list)
			}
			next = r.Last + 1
		}
		unit, set, _ := strings.Cut(s, "=")
		for one := range strings.SplitSeq(set, ",") {
			if r, kind := ParseRange(unit+"="+one, length); kind == Satisfiable && !slices.Contains(list, r) {
				t.Errorf("%q of %d: %v lacks %v", s, length, list, r)
			}
		}
	})
}
