//go:build !wasip1

package wedgetest

import (
	"net/url"
	"testing"
)

// The oracle is net/url: a path in normal form means what it meant before, and normalising it again changes nothing.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"/", "/a/%62%2f", "/%2e%2e/", `/\`, "/%00", "/%4", "//x"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		normal, ok := normalPath(path)
		if !ok {
			return
		}
		before, err := url.PathUnescape(path)
		after, err2 := url.PathUnescape(normal)
		if err != nil || err2 != nil || before != after {
			t.Fatalf("%q became %q: %q, %v; %q, %v", path, normal, before, err, after, err2)
		}
		if again, ok := normalPath(normal); !ok || again != normal {
			t.Fatalf("%q became %q and then %q, %v", path, normal, again, ok)
		}
	})
}
