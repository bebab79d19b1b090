package node

import (
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

// fieldsOf reads "Name: value | Name: value".
func fieldsOf(s string) *exchange.Header {
	h := new(exchange.Header)
	for l := range strings.SplitSeq(s, " | ") {
		if name, value, found := strings.Cut(l, ": "); found {
			h.Add(name, value)
		}
	}
	return h
}

// What functions that keep responses are told is what the edge's own cache does.
func TestGuestCaching(t *testing.T) {
	var g guestCaching
	now := time.Unix(1_800_000_000, 0)
	judge := func(method, request string, status int, response, want string) {
		t.Helper()
		k := g.Judge(&services.CachedRequest{Method: method, Header: fieldsOf(request)}, status, fieldsOf(response), now)
		var got []string
		word := func(yes bool, s string) {
			if yes {
				got = append(got, s)
			}
		}
		word(k.Store, "store")
		word(k.Alone, "alone")
		word(k.Said, k.Lifetime.String())
		word(k.Age > 0, "age "+k.Age.String())
		word(k.WhileRevalidate > 0, "refresh "+k.WhileRevalidate.String())
		word(k.IfError > 0, "error "+k.IfError.String())
		word(k.ForAuthorized, "authorized")
		word(k.NeverStale, "never stale")
		word(len(k.Vary) > 0, "vary "+strings.Join(k.Vary, ","))
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s %q %d %q: %s, want %s", method, request, status, response, s, want)
		}
	}
	judge("GET", "", 200, "Cache-Control: max-age=60", "store 1m0s")
	judge("GET", "", 200, "Cache-Control: max-age=60 | Surrogate-Control: max-age=90", "store 1m30s")
	judge("GET", "", 200, "Cache-Control: max-age=60, stale-while-revalidate=5, stale-if-error=7 | Age: 3", "store 1m0s age 3s refresh 5s error 7s")
	judge("GET", "", 200, "Cache-Control: public, max-age=60, must-revalidate, stale-if-error=7", "store 1m0s authorized never stale")
	judge("GET", "", 200, "Cache-Control: no-cache, max-age=60 | ETag: \"a\"", "store 0s never stale")
	judge("GET", "", 200, "Cache-Control: max-age=60 | Vary: Accept, Lang", "store 1m0s vary accept,lang")
	judge("GET", "", 200, "", "")
	judge("GET", "", 200, "Cache-Control: private, max-age=60", "1m0s")
	judge("GET", "", 200, "Cache-Control: max-age=60 | Set-Cookie: a=b", "1m0s")
	judge("GET", "", 200, "Cache-Control: max-age=60 | Vary: *", "1m0s")
	judge("HEAD", "", 200, "Cache-Control: max-age=60", "alone 1m0s")
	judge("GET", "Authorization: Basic YQ==", 200, "Cache-Control: max-age=60", "alone 1m0s")
	judge("GET", "Cache-Control: no-store", 200, "Cache-Control: max-age=60", "alone 1m0s")

	cacheable := func(method, request string, want bool) {
		t.Helper()
		if got := g.Cacheable(&services.CachedRequest{Method: method, Header: fieldsOf(request)}); got != want {
			t.Errorf("%s %q: %v", method, request, got)
		}
	}
	cacheable("GET", "", true)
	cacheable("HEAD", "", true)
	cacheable("POST", "", false)
	cacheable("GET", "If-Match: \"a\"", false)

	use := func(request string, age time.Duration, k services.Kept, want services.Use) {
		t.Helper()
		k.Since = now
		if got := g.Use(&services.CachedRequest{Method: "GET", Header: fieldsOf(request)}, &k, now.Add(age)); got != want {
			t.Errorf("%q after %v: %d, want %d", request, age, got, want)
		}
	}
	k := services.Kept{Lifetime: time.Minute, Age: 10 * time.Second, WhileRevalidate: time.Minute, IfError: time.Hour}
	use("", 49*time.Second, k, services.UseFresh)
	use("", 51*time.Second, k, services.UseAndRefresh)
	use("", 2*time.Minute, k, services.UseOnError)
	use("", 2*time.Hour, k, services.UseConfirmed)
	use("Cache-Control: no-cache", 0, k, services.UseOnError)
	use("Cache-Control: max-stale=60", 51*time.Second, k, services.UseStale)
	k.NeverStale = true
	use("Cache-Control: max-stale=60", 51*time.Second, k, services.UseAndRefresh)
	use("Cache-Control: max-stale", 2*time.Hour, k, services.UseConfirmed)
	use("Cache-Control: max-stale=60", 49*time.Second, k, services.UseFresh)
	k.NeverStale = false
	use("Authorization: Basic YQ==", 0, k, services.NoUse)
	k.ForAuthorized = true
	use("Authorization: Basic YQ==", 0, k, services.UseFresh)

	choose := func(method, request string, length int64, want services.Selected) {
		t.Helper()
		h := fieldsOf("ETag: \"a\" | Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT")
		if got := g.Select(&services.CachedRequest{Method: method, Header: fieldsOf(request)}, 200, h, length, now); got != want {
			t.Errorf("%s %q of %d: %+v, want %+v", method, request, length, got, want)
		}
	}
	whole := services.Selected{Status: 200, Last: -1}
	choose("GET", "", 10, whole)
	choose("GET", "If-None-Match: \"a\"", 10, services.Selected{Status: 304})
	choose("GET", "Range: bytes=2-4", 10, services.Selected{Status: 206, First: 2, Last: 4, ContentRange: "bytes 2-4/10"})
	choose("GET", "Range: bytes=12-", 10, services.Selected{Status: 416, ContentRange: "bytes */10"})
	choose("GET", "Range: bytes=2-4 | If-Range: \"b\"", 10, whole)
	choose("GET", "Range: bytes=2-4", -1, whole)
	choose("HEAD", "Range: bytes=2-4", 10, whole)

	stored := fieldsOf("ETag: \"a\" | X-One: 1")
	if g.Confirm(stored, fieldsOf("ETag: \"b\" | X-One: 2")) || stored.Len() != 2 {
		t.Error("a 304 of another response confirmed it")
	}
	if !g.Confirm(stored, fieldsOf("ETag: \"a\" | X-One: 2")) {
		t.Error("a 304 did not confirm")
	}
	if v, _ := stored.Named("x-one"); v != "2" {
		t.Errorf("confirmed: %q", v)
	}
}
