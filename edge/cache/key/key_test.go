package key

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// get makes the exchange of a GET of a target.
func get(target string, change ...func(x *exchange.Exchange)) *exchange.Exchange {
	x := &exchange.Exchange{}
	x.Request.Method, x.Request.Scheme, x.Request.Host = "GET", "https", "shop.example"
	x.Request.Path, x.Request.Query, x.Request.HasQuery = strings.Cut(target, "?")
	for _, c := range change {
		c(x)
	}
	return x
}

func choose(c exchange.KeyChoice) func(*exchange.Exchange) {
	return func(x *exchange.Exchange) { x.Choices.Key = c }
}

func header(name, value string) func(*exchange.Exchange) {
	return func(x *exchange.Exchange) { x.Request.Header.Add(name, value) }
}

var config = Config{Owner: "default", Site: "shop", Origin: "main"}

// parts reads back what Append wrote: "path=/a query=b".
func parts(t *testing.T, b []byte) string {
	t.Helper()
	names := [...]string{kindOwner: "owner", kindSite: "site", kindScheme: "scheme", kindHost: "host", kindPath: "path", kindQuery: "query", kindReplaced: "replaced",
		kindCookie: "cookie", kindNoCookie: "no-cookie", kindVersion: "version", kindName: "name", kindValue: "value", kindOrigin: "origin"}
	var out []string
	for len(b) > 0 {
		n, k := binary.Uvarint(b[1:])
		if k <= 0 || uint64(len(b)-1-k) < n {
			t.Fatalf("the parts cannot be read back from %q", b)
		}
		out = append(out, names[b[0]]+"="+string(b[1+k:1+k+int(n)]))
		b = b[1+k+int(n):]
	}
	return strings.Join(out, " ")
}

