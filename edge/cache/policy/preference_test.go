package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// "...normalizing both header field values in a way that is known to have
// identical semantics, according to the header field's specification (e.g.,
// reordering field values when order is not significant; case-normalization,
// where values are defined to be case-insensitive)."
// https://www.rfc-editor.org/rfc/rfc9111#section-4.1
func TestPreferences(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		for _, name := range []string{"Accept-Language: ", "Accept-Encoding: "} {
			h := &exchange.Header{}
			for _, l := range lines {
				h.Add(name[:15], l)
			}
			got, ok := appendPreferences(nil, exchange.Lookup(name[:15]), h)
			if !ok {
				got = []byte("as it is")
			}
			if string(got) != want {
				t.Errorf("%s%q: got %q, want %q", name, lines, got, want)
			}
		}
	}
	f("", "")
	f("de,en", "en, de")
	f("de,en", "de", "EN")
	f("en,de;q=0.5", "de;q=0.5, en")
	f("en,de;q=0.5,fr;q=0.5", "fr;q=0.5,de ; Q=0.500,en;q=1.0")
	f("*;q=0.001", "*;q=0.001")
	f("*;q=0.05", "*;q=0.05")
	f("*;q=0.123", "*;q=0.123")
	f("as it is", "de;q=500")
	f("de;q=0", "de;q=0.000")
	f("de", "de;q=1.000, de, ,DE")
	f("de,de;q=0.5", "de;q=0.5, de") // which of them counts is the origin's business
	f("as it is", "de;q=1.1")
	f("as it is", "de;q=0.1234")
	f("as it is", "de;q=.5")
	f("as it is", "de;q=")
	f("as it is", "de;level=1")
	f("as it is", "de;q=0.5;x")
	f("as it is", "de fr")
	f("as it is", `"de"`)
	f("as it is", ";q=1")
	f(strings.Repeat("a,", 0)+"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x", "x,w,v,u,t,s,r,q,p,o,n,m,l,k,j,i,h,g,f,e,d,c,b,a")
	f("as it is", "y,x,w,v,u,t,s,r,q,p,o,n,m,l,k,j,i,h,g,f,e,d,c,b,a")
}

func TestPreferred(t *testing.T) {
	f := func(accept, want string) {
		t.Helper()
		if got := Preferred(fields("Accept-Language: " + accept)); got != want {
			t.Errorf("%q: got %q, want %q", accept, got, want)
		}
	}
	f("de", "de")
	f("fr;q=0.5, de;q=1.0", "de")
	f("fr;q=0.5, de;q=0.6, *;q=0.1", "de")
	f("en, de", "")
	f("*", "")
	f("de;q=0", "")
	f("", "")
	f("de;x", "")
	if got := Preferred(fields()); got != "" {
		t.Errorf("without the field: %q", got)
	}
}

func TestLanguage(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		if got := Language(fields(lines...)); got != want {
			t.Errorf("%q: got %q, want %q", lines, got, want)
		}
	}
	f("")
	f("de", "Content-Language:  de ")
	f("", "Content-Language: de, en")
	f("", "Content-Language: de", "content-language: en")
	f("", "Content-Language: ")
}

func TestLanguageVariant(t *testing.T) {
	r := &Rules{}
	names := []string{"accept", "accept-language"}
	asked := fields("Accept: a", "Accept-Language: de")
	a, ok := AppendLanguageVariant(nil, names, asked, r, "DE")
	b, _ := AppendLanguageVariant(nil, names, fields("Accept: a", "Accept-Language: fr;q=0.1, de"), r, "de")
	if !ok || string(a) != string(b) {
		t.Errorf("one language is %q and %q", a, b)
	}
	if c, _ := AppendLanguageVariant(nil, names, fields("Accept: b"), r, "de"); string(c) == string(a) {
		t.Error("another Accept is the same variant")
	}
	if c, _ := AppendLanguageVariant(nil, names, asked, r, "en"); string(c) == string(a) {
		t.Error("another language is the same variant")
	}
	if v := AppendVariant(nil, names, asked, r); string(v) == string(a) {
		t.Error("it is an ordinary variant")
	}
	if _, ok := AppendLanguageVariant(nil, []string{"accept"}, asked, r, "de"); ok {
		t.Error("the variants do not differ by language")
	}
}

// FuzzPreferences holds the order against a simple reading of the field.
func FuzzPreferences(f *testing.F) {
	for _, s := range []string{"en, de;q=0.5", "a;q=1.000,b;q=0,*", "x;q=0.1,X;q=0.10, y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := &exchange.Header{}
		h.AddKnown(exchange.AcceptLanguage, s)
		got, ok := appendPreferences(nil, exchange.AcceptLanguage, h)
		if !ok {
			return
		}
		// The members in any order are the same.
		parts := strings.Split(s, ",")
		slices.Reverse(parts)
		h2 := &exchange.Header{}
		for _, p := range parts {
			h2.AddKnown(exchange.AcceptLanguage, p)
		}
		if again, ok := appendPreferences(nil, exchange.AcceptLanguage, h2); !ok || string(again) != string(got) {
			t.Errorf("%q is %q, reversed %q (%t)", s, got, again, ok)
		}
		// Every name is there with its weight, and nothing else.
		want := map[string]bool{}
		for _, p := range parts {
			name, weight, _ := strings.Cut(strings.ToLower(strings.Trim(p, " \t")), ";")
			if name = strings.Trim(name, " \t"); name == "" {
				continue
			}
			weight = strings.TrimPrefix(strings.Trim(weight, " \t"), "q=")
			if weight == "" {
				weight = "1"
			}
			whole, frac, _ := strings.Cut(weight, ".")
			frac += "000"[len(frac):]
			want[name+whole+frac] = true
		}
		seen := map[string]bool{}
		for _, p := range strings.Split(string(got), ",") {
			if p == "" {
				continue
			}
			name, weight, weighted := strings.Cut(p, ";q=")
			if !weighted {
				weight = "1"
			}
			whole, frac, _ := strings.Cut(weight, ".")
			seen[name+whole+frac+"000"[len(frac):]] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%q: %q has %d members, want %d", s, got, len(seen), len(want))
		}
		for k := range want {
			if !seen[k] {
				t.Errorf("%q: %q lacks %s", s, got, k)
			}
		}
	})
}
