package demo

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The scripts of the example functions on a real node: each as it is bound in the demo's wedge.yaml, compiled from examples/ by Go, asked over
// loopback. What the functions do by themselves is tested beside them; here it is what comes out of the whole node.
func TestExamples(t *testing.T) {
	needsExamples(t)
	d := open(t)
	v := newVisitor(d.node.Addr())
	defer v.close()
	get := func(t *testing.T, uri string, fields ...string) *reply {
		t.Helper()
		r := v.get(t.Context(), request{uri: uri, fields: fields})
		if r.err != nil {
			t.Fatalf("%s: %v", uri, r.err)
		}
		return r
	}
	origin := func(t *testing.T, why string, want int, do func()) {
		t.Helper()
		before := d.site.Log.Number()
		do()
		if got := d.site.Log.Number() - before; got != want {
			t.Errorf("%s: %d origin requests, want %d: %v", why, got, want, d.site.Log.Since(before))
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	t.Run("auth", func(t *testing.T) {
		_, other, err := ed25519.GenerateKey(nil)
		must(t, err)
		now, good := time.Now(), d.folder.token
		parts := strings.Split(good, ".")
		f := func(why string, status int, challenge string, fields ...string) {
			t.Helper()
			passes := 0
			if status == 200 {
				passes = 1
			}
			origin(t, why, passes, func() {
				r := get(t, "/members/log", fields...)
				if r.status != status || !strings.Contains(r.header.Get("WWW-Authenticate"), challenge) {
					t.Errorf("%s: %d with challenge %q, want %d with %q", why, r.status, r.header.Get("WWW-Authenticate"), status, challenge)
				}
				if (status == 200) != strings.Contains(r.body, "Wind south-west") || r.hit() {
					t.Errorf("%s: hit %t, body %q", why, r.hit(), r.body)
				}
			})
		}
		token := func(s string) []string { return []string{"Authorization", "Bearer " + s} }
		f("good", 200, "", token(good)...)
		f("good again: past the cache", 200, "", token(good)...)
		f("missing", 401, `Bearer realm="keepers"`)
		f("missing, after good ones", 401, `Bearer realm="keepers"`, "Cookie", "visit=1")
		f("expired", 401, "invalid_token", token(tokenFor(d.folder.key, "orla", now.Add(-time.Hour)))...)
		f("wrong key", 401, "invalid_token", token(tokenFor(other, "orla", now.Add(time.Hour)))...)
		f("alg none", 401, "invalid_token", token(tokenOfNobody("orla", now.Add(time.Hour)))...)
		f("alg none with the good signature", 401, "invalid_token", token(tokenOfNobody("orla", now.Add(time.Hour))+parts[2])...)
		f("HS256 signed with the public key", 401, "invalid_token", token(tokenByPublicKey(d.folder.public, "orla", now.Add(time.Hour)))...)
		f("HS256 signed with the public key, as one line", 401, "invalid_token", token(tokenByPublicKey([]byte(strings.TrimSpace(string(d.folder.public))), "orla", now.Add(time.Hour)))...)
		f("the head of one, the claims of another", 401, "invalid_token", token(parts[0]+"."+strings.Split(tokenFor(other, "root", now.Add(time.Hour)), ".")[1]+"."+parts[2])...)
		f("basic", 401, "Bearer", "Authorization", "Basic b3JsYTpvcmxh")
		f("API key", 200, "", "X-Api-Key", d.folder.apiKey)
		f("unknown API key", 401, "invalid_token", "X-Api-Key", "guess")
		f("the hash in place of the key", 401, "invalid_token", "X-Api-Key", d.hashedKey())
		must(t, d.operator.delete(t.Context(), "api-keys", d.hashedKey()))
		f("revoked API key", 401, "invalid_token", "X-Api-Key", d.folder.apiKey)
		f("two credentials", 400, "invalid_request", "X-Api-Key", d.folder.apiKey, "Authorization", "Bearer "+good)
	})

	t.Run("ab-routing", func(t *testing.T) {
		bodies := map[string]string{}
		for _, cohort := range []string{"night", "coast"} {
			cookie := []string{"Cookie", "theme=dark; " + cohortCookie + "=" + cohort}
			origin(t, "100 requests of "+cohort, 1, func() {
				for i := range 100 {
					r := get(t, "/", cookie...)
					if r.hit() != (i > 0) || r.status != 200 {
						t.Fatalf("request %d of %s: %d, hit %t", i+1, cohort, r.status, r.hit())
					}
					if i > 0 && r.body != bodies[cohort] {
						t.Fatalf("request %d of %s was shown another page", i+1, cohort)
					}
					if value, set := r.cookie(cohortCookie); set {
						t.Fatalf("request %d of %s was drawn again, as %s", i+1, cohort, value)
					}
					bodies[cohort] = r.body
				}
			})
		}
		if bodies["night"] == bodies["coast"] {
			t.Error("both cohorts see the same page")
		}
		origin(t, "a cohort that does not exist", 0, func() {
			r := get(t, "/", "Cookie", cohortCookie+"=gold")
			if cohort, _ := r.cookie(cohortCookie); r.body != bodies[cohort] || cohort == "" {
				t.Errorf("a made up cohort was drawn as %q, and not shown that page", cohort)
			}
		})
	})

	t.Run("headers", func(t *testing.T) {
		for _, uri := range []string{"/", "/lights/", "/lights/saint-orla", "/search?q=a", "/assets/site.css", "/api/lights.json"} {
			for i := range 3 {
				r := get(t, uri, "Cookie", fmt.Sprintf("%s=night; visit=%d", cohortCookie, i))
				if i > 0 && !r.hit() {
					t.Errorf("%s: request %d is no hit: %q", uri, i+1, r.header.Get("Cache-Status"))
				}
				for _, name := range []string{"Set-Cookie", "Server", "X-Powered-By"} {
					if got, ok := r.header[name]; ok {
						t.Errorf("%s: request %d has %s: %q", uri, i+1, name, got)
					}
				}
				if r.header.Get("Content-Security-Policy") != "default-src 'self'" || r.header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: request %d is not protected: %v", uri, i+1, r.header)
				}
			}
		}
	})

	t.Run("cache-key", func(t *testing.T) {
		origin(t, "five spellings", 1, func() {
			first := get(t, "/search?q=sound&sort=year")
			for _, uri := range []string{"/search?sort=year&q=sound", "/search?utm_medium=x&q=sound&sort=year", "/search?q=sound&&gclid=1&sort=year", "/search?sort=year&q=sound&fbclid=2&utm_id=3"} {
				if r := get(t, uri); !r.hit() || r.body != first.body {
					t.Errorf("%s: hit %t, the same page %t", uri, r.hit(), r.body == first.body)
				}
			}
		})
		origin(t, "other values", 2, func() { get(t, "/search?q=sound&sort=height"); get(t, "/search?q=Sound&sort=year") })
	})

	t.Run("kv-redirects", func(t *testing.T) {
		f := func(rule, uri string, status int, location string) {
			t.Helper()
			if rule != "" {
				must(t, d.operator.put(t.Context(), "redirects", "/r", rule))
			}
			if r := get(t, uri); r.status != status || r.header.Get("Location") != location {
				t.Errorf("%q, %s: %d to %q, want %d to %q", rule, uri, r.status, r.header.Get("Location"), status, location)
			}
		}
		f("", "/r", 404, "")
		f("/lights/", "/r", 302, "/lights/")
		f("301 /lights/old-thumb", "/r", 301, "/lights/old-thumb")
		f("", "/r?x=1", 301, "/lights/old-thumb?x=1")
		f("308 https://far-lights.example/", "/r", 308, "https://far-lights.example/")
		f("", "/lighthouses//evil.example", 301, "/lights/evil.example")
		must(t, d.operator.delete(t.Context(), "redirects", "/r"))
		f("", "/r", 404, "")
	})
}