func TestParts(t *testing.T) {
	f := func(want string, c Config, x *exchange.Exchange) {
		t.Helper()
		got := parts(t, Append(nil, x, &c))
		got = strings.TrimPrefix(got, "owner=default site=shop origin=main scheme=https host=shop.example ")
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f("path=/a", config, get("/a"))
	f("owner=default site=shop origin=new scheme=https host=shop.example path=/a", config, get("/a", func(x *exchange.Exchange) { x.Choices.Origin = "new" }))
	f("path=/a query=", config, get("/a?"))
	f("path=/a query=b=1&c", config, get("/a?b=1&c"))
	f("owner=o site=s origin= scheme=http host=x:81 path=/", Config{Owner: "o", Site: "s"}, get("/", func(x *exchange.Exchange) { x.Request.Scheme, x.Request.Host = "http", "x:81" }))
	f("path=/a version=h1 version=h2", Config{Owner: "default", Site: "shop", Origin: "main", Versions: []string{"h1", "h2"}}, get("/a"))

	cookies := Config{Owner: "default", Site: "shop", Origin: "main", Cookies: []string{"lang", "ab"}}
	f("path=/a no-cookie=lang no-cookie=ab", cookies, get("/a"))
	f("path=/a cookie=lang value=de no-cookie=ab", cookies, get("/a", header("Cookie", "x=1;\tlang=de ; LANG=en"), header("Cookie", "lang=fr")))
	f("path=/a no-cookie=lang cookie=ab value=", cookies, get("/a", header("Cookie", "xlang=1"), header("Cookie", "lang; ab=")))
	f("path=/a cookie=lang value=a=b no-cookie=ab", cookies, get("/a", header("Cookie", "lang=a=b")))

	f("path=/a name=device value=phone name=device value=", config, get("/a", choose(exchange.KeyChoice{Parts: []exchange.Field{{Name: "device", Value: "phone"}, {Name: "device"}}})))
	f("replaced=x", config, get("/a?b", choose(exchange.KeyChoice{HasReplace: true, Replace: "x"})))
	f("replaced=", config, get("/a?b", choose(exchange.KeyChoice{HasReplace: true})))
	f("path=/a", config, get("/a?b", choose(exchange.KeyChoice{IgnoreAllQuery: true})))
	f("path=/az[_@%2f query=cd", config, get("/AZ[_@%2F?Cd", choose(exchange.KeyChoice{LowerCase: true})))
}

func TestQuery(t *testing.T) {
	f := func(query, want string, ch exchange.KeyChoice) {
		t.Helper()
		x := get("/?"+query, choose(ch))
		got := parts(t, Append(nil, x, &config))
		if got = got[strings.Index(got, "path=/")+len("path=/"):]; got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	ignore := func(names ...string) exchange.KeyChoice { return exchange.KeyChoice{IgnoreQuery: names} }
	f("utm_source=x&a=1&utm_medium&gclid=2&b", " query=a=1&b", ignore("utm_*", "gclid"))
	f("utm_source=x", "", ignore("utm_*"))
	f("utm=1&utm_=2&xutm_a=3", " query=utm=1&xutm_a=3", ignore("utm_*"))
	f("a=1&A=2&aa=3", " query=A=2&aa=3", ignore("a"))
	f("a=1&b", "", ignore("*"))
	f("&&a", " query=&&a", ignore("x"))
	f("=1&a", " query=a", ignore(""))
	f("", " query=", ignore("x"))

	sorted := exchange.KeyChoice{SortQuery: true}
	f("b=1&a=2&c", " query=a=2&b=1&c", sorted)
	f("a=2&b=0&a=1", " query=a=2&a=1&b=0", sorted)
	f("&b&a", " query=&a&b", sorted)
	f("b&a=&a", " query=a=&a&b", sorted)
	f("a-b=1&a=2", " query=a=2&a-b=1", sorted)
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("p%02d=%d", 99-i, i)
	}
	f(strings.Join(many, "&"), " query="+func() string { s := slices.Clone(many); slices.Sort(s); return strings.Join(s, "&") }(), sorted)

	f("B=X&a=Y&UTM_a=1", " query=a=y&b=x", exchange.KeyChoice{SortQuery: true, LowerCase: true, IgnoreQuery: []string{"utm_*"}})
}

func TestKeyIsWhatItIsMadeOf(t *testing.T) {
	m := New()
	key := func(x *exchange.Exchange, c Config) Key { return m.Key(x, &c) }
	base := key(get("/a?b=1"), config)
	same := func(what string, k Key) {
		t.Helper()
		if k != base {
			t.Errorf("%s changes the key", what)
		}
	}
	other := func(what string, k Key) {
		t.Helper()
		if k == base {
			t.Errorf("%s does not change the key", what)
		}
	}
	same("nothing", key(get("/a?b=1"), config))
	same("HEAD", key(get("/a?b=1", func(x *exchange.Exchange) { x.Request.Method = "HEAD" }), config))
	same("a header field", key(get("/a?b=1", header("X", "1"), header("Cookie", "a=1")), config))
	same("the owner in the exchange", key(get("/a?b=1", func(x *exchange.Exchange) { x.Owner = "x" }), config))
	other("the owner", key(get("/a?b=1"), Config{Owner: "x", Site: "shop", Origin: "main"}))
	other("the site", key(get("/a?b=1"), Config{Owner: "default", Site: "x", Origin: "main"}))
	other("the origin", key(get("/a?b=1"), Config{Owner: "default", Site: "shop", Origin: "x"}))
	other("an origin that a function chose", key(get("/a?b=1", func(x *exchange.Exchange) { x.Choices.Origin = "x" }), config))
	same("the same origin, chosen by a function", key(get("/a?b=1", func(x *exchange.Exchange) { x.Choices.Origin = "main" }), config))
	other("the scheme", key(get("/a?b=1", func(x *exchange.Exchange) { x.Request.Scheme = "http" }), config))
	other("the host", key(get("/a?b=1", func(x *exchange.Exchange) { x.Request.Host = "x" }), config))
	other("the path", key(get("/A?b=1"), config))
	other("the query", key(get("/a?b=2"), config))
	other("no query", key(get("/a"), config))
	other("a version", key(get("/a?b=1"), Config{Owner: "default", Site: "shop", Origin: "main", Versions: []string{""}}))
	other("a part", key(get("/a?b=1", choose(exchange.KeyChoice{Parts: []exchange.Field{{}}})), config))
	other("another maker", New().Key(get("/a?b=1"), &config))

	var seed [SeedSize]byte
	seed[0] = 1
	if one, two := NewSeeded(seed), NewSeeded(seed); one.Key(get("/"), &config) != two.Key(get("/"), &config) {
		t.Error("one seed makes two keys")
	}
}

// TestHammerKey makes keys on many goroutines at once; each must be the one that a single goroutine makes.
func TestHammerKey(t *testing.T) {
	m := New()
	var want [64]Key
	for i := range want {
		want[i] = m.Key(get(fmt.Sprintf("/%d", i)), &config)
	}
	end := time.Now().Add(100 * time.Millisecond)
	var all sync.WaitGroup
	for p := range 4 {
		all.Go(func() {
			for n := p; time.Now().Before(end); n++ {
				if i := n % len(want); m.Key(get(fmt.Sprintf("/%d", i)), &config) != want[i] {
					t.Errorf("/%d has two keys", i)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestURL(t *testing.T) {
	m := New()
	base := m.URL("o", "https", "h", "/a", "b", true)
	if base != m.URL("o", "https", "h", "/a", "b", true) {
		t.Error("one URL has two hashes")
	}
	for i, k := range []Key{m.URL("x", "https", "h", "/a", "b", true), m.URL("o", "http", "h", "/a", "b", true), m.URL("o", "https", "x", "/a", "b", true), m.URL("o", "https", "h", "/x", "b", true),
		m.URL("o", "https", "h", "/a", "x", true), m.URL("o", "https", "h", "/a", "", true), m.URL("o", "https", "h", "/a", "", false), m.URL("o", "https", "h/a", "", "b", true)} {
		if k == base {
			t.Errorf("URL %d has the hash of another", i)
		}
	}
}

// FuzzParts makes two requests of random parts: their bytes before the hash are the same only if all parts are.
func FuzzParts(f *testing.F) {
	f.Add([]byte("\x00a\x00b"), []byte("\x00\x00ab"))
	f.Add([]byte("a\x00b\x00c\x00d\x00e\x00f\x00g\x00h\x00i\x00j"), []byte("a\x00b\x00c\x00d\x00e\x00f\x00g\x00h\x00i"))
	type request struct {
		owner, site, origin, scheme, host, path, query string
		hasQuery                                       bool
		cookies, versions, parts                       []string
	}
	read := func(b []byte) request {
		s := strings.Split(string(b), "\x00")
		next := func() string {
			if len(s) == 0 {
				return ""
			}
			v := s[0]
			s = s[1:]
			return v
		}
		r := request{owner: next(), site: next(), origin: next(), scheme: next(), host: next(), path: next(), query: next()}
		r.hasQuery = next() != ""
		if !r.hasQuery {
			r.query = ""
		}
		for i := 0; len(s) > 0; i++ {
			switch i % 3 {
			case 0:
				r.cookies = append(r.cookies, next())
			case 1:
				r.versions = append(r.versions, next())
			case 2:
				r.parts = append(r.parts, next())
			}
		}
		return r
	}
	bytesOf := func(r request) []byte {
		x := &exchange.Exchange{}
		x.Request.Scheme, x.Request.Host, x.Request.Path, x.Request.Query, x.Request.HasQuery = r.scheme, r.host, r.path, r.query, r.hasQuery
		for _, p := range r.parts {
			x.Choices.Key.Parts = append(x.Choices.Key.Parts, exchange.Field{Name: p, Value: p + p})
		}
		return Append(nil, x, &Config{Owner: r.owner, Site: r.site, Origin: r.origin, Versions: r.versions, Cookies: r.cookies})
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		one, two := read(a), read(b)
		want := reflect.DeepEqual(one, two)
		if got := bytes.Equal(bytesOf(one), bytesOf(two)); got != want {
			t.Errorf("%+v and %+v: same bytes is %v", one, two, got)
		}
	})
}

// FuzzQuery holds the query of a key against one made of maps and joins.
func FuzzQuery(f *testing.F) {
	f.Add("b=1&a=2&utm_x=1", "utm_*", "c", true, false)
	f.Add("&&=&A", "", "*", true, true)
	f.Fuzz(func(t *testing.T, query, one, two string, sort, lower bool) {
		for i := range len(query + one + two) {
			if (query + one + two)[i] >= 0x80 {
				return // a normal form has none
			}
		}
		x := get("/", choose(exchange.KeyChoice{IgnoreQuery: []string{one, two}, SortQuery: sort, LowerCase: lower}))
		x.Request.Query, x.Request.HasQuery = query, true
		fold := func(s string) string {
			if lower {
				return strings.ToLower(s)
			}
			return s
		}
		var kept []string
		for _, p := range strings.Split(query, "&") {
			name := fold(strings.Split(p, "=")[0])
			if slices.ContainsFunc([]string{one, two}, func(s string) bool {
				s = fold(s)
				return s == name && !strings.HasSuffix(s, "*") || strings.HasSuffix(s, "*") && strings.HasPrefix(name, s[:len(s)-1])
			}) {
				continue
			}
			kept = append(kept, fold(p))
		}
		if sort {
			slices.SortStableFunc(kept, func(a, b string) int { return strings.Compare(strings.Split(a, "=")[0], strings.Split(b, "=")[0]) })
		}
		want := Append(nil, get("/"), &config)
		if len(kept) > 0 {
			want = part(want, kindQuery, strings.Join(kept, "&"))
		}
		if got := Append(nil, x, &config); !bytes.Equal(got, want) {
			t.Errorf("%q without %q, %q, sorted %v, lower %v: got %q, want %q", query, one, two, sort, lower, got, want)
		}
	})
}

func TestAllocatesNothing(t *testing.T) {
	m := New()
	c := Config{Owner: "default", Site: "shop", Origin: "main", Versions: []string{strings.Repeat("v", 64)}, Cookies: []string{"lang"}}
	for _, x := range []*exchange.Exchange{
		get("/a?b=1", header("Cookie", "a=1; lang=de")),
		get("/a?c=1&b=2&utm_source=x", choose(exchange.KeyChoice{SortQuery: true, LowerCase: true, IgnoreQuery: []string{"utm_*"}, Parts: []exchange.Field{{Name: "device", Value: "phone"}}})),
		get("/" + strings.Repeat("a", 8000)),
	} {
		m.Key(x, &c) // the first one may make its buffer grow
		if n := testing.AllocsPerRun(100, func() { m.Key(x, &c) }); n != 0 {
			t.Errorf("%.20q: %v allocations", x.Request.Path, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { m.URL("default", "https", "shop.example", "/a", "b", true) }); n != 0 {
		t.Errorf("URL: %v allocations", n)
	}
}

func BenchmarkKey(b *testing.B) {
	m := New()
	c := Config{Owner: "default", Site: "shop"}
	b.Run("path", func(b *testing.B) {
		x := get("/static/js/application-3f2a.js?v=20260814")
		b.ReportAllocs()
		for b.Loop() {
			m.Key(x, &c)
		}
	})
	c.Versions, c.Cookies = []string{strings.Repeat("v", 64)}, []string{"lang"}
	b.Run("all", func(b *testing.B) {
		x := get("/search?q=red+shoes&utm_source=mail&page=2", header("Cookie", "a=1; lang=de"), choose(exchange.KeyChoice{SortQuery: true, IgnoreQuery: []string{"utm_*"}, Parts: []exchange.Field{{Name: "device", Value: "phone"}}}))
		b.ReportAllocs()
		for b.Loop() {
			m.Key(x, &c)
		}
	})
}
