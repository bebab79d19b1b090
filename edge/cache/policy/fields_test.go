package policy

import "testing"

func TestStrip(t *testing.T) {
	f := func(r Rules, want string, lines ...string) {
		t.Helper()
		h := fields(lines...)
		Strip(h, &r)
		if got := text(h); got != want {
			t.Errorf("%q: got %q, want %q", lines, got, want)
		}
	}
	// "Caches MUST include all received response header fields -- including unrecognized ones -- when storing a response...
	// However, the following exceptions are made".
	// https://www.rfc-editor.org/rfc/rfc9111#section-3.1
	f(Rules{}, "X-Foo: 1 | Content-Range: x | Set-Cookie: a=1 | Cache-Control: max-age=1 | X-Foo: 2", "X-Foo: 1", "Content-Range: x", "Set-Cookie: a=1", "Cache-Control: max-age=1", "X-Foo: 2")
	f(Rules{}, "D: 4", "A: 1", "Connection: a, B", "b: 2", "C: 3", "connection:\tclose ,c", "D: 4")
	f(Rules{}, "", "Connection: close", "Keep-Alive: timeout=5", "Proxy-Connection: x", "TE: x", "Transfer-Encoding: chunked", "Upgrade: h2c")
	f(Rules{}, "", "Proxy-Authenticate: x", "Proxy-Authentication-Info: x", "proxy-authorization: x", "Age: 5")
	f(Rules{StripSetCookie: true}, "A: 1", "Set-Cookie: a=1", "A: 1", "set-cookie: b=2", "Set-Cookie2: c=3")
}

func TestMerge(t *testing.T) {
	f := func(want string, stored, fresh []string) {
		t.Helper()
		h := fields(stored...)
		Merge(h, fields(fresh...), &Rules{StripSetCookie: true})
		if got := text(h); got != want {
			t.Errorf("%q with %q: got %q, want %q", stored, fresh, got, want)
		}
	}
	type l = []string
	// "...the cache MUST add each header field in the provided response to the stored response, replacing field values that
	// are already present, with the following exceptions".
	// https://www.rfc-editor.org/rfc/rfc9111#section-3.2
	f("A: 1", l{"A: 1"}, l{})
	f("B: 2 | a: 3", l{"A: 1", "B: 2"}, l{"a: 3"})
	f("A: 1 | B: 2", l{"A: 1"}, l{"B: 2"})
	f("X: 1 | Link: c | Link: d", l{"Link: a", "X: 1", "Link: b"}, l{"Link: c", "Link: d"})
	f("Content-Foo: new | Cache-Control: max-age=9 | Content-Type: b/c | Content-Security-Policy: y", l{"Content-Foo: old", "Cache-Control: max-age=1", "Content-Type: a/b"},
		l{"Content-Foo: new", "Cache-Control: max-age=9", "Content-Type: b/c", "Content-Security-Policy: y"})
	// "The Content-Length header field", "Header fields that the cache's stored response depends upon", and those that
	// are not stored.
	f("Content-Length: 5 | Content-Encoding: gzip | Content-Digest: x", l{"Content-Length: 5", "Content-Encoding: gzip", "Content-Digest: x"},
		l{"Content-Length: 0", "Content-Encoding: br", "Content-Digest: y", "Content-Range: bytes 0-1/2", "Content-MD5: z"})
	f("A: 1", l{"A: 1"}, l{"Connection: A", "A: 2", "Keep-Alive: x", "Proxy-Authenticate: x", "Set-Cookie: a=1", "Transfer-Encoding: chunked"})
	f("A: 1 | B: 2", l{"A: 1", "B: 1"}, l{"Connection: A", "A: 2", "B: 2"})
	f("Digest: 1 | Repr-Digest: 1", l{"Digest: 1", "Repr-Digest: 1"}, l{"Digest: 2", "Repr-Digest: 2"})
	// The age that the response had before says nothing after its validation.
	f("Date: new", l{"Age: 100", "Date: old"}, l{"Date: new"})
	f("Date: new | Age: 5", l{"Age: 100", "Date: old"}, l{"Date: new", "Age: 5"})
}

func TestFreshens(t *testing.T) {
	f := func(want bool, stored, fresh string) {
		t.Helper()
		one := func(s string) []string {
			if s == "" {
				return nil
			}
			return []string{s}
		}
		if got := Freshens(fields(one(stored)...), fields(one(fresh)...)); got != want {
			t.Errorf("%q by %q: got %v", stored, fresh, got)
		}
	}
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4
	f(true, `ETag: "a"`, `ETag: "a"`)
	f(false, `ETag: "a"`, `ETag: "b"`)
	f(false, `ETag: W/"a"`, `ETag: "a"`)
	f(true, `ETag: W/"a"`, `ETag: W/"a"`)
	f(true, `ETag: "a"`, `ETag: W/"a"`)
	f(false, "", `ETag: "a"`)
	f(false, lm, `ETag: "a"`)
	f(true, lm, lm)
	f(false, lm, "Last-Modified: Thu, 13 Aug 2026 12:00:01 GMT")
	f(true, `ETag: "a"`, lm)
	f(true, `ETag: "a"`, "")
}

func TestValidators(t *testing.T) {
	f := func(want string, fetch, stored []string) {
		t.Helper()
		h := fields(fetch...)
		if got, any := Validators(h, fields(stored...)), want != "" && want != "A: 1"; got != any {
			t.Errorf("%q: there are validators: %v", stored, got)
		}
		if got := text(h); got != want {
			t.Errorf("%q: got %q, want %q", stored, got, want)
		}
	}
	type l = []string
	// "MUST send the relevant entity tags... SHOULD send the Last-Modified value".
	// https://www.rfc-editor.org/rfc/rfc9111#section-4.3.1
	f(`A: 1 | If-None-Match: "a" | If-Modified-Since: x`, l{"A: 1"}, l{"Last-Modified: x", `ETag: "a"`})
	f(`If-None-Match: W/"a"`, nil, l{`ETag: W/"a"`})
	f("If-Modified-Since: x", nil, l{"Last-Modified: x"})
	f("A: 1", l{"A: 1", `If-None-Match: "client"`, "If-Modified-Since: y", `If-Match: "z"`, "If-Unmodified-Since: y", "If-Range: y"}, l{"Date: x"})
}
