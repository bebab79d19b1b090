//go:build !wasip1

package wedge

import (
	"encoding/binary"
	"strings"
	"testing"
)

// The oracle writes what the reader reads: what comes out, written again, is what went in up to the first pair that is cut.
func FuzzPairs(f *testing.F) {
	f.Add("\x01\x00\x00\x00\x02\x00\x00\x00Axy")
	f.Add("\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xffA")
	f.Fuzz(func(t *testing.T, list string) {
		var again []byte
		for name, value := range pairs(list) {
			again = appendPair(again, name, value)
		}
		if !strings.HasPrefix(list, string(again)) {
			t.Fatalf("%q was read as %q", list, again)
		}
		rest := list[len(again):]
		if len(rest) >= 8 {
			n, v := binary.LittleEndian.Uint32([]byte(rest)), binary.LittleEndian.Uint32([]byte(rest[4:]))
			if uint64(n)+uint64(v)+8 <= uint64(len(rest)) {
				t.Fatalf("%q: stopped before a whole pair, at %d", list, len(again))
			}
		}
	})
}

func TestMilliseconds(t *testing.T) {
	f := func(d Duration, want int64) {
		t.Helper()
		if got := d.milliseconds(); got != want {
			t.Errorf("%d ns: %d ms, want %d", d, got, want)
		}
	}
	f(0, 0)
	f(1, 1)
	f(Millisecond, 1)
	f(Millisecond+1, 2)
	f(Day, 86400000)
	f(-Second, -1000)
	f(1<<63-1, (1<<63-1)/1000000+1)
}

func TestUnix(t *testing.T) {
	f := func(at Time, want int64) {
		t.Helper()
		if got := at.Unix(); got != want {
			t.Errorf("%d: %d, want %d", at, got, want)
		}
	}
	f(0, 0)
	f(999_999_999, 0)
	f(1_000_000_000, 1)
	f(-1, -1)
	f(-1_000_000_000, -1)
	f(Time(0).Add(Hour), 3600)
}

func TestErrors(t *testing.T) {
	seen := map[string]bool{}
	for e := ErrAbsent; e >= ErrFrozen; e-- {
		text := e.Error()
		if seen[text] || text == Error(-99).Error() || strings.HasSuffix(text, ".") {
			t.Errorf("error %d: %q", e, text)
		}
		seen[text] = true
	}
}
