package pipeline

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wedgecdn/wedge/edge/cache"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A stored response is compressed once for each coding, beside the first hit
// that asks for it; the ones after that get what has been made, with its length,
// until the response is purged or another takes its place.
func TestCodedOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.site([]string{"shop.example", "encode=br,gzip"}, "")
		text := strings.Repeat("a line of text\n", 500)
		w.origin([]string{"/a"}, "200\nCache-Control: max-age=60\nContent-Type: text/plain\nETag: \"1\"\n.\n"+text)
		f := func(what, path, accept, wantContent string, wantLength bool) {
			t.Helper()
			x := w.fill([]string{"GET", path}, "Accept-Encoding: "+accept)
			w.p.Serve(x)
			length, coding := x.Response.ContentLength, strings.Clone(x.Response.Header.Value(exchange.ContentEncoding))
			var b bytes.Buffer
			if _, err := x.Response.Body.WriteTo(&b); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			x.Response.Body.Close()
			if got := string(decoded(t, coding, b.Bytes())); got != wantContent || accept != coding {
				t.Errorf("%s: %d bytes in %q come out as %d", what, b.Len(), coding, len(got))
			}
			if wantLength != (length >= 0) || wantLength && length != int64(b.Len()) {
				t.Errorf("%s: the announced length is %d, %d were sent", what, length, b.Len())
			}
			synctest.Wait()
		}
		f("miss", "/a", "br", text, false)
		f("first hit", "/a", "br", text, false)
		f("second hit", "/a", "br", text, true)
		f("first hit in gzip", "/a", "gzip", text, false)
		f("second hit in gzip", "/a", "gzip", text, true)
		f("third hit", "/a", "br", text, true)
		if n := w.cache.Stats().Store.Objects; n != 3 {
			t.Errorf("%d objects are stored, want the response and two forms of it", n)
		}

		// What was made of the old response is not sent for the new one.
		w.cache.Purge(cache.PurgeRequest{Owner: "default", URL: "http://shop.example/a"})
		other := strings.Repeat("another line\n", 600)
		w.origin([]string{"/a"}, "200\nCache-Control: max-age=60\nContent-Type: text/plain\n.\n"+other)
		f("miss after a purge", "/a", "br", other, false)
		f("hit after a purge", "/a", "br", other, false)
		f("second hit after a purge", "/a", "br", other, true)

		// What does not get shorter is tried once.
		noise := make([]byte, 5000)
		for i := range noise {
			noise[i] = byte(' ' + rand.IntN(224))
		}
		w.origin([]string{"/noise"}, "200\nCache-Control: max-age=60\nContent-Type: text/plain\n.\n"+string(noise))
		f("noise", "/noise", "gzip", string(noise), false)
		f("noise again", "/noise", "gzip", string(noise), false)
		f("noise once more", "/noise", "gzip", string(noise), false)
	})
}

// A function that changes the content for this client changes what is compressed.
func TestCodedNotForChangedContent(t *testing.T) {
	inWorld(t, func(w *world) {
		w.function("own", "on_response: body "+strings.Repeat("mine ", 100))
		w.site([]string{"shop.example", "encode=gzip", "functions=own"}, "")
		w.origin([]string{"/a"}, "200\nCache-Control: max-age=60\nContent-Type: text/plain\n.\n"+strings.Repeat("theirs ", 100))
		for range 4 {
			var b strings.Builder
			w.request(&b, []string{"GET", "/a"}, "Accept-Encoding: gzip")
			if s := b.String(); !strings.Contains(s, "Content-Encoding: gzip") || !strings.Contains(s, "mine mine") || strings.Contains(s, "theirs") {
				t.Errorf("a client got\n%s", s)
			}
		}
	})
}
