package encode

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var all = []Coding{Brotli, Zstd, Gzip}

func TestChoose(t *testing.T) {
	f := func(accept string, want Coding) {
		t.Helper()
		if got := Choose(accept, all); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
	f("", Identity)
	f("gzip", Gzip)
	f("GZip", Gzip)
	f("x-gzip", Gzip)
	f("gzip, deflate, br, zstd", Brotli) // ours is the order among equals
	f("gzip, zstd", Zstd)
	f("gzip;q=1.0, br;q=0.9", Gzip)
	f("br;q=0.001", Brotli)
	f("br;q=0", Identity)
	f("br;q=0.000, gzip;q=0", Identity)
	f("*", Brotli)
	f("*;q=0.2, gzip;q=0.5", Gzip)
	f("*, br;q=0", Zstd)
	f("*;q=0, gzip", Gzip)
	f("*;q=0", Identity) // nothing suits; better this than nothing
	f("identity;q=0", Identity)
	f("identity;q=0, gzip;q=0.1", Gzip)
	f("identity, gzip;q=0.5", Identity) // the client says that it likes that more
	f("identity;q=0.5, gzip;q=0.5", Gzip)
	f(" \tgzip \t;\t q=1 \t,", Gzip)
	f("gzip;Q=1", Gzip)
	f(",,gzip,,", Gzip)
	f("gzip;q=0, gzip", Identity) // what stands first counts
	f("deflate, compress, sdch", Identity)
	f("gzipp, bro, zst", Identity)
	// What cannot be read says nothing.
	f("gzip;q=1.1", Identity)
	f("gzip;q=1.001", Identity)
	f("gzip;q=0.1234", Identity)
	f("gzip;q=.5", Identity)
	f("gzip;q=-1", Identity)
	f("gzip;q=", Identity)
	f("gzip;", Identity)
	f("gzip;x=1", Identity)
	f("gzip;q=1;x=1", Identity)
	f("gzip;q = 1", Identity)
	f("gzip;q=2, br;q=0.1", Brotli)
}

var oracleMember = regexp.MustCompile(`^[ \t]*([^;]*?)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$`)

// oracle is Choose by a regular expression and floating point.
func oracle(accept string, offered []Coding) Coding {
	weights := map[string]float64{}
	for _, m := range strings.Split(accept, ",") {
		s := oracleMember.FindStringSubmatch(m)
		if s == nil {
			continue
		}
		name, weight := strings.ToLower(s[1]), 1.0
		for _, c := range s[1] {
			if c >= 0x80 { // lower case may make ASCII of what is not
				name = ""
			}
		}
		if name == "x-gzip" {
			name = "gzip"
		}
		if s[2] != "" {
			weight, _ = strconv.ParseFloat(strings.TrimSuffix(s[2], "."), 64)
		}
		if _, twice := weights[name]; !twice {
			weights[name] = weight
		}
	}
	best, most := Identity, -1.0
	for _, c := range offered {
		w, ok := weights[c.String()]
		if !ok {
			w = weights["*"]
		}
		if w > 0 && w > most {
			best, most = c, w
		}
	}
	if weights["identity"] > most {
		return Identity
	}
	return best
}

func FuzzChoose(f *testing.F) {
	for _, s := range []string{"gzip, br;q=0.5", "*;q=0.1,identity;q=0", "x-gzip ; q=0.333", "gzip;q=1.", ";q=1", "zstd;q=0.5,gzip;q=0.50", "identity;q=0.5,br;q=0.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		for _, offered := range [][]Coding{all, {Gzip}, {Zstd, Gzip}, nil} {
			if got, want := Choose(accept, offered), oracle(accept, offered); got != want {
				t.Errorf("%q of %v: %s, want %s", accept, offered, got, want)
			}
		}
	})
}

func TestChooseDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Choose("gzip, deflate, br;q=0.9, zstd, *;q=0.1", all) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}
