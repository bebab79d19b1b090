package policy

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func TestVaryNames(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		names, reason := VaryNames(nil, fields(lines...))
		got := strings.Join(names, " ")
		if reason != exchange.ReasonNone {
			got = reason.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", lines, got, want)
		}
	}
	f("")
	f("", "Vary:")
	f("", "Vary: , ,")
	f("accept", "Vary: Accept")
	f("accept user-agent x", "Vary: X,\tUser-Agent", "Vary: ACCEPT, x")
	f("vary-star", "Vary: X", "Vary: *")
	f("vary-star", "Vary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,*")
	f("vary-star", "Vary: *, a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q")
	f("a b", "Vary: a, A, b")
	f("vary-too-many", "Vary: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q")
	f("a b c d e f g h i j k l m n o p", "Vary: p,o,n,m,l,k,j,i,h,g,f,e,d,c,b,a,A")
}

func TestVariant(t *testing.T) {
	variant := func(vary string, r Rules, lines ...string) string {
		names, _ := VaryNames(nil, fields("Vary: "+vary))
		return string(AppendVariant(nil, names, fields(lines...), &r))
	}
	f := func(equal bool, vary string, a, b []string) {
		t.Helper()
		if got := variant(vary, Rules{}, a...) == variant(vary, Rules{}, b...); got != equal {
			t.Errorf("Vary: %s: %q and %q: match is %v", vary, a, b, got)
		}
	}
	type l = []string
	f(true, "", l{"Foo: 1"}, l{"Foo: 2"})
	f(true, "Foo", l{"Foo: 1"}, l{"foo: 1", "Bar: 2"})
	f(false, "Foo", l{"Foo: 1"}, l{"Foo: 2"})
	f(true, "Foo, Bar", l{"Foo: 1", "Bar: 2"}, l{"Bar: 2", "Foo: 1"})
	f(false, "Foo, Bar", l{"Foo: 1", "Bar: 2"}, l{"Foo: 2", "Bar: 1"})
	f(false, "Foo, Bar", l{"Foo: 1", "Bar:"}, l{"Foo:", "Bar: 1"})

	// "...if a header field is absent from a request, it can only match another request if it is also absent there."
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
	f(false, "Foo", l{"Foo: 1"}, l{})
	f(false, "Foo", l{"Foo:"}, l{})
	f(true, "Foo, Bar", l{"Bar: 1"}, l{"Bar: 1"})

	// "adding or removing whitespace, where allowed in the header field's syntax"
	f(true, "Foo", l{"Foo: 1, 2"}, l{"Foo: 1,2"})
	f(true, "Foo", l{"Foo: 1 \t , 2"}, l{"Foo:  1,2 "})
	f(false, "Foo", l{"Foo: 1 2"}, l{"Foo: 12"})
	f(true, "Foo", l{"Foo: 1  2"}, l{"Foo: 1\t2"})
	f(false, "Foo", l{`Foo: "1, 2"`}, l{`Foo: "1,2"`})
	f(false, "Foo", l{`Foo: "\", 2"`}, l{`Foo: "\",2"`})
	f(false, "Foo", l{`Foo: "1, 2`}, l{`Foo: "1,2`})
	f(true, "Foo", l{`Foo: "1, 2`}, l{`Foo:  "1, 2 `})
	f(true, "Foo", l{`Foo: "1\`}, l{`Foo: "1\`})
	f(true, "Accept", l{"Accept: text/html; q=0.5, */*"}, l{"Accept: text/html;q=0.5,*/*"})
	f(false, "User-Agent", l{"User-Agent: x (a, b)"}, l{"User-Agent: x (a,b)"})
	f(true, "User-Agent", l{"User-Agent: x, y"}, l{"User-Agent: x", "User-Agent: y"})
	f(false, "Cookie", l{"Cookie: a=1; b=2"}, l{"Cookie: a=1;b=2"})

	// "combining multiple header field lines with the same field name"
	f(true, "Foo", l{"Foo: 1, 2"}, l{"Foo: 1", "X: y", "FOO: 2"})
	f(false, "Foo", l{"Foo: 1, 2"}, l{"Foo: 2", "Foo: 1"})

	// "normalizing both header field values in a way that is known to have identical semantics"
	f(true, "Accept-Language", l{"Accept-Language: en, DE"}, l{"Accept-Language: eN, De"})
	f(true, "Accept-Language", l{"Accept-Language: AZ"}, l{"Accept-Language: az"})
	f(false, "Accept-Language", l{"Accept-Language: @"}, l{"Accept-Language: `"})
	f(true, "Accept-Encoding", l{"Accept-Encoding: GZIP, br"}, l{"Accept-Encoding: gzip, br"})
	f(false, "Foo", l{"Foo: A"}, l{"Foo: a"})

	// Cookies that no fetch carries select nothing.
	ignore := Rules{IgnoreCookies: true}
	if variant("Cookie", ignore, "Cookie: a=1") != variant("Cookie", ignore) {
		t.Error("ignored cookies make variants")
	}
}

// FuzzVariant holds variants against a reading of both requests' fields: bytes are equal when the lists of values are.
func FuzzVariant(f *testing.F) {
	f.Add("a, b", "a,b", "c", "")
	f.Add(`"a , b",c`, `"a,b",c`, "", "x")
	f.Add("a  b;c ,d", "a b; c,d", "x", "x")
	plain := func(s string) string {
		// Quoted strings out, then all whitespace beside commas and semicolons.
		var out strings.Builder
		for s = strings.Trim(s, " \t"); s != ""; {
			i := strings.IndexByte(s, '"')
			if i < 0 {
				i = len(s)
			}
			part := s[:i]
			for _, sep := range []string{",", ";"} {
				pieces := strings.Split(part, sep)
				for j := range pieces {
					if j > 0 {
						pieces[j] = strings.TrimLeft(pieces[j], " \t")
					}
					if j < len(pieces)-1 {
						pieces[j] = strings.TrimRight(pieces[j], " \t")
					}
				}
				part = strings.Join(pieces, sep)
			}
			b := make([]byte, 0, len(part))
			for j := range part {
				if c := part[j]; c != ' ' && c != '\t' {
					b = append(b, c)
				} else if j == 0 || part[j-1] != ' ' && part[j-1] != '\t' {
					b = append(b, ' ')
				}
			}
			out.Write(b)
			s = s[i:]
			if s != "" {
				n := quotedEnd(s)
				if n < 0 {
					n = len(s)
				}
				out.WriteString(s[:n])
				s = s[n:]
			}
		}
		return out.String()
	}
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		for i := range len(a1 + a2 + b1 + b2) {
			if c := (a1 + a2 + b1 + b2)[i]; c < ' ' && c != '\t' || c >= 0x7f {
				return
			}
		}
		names := []string{"x-a", "x-b"}
		make := func(a, b string) []byte {
			return AppendVariant(nil, names, fields("X-A:"+a, "X-B:"+b), &Rules{})
		}
		one, two := make(a1, b1), make(a2, b2)
		want := plain(a1) == plain(a2) && plain(b1) == plain(b2)
		if got := string(one) == string(two); got != want {
			t.Errorf("%q %q and %q %q: match is %v, want %v", a1, b1, a2, b2, got, want)
		}
		// The bytes can be read back: nothing of one field runs into the next.
		for _, v := range [][]byte{one, two} {
			var read []string
			for len(v) > 0 {
				n, k := binary.Uvarint(v)
				read, v = append(read, string(v[k:k+int(n)])), v[k+int(n):]
				if v[0] == 0 {
					v = v[1:]
					continue
				}
				v = v[5+binary.LittleEndian.Uint32(v[1:]):]
			}
			if !slices.Equal(read, names) {
				t.Errorf("read back %q", read)
			}
		}
	})
}
