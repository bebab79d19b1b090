package key

import "testing"

func TestParseURL(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		got := ""
		if u, err := ParseURL(s); err != nil {
			got = err.Error()
		} else {
			got = u.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	f("https://shop.example/a?b=1", "https://shop.example/a?b=1")
	f("HTTPS://Shop.Example:443/A?B#c", "https://shop.example/A?B")
	f("http://shop.example.:80", "http://shop.example/")
	f("http://shop.example:443/", "http://shop.example:443/")
	f("https://shop.example:80/", "https://shop.example:80/")
	f("https://shop.example:/", "https://shop.example/")
	f("https://shop.example?a", "https://shop.example/?a")
	f("https://shop.example/a?", "https://shop.example/a?")
	f("https://shop.example/img/", "https://shop.example/img/")
	f("https://[::1]:8443/a", "https://[::1]:8443/a")
	f("https://[::1]:443", "https://[::1]/")
	for _, s := range []string{"", "shop.example/a", "/a", "ftp://shop.example/", "https:/shop.example", "://x/"} {
		f(s, ErrScheme.Error())
	}
	for _, s := range []string{"https://", "https:///a", "https://:443/", "https://./", "https://user@shop.example/", "https://shop .example/", `https://a\b/`} {
		f(s, ErrHost.Error())
	}
}

func TestAppendURL(t *testing.T) {
	for want, hasQuery := range map[string]bool{"x https://h/a?": true, "x https://h/a": false} {
		if got := string(AppendURL([]byte("x "), "https", "h", "/a", "", hasQuery)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
