package message

import (
	"strings"
	"testing"
)

// Normal form is a form: what is in it stays as it is, and has one reading.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/a/%7e/b", "/%2e%2e/", "//", "/%41%5c", "/a/.%2E/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		n, ok := Path(p)
		if !ok {
			return
		}
		if again, ok := Path(n); !ok || again != n {
			t.Fatalf("%q → %q → %q, %v", p, n, again, ok)
		}
		// Oracle: decode everything, segment by segment.
		for seg := range strings.SplitSeq(n, "/") {
			d := decodeAll(t, seg)
			if d == "." || d == ".." || strings.ContainsAny(d, "\x00\\") {
				t.Fatalf("%q → %q has the segment %q", p, n, d)
			}
		}
	})
}

func decodeAll(t *testing.T, s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		hi, ok := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		if !ok || !ok2 {
			t.Fatalf("%q is badly encoded", s)
		}
		b.WriteByte(hi<<4 | lo)
		i += 2
	}
	return b.String()
}
