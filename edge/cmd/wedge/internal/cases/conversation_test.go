package cases

import (
	"runtime"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		c, err := Parse(text)
		if want == "" {
			if err != nil || c.String() != text {
				t.Errorf("%q: %v, %v", text, c, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	const request = "-- request --\nGET https://a.example/\n"
	f("About it.\n-- config --\na: b\n-- secrets --\nk: v: w\n-- kv s --\n/x: \n-- origin --\n204\n"+request+"-- response --\nanything\n-- log --\n-- origin got --\nx\n"+request, "")
	f("-- request --\nPOST http://a.example/?b=c\nX: y\n\nbody\n\nmore\n", "")
	f("", "no section request")
	f("-- config --\na: b\n", "no section request")
	f("-- response --\n"+request, `line 1: "response" belongs to no request`)
	f(request+"-- config --\n", `line 3: "config" stands behind a request`)
	f(request+"-- answer --\n", `line 3: no section is called "answer"`)
	f("-- kv  --\n"+request, "no section is called")
	f("-- config --\nnothing\n"+request, `line 1: config: want name: value, got "nothing"`)
	f("-- origin --\nOK\n"+request, "want a status from 200 to 599")
	f("-- origin --\n99\n"+request, "want a status from 200 to 599")
	f("-- request --\nGET /\n", "want METHOD URL")
	f("-- request --\nGET ftp://a.example/\n", "want METHOD URL")
	f("-- request --\nGET https://a.example/ b\n", "has a space")
	f("-- counters --\na in b in 1m: 3\n-- kv s --\n-- at 12:00 --\n-- at 2025-01-02 03:04:05 --\n"+request+"-- after 1h30m --\n-- at 23:59:59 --\n"+request+"-- key --\n-- fuel at most 7 --\n-- kv s after --\nx\n-- counters after --\n", "")
	f("-- counters --\na: 3\n"+request, "want a key, its window and a sum")
	f("-- counters --\na in 1d: 3\n"+request, "want a window from 1s to 24h")
	f("-- counters --\na in 10ms: 3\n"+request, "want a window from 1s to 24h")
	f("-- after 1 --\n"+request, "line 1: after 1: want a time to pass")
	f("-- after -5s --\n"+request, "want a time to pass")
	f("-- at 25:00 --\n"+request, "want a time such as")
	f("-- at 12:00 --\nsoon\n"+request, "nothing stands in this section")
	f("-- at 12:00 --\n"+request+"-- at 11:00 --\n", "line 4: at 11:00: the clock shows 2026-01-01 12:00:00 already")
	f(request+"-- fuel at most many --\n", "want a number")
	f("-- key --\n"+request, `line 1: "key" belongs to no request`)
	f("-- kv s after --\n"+request, `"kv s after" belongs to no request`)
}

func FuzzParse(f *testing.F) {
	f.Add("-- config --\na: b\n-- request --\nGET https://a.example/\n")
	f.Add("-- origin --\n200\n\nx\n-- request --\nGET http://a/\nA: b\n\nbody")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q: then %q, %v", text, again, err)
		}
	})
}

func TestDifference(t *testing.T) {
	f := func(want, got, difference string) {
		t.Helper()
		if d := Difference(want, got); d != difference {
			t.Errorf("%q and %q: %q, want %q", want, got, d, difference)
		}
	}
	f("a\nb\n", "a\nb\n", "")
	f("a\nb\nc\n", "a\nx\nc\n", "  a\n- b\n+ x\n  c\n")
	f("", "a\n", "+ a\n")
	f("a\n", "", "- a\n")
	f("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n0\n", "+ 0\n  1\n  2\n  3\n...\n  7\n  8\n  9\n+ 0\n")
}

// A text of many lines, which a client of the operators' API may send, takes memory by its length, not by the square of it.
func TestDifferenceOfLongTexts(t *testing.T) {
	long := strings.Repeat("a\nb\n", 3000)
	f := func(want, got string, lines int) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d := Difference(want, got)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%d MiB for texts of %d and %d bytes", n>>20, len(want), len(got))
		}
		if n := strings.Count(d, "\n"); n != lines {
			t.Errorf("%d lines differ, want %d", n, lines)
		}
	}
	f(long+"x\n"+long, long+"y\n"+long, 8)
	f("x\n"+long+"x\n", "y\n"+long+"y\n", 12004)
}
