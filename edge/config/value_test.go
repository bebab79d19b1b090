package config

import (
	"encoding"
	"reflect"
	"regexp"
	"testing"
)

// text is a value that package config reads and writes as one word.
type text interface {
	encoding.TextUnmarshaler
	Pattern() string
}

// reads checks one spelling of a value: what it is in canonical form, or that it is refused. The JSON Schema's pattern must take
// whatever is not refused.
func reads(t *testing.T, to text, in, want string) {
	t.Helper()
	err := to.UnmarshalText([]byte(in))
	if want == "" {
		if err == nil {
			t.Errorf("%T takes %q", to, in)
		} else if c, ok := err.(*complaint); !ok || c.hint == "" {
			t.Errorf("%T refuses %q without a hint: %v", to, in, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%T refuses %q: %v", to, in, err)
		return
	}
	got := textOf(reflect.ValueOf(to).Elem())
	if got != want {
		t.Errorf("%T of %q is %q, want %q", to, in, got, want)
	}
	for _, s := range []string{in, got} {
		if s != "none" && s != "auto" && !regexp.MustCompile(to.Pattern()).MatchString(s) {
			t.Errorf("%T: the pattern %s refuses %q", to, to.Pattern(), s)
		}
	}
	// The canonical form means the same.
	again := reflect.New(reflect.TypeOf(to).Elem())
	if err := again.Interface().(text).UnmarshalText([]byte(got)); err != nil || !reflect.DeepEqual(again.Elem().Interface(), reflect.ValueOf(to).Elem().Interface()) {
		t.Errorf("%T: %q is not read back: %v", to, got, err)
	}
}

func TestSize(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Size), in, want) }
	f("0", "0")
	f("1", "1")
	f("1023", "1023")
	f("1024", "1KiB")
	f("1536", "1536")
	f("1536KiB", "1536KiB")
	f("2048KiB", "2MiB")
	f("1GiB", "1GiB")
	f("8191TiB", "8191TiB")
	f("8388607TiB", "8388607TiB")
	f("8388608TiB", "")
	f("9223372036854775807", "9223372036854775807")
	f("9223372036854775808", "")
	f("none", "none")
	f("auto", "auto")
	f("Auto", "")
	f("", "")
	f("KiB", "")
	f("01", "")
	f("1_000", "")
	f("+1", "")
	f("1 KiB", "")
	f("1kB", "")
	f("1K", "")
	f("1MiBGiB", "")
	f("1e3", "")
}

func TestCount(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Count), in, want) }
	f("0", "0")
	f("50000000", "50000000")
	f("none", "none")
	f("-1", "")
	f("1k", "")
	f("", "")
}

func TestDuration(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Duration), in, want) }
	f("0s", "0s")
	f("60s", "1m")
	f("1m30s", "1m30s")
	f("1h0m0s", "1h")
	f("1h0m1s", "1h0m1s")
	f("90m", "1h30m")
	f("1.5s", "1.5s")
	f("1.s", "1s")
	f("1h.5m", "1h0m30s")
	f("50ms", "50ms")
	f("10us", "10µs")
	f("10µs", "10µs")
	f("1ns", "1ns")
	f("none", "none")
	f("0", "")
	f("10", "")
	f("1s1", "")
	f(".5s", "")
	f("+1s", "")
	f("-1s", "")
	f("1 s", "")
	f("1d", "")
	f("10000000h", "")
	f("", "")
}

func TestName(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Name), in, want) }
	f("a", "a")
	f("0a.b_c-d", "0a.b_c-d")
	f("a23456789012345678901234567890123456789012345678901234567890123", "a23456789012345678901234567890123456789012345678901234567890123")
	f("a234567890123456789012345678901234567890123456789012345678901234", "")
	f("A", "")
	f("-a", "")
	f(".a", "")
	f("a b", "")
	f("ä", "")
	f("a/b", "")
	f("", "")
}

func TestHost(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Host), in, want) }
	f("*", "*")
	f("shop.example", "shop.example")
	f("Shop.EXAMPLE", "shop.example")
	f("*.Shop.example", "*.shop.example")
	f("bücher.example", "xn--bcher-kva.example")
	f("BÜCHER.example", "xn--bcher-kva.example")
	f("xn--bcher-kva.example", "xn--bcher-kva.example")
	f("*.bücher.example", "*.xn--bcher-kva.example")
	f("localhost", "localhost")
	f("my_service.internal", "my_service.internal")
	f("127.0.0.1", "127.0.0.1")
	f("[::1]", "[::1]")
	f("[0:0:0:0:0:0:0:1]", "[::1]")
	f("[2001:DB8::1]", "[2001:db8::1]")
	f("", "")
	f(".", "")
	f("*.", "")
	f("**", "")
	f("a..b", "")
	f("a.", "")
	f(".a", "")
	f("a-.b", "")
	f("a b", "")
	f("a:80", "")
	f("[::1]:80", "")
	f("[fe80::1%eth0]", "")
	f("*.[::1]", "")
	f("xn--a", "")
	f("a\u200db", "")
	f("u@a", "")
	f("a23456789012345678901234567890123456789012345678901234567890123.b", "a23456789012345678901234567890123456789012345678901234567890123.b")
	f("a234567890123456789012345678901234567890123456789012345678901234.b", "")
}

