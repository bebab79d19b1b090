package proxywasm

import (
	"bytes"
	"testing"
)

// Whatever a guest gives as a map is refused, or is, as far as it was read, what appendPairs writes of it.
func FuzzPairs(f *testing.F) {
	for _, s := range []string{"", "\x00", "\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00a\x001\x00", "\xff\xff\xff\xff", "\x02\x00\x00\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, valid := parsePairs(b)
		if !valid {
			return
		}
		if len(fields) > mostPairs {
			t.Fatalf("%d entries", len(fields))
		}
		if fields == nil {
			return // both forms of an empty map
		}
		if again := appendPairs(nil, fields); !bytes.HasPrefix(b, again) {
			t.Fatalf("%q was read as %q", b, again)
		}
	})
}

// A name on /metrics is one that its format knows, whatever a guest says.
func FuzzExportedName(f *testing.F) {
	f.Add("envoy.http-Requests")
	f.Add("")
	f.Add("9 lives")
	f.Fuzz(func(t *testing.T, name string) {
		got := exportedName(name)
		if got == "" || len(got) > longestMetric || got[0] < 'a' || got[0] > 'z' {
			t.Fatalf("%q became %q", name, got)
		}
		for i := range len(got) {
			if c := got[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_') {
				t.Fatalf("%q became %q", name, got)
			}
		}
	})
}
