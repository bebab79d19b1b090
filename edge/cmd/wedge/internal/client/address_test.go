package client

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got, err := ParseAddress(in); err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	f("127.0.0.1:9070", "http://127.0.0.1:9070")
	f("127.0.0.1", "http://127.0.0.1:9070")
	f(":9071", "http://127.0.0.1:9071")
	f("0.0.0.0:9071", "http://127.0.0.1:9071")
	f("[::]:9071", "http://[::1]:9071")
	f("[::1]:9071", "http://[::1]:9071")
	f("::1", "http://[::1]:9070")
	f("[0:0::1]", "http://[::1]:9070")
	f("Node.Example", "http://node.example:9070")
	f("http://node.example", "http://node.example")
	f("https://node.example", "https://node.example")
	f("https://node.example:8443/", "https://node.example:8443")
	f("HTTPS://NODE.example", "https://node.example")
	f("localhost:09070", "http://localhost:9070")
}

func TestParseAddressErrors(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got, err := ParseAddress(in); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "node ") {
			t.Errorf("ParseAddress(%q) = %q, %v; want an error with %q", in, got, err, want)
		}
	}
	f("", "there is no host")
	f("http://", "there is no host")
	f("ftp://node.example", "neither http nor https")
	f("node.example:", "the port is missing")
	f("node.example:0", `"0" is no port`)
	f("node.example:65536", `"65536" is no port`)
	f("node.example:http", `"http" is no port`)
	f("http://user@node.example", "is no host")
	f("http://node.example/v1", "is no host")
	f("node.example?x", "is no host")
	f("a:b:1", "is no host")
	f("[node]:1", "is no address")
	f("[::1:1", "is no address")
	f("[fe80::1%eth0]:1", "is no address")
	f("no de", "is no host")
	f("h\r\nx", "is no host")
	f("x://", "neither http nor https")
}

// What is accepted is a URL of scheme, host and port, that means the same when it is read again.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"127.0.0.1:9070", ":1", "[::1]:1", "https://node.example", "a:b", "::", "http://[::]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base, err := ParseAddress(s)
		if err != nil {
			return
		}
		u, err := url.Parse(base)
		if err != nil || u.Scheme+"://"+u.Host != base || u.Hostname() == "" || u.User != nil {
			t.Fatalf("%q became %q, which is read as %+v, %v", s, base, u, err)
		}
		if again, err := ParseAddress(base); err != nil || again != base {
			t.Fatalf("%q became %q, and that %q, %v", s, base, again, err)
		}
	})
}