func TestOriginHost(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(OriginHost), in, want) }
	f("keep", "keep")
	f("Shop.example", "shop.example")
	f("shop.example:8080", "shop.example:8080")
	f("[::1]:80", "[::1]:80")
	f("shop.example:0", "")
	f("shop.example:", "")
	f("*", "")
	f("", "")
}

func TestBaseURL(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(BaseURL), in, want) }
	f("http://a", "http://a")
	f("HTTPS://A.example:8443/", "https://a.example:8443")
	f("http://[::1]:80", "http://[::1]:80")
	f("http://127.0.0.1:9000", "http://127.0.0.1:9000")
	f("a", "")
	f("//a", "")
	f("http:a", "")
	f("http:///a", "")
	f("http://a/b", "")
	f("http://a?", "")
	f("http://a#", "")
	f("http://u@a", "")
	f("http://a:65536", "")
	f("http://a:", "")
	f("http://*", "")
	f("unix:/run/a.sock", "")
	f("http://%zz", "")
}

func TestFetchTarget(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(FetchTarget), in, want) }
	f("shop", "shop")
	f("https://ID.example", "https://id.example")
	f("https://id.example/x", "")
	f("Shop", "")
	if name, ok := FetchTarget("shop").Origin(); !ok || name != "shop" {
		t.Error("shop is the name of an origin")
	}
	if _, ok := FetchTarget("https://id.example").Origin(); ok {
		t.Error("a URL is no origin")
	}
}

func TestAddress(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Address), in, want) }
	f(":8080", ":8080")
	f("127.0.0.1:0", "127.0.0.1:0")
	f("[::1]:9070", "[::1]:9070")
	f("LOCALHOST:1", "localhost:1")
	f("[fe80::1%eth0]:80", "[fe80::1%eth0]:80")
	f("8080", "")
	f("a", "")
	f("", "")
	f("a:http", "")
	f("a:080", "")
	f("::1:80", "")
}

func TestLoopback(t *testing.T) {
	f := func(a Address, want bool) {
		t.Helper()
		if a.Loopback() != want {
			t.Errorf("%s: loopback is %t", a, !want)
		}
	}
	f("127.0.0.1:1", true)
	f("127.8.8.8:1", true)
	f("[::1]:1", true)
	f("[::ffff:127.0.0.1]:1", true)
	f("localhost:1", true)
	f(":1", false)
	f("0.0.0.0:1", false)
	f("[::]:1", false)
	f("10.0.0.1:1", false)
	f("example.com:1", false)
}

func TestPath(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(Path), in, want) }
	f("/", "/")
	f("/*", "/*")
	f("/api/*", "/api/*")
	f("/api*", "/api*")
	f("/a%2Fb", "/a%2Fb")
	f("/a//b", "/a//b")
	f("/a%2fb", "")
	f("/%41", "")
	f("/a%", "")
	f("/a%4", "")
	f("/./a", "")
	f("/a/..", "")
	f("a", "")
	f("*", "")
	f("", "")
	f("/a b", "")
	f("/a\x7f", "")
}

func TestCookieName(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(CookieName), in, want) }
	f("cohort", "cohort")
	f("__Host-id", "__Host-id")
	f("a=b", "")
	f("a;b", "")
	f("", "")
}

func TestFieldName(t *testing.T) {
	f := func(in, want string) { t.Helper(); reads(t, new(FieldName), in, want) }
	f("Shop-Cache-Control", "Shop-Cache-Control")
	f("a b", "")
	f("a:", "")
	f("", "")
}

func TestNearest(t *testing.T) {
	f := func(text, want string, candidates ...string) {
		t.Helper()
		if got := nearest(text, candidates); got != want {
			t.Errorf("nearest to %q is %q, want %q", text, got, want)
		}
	}
	f("orgin", "origin", "name", "origin", "hosts")
	f("htpp", "http", "http", "hosts")
	f("auht", "auth", "ab", "auth")
	f("a", "", "b")
	f("memory", "", "memory")
	f("handler", "", "hosts", "name")
	f("onfailure", "on_failure", "origin", "on_failure")
	f("", "", "a")
}

func TestDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := distance(a, b); got != want {
			t.Errorf("distance of %q and %q is %d, want %d", a, b, got, want)
		}
		if got := distance(b, a); got != want {
			t.Errorf("distance of %q and %q is %d, want %d", b, a, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("abc", "abc", 0)
	f("abc", "abd", 1)
	f("abc", "acb", 1)
	f("kitten", "sitting", 3)
}
