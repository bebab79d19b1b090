package main

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request", "on_response") }

// What browsers send for pictures.
const (
	chrome = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
	safari = "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
	old    = "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
)

func TestChoose(t *testing.T) {
	n := wedgetest.New(t)
	f := func(target, want string, fields ...string) {
		t.Helper()
		x := n.Exchange("GET", "https://a.example"+target)
		for i := 0; i < len(fields); i += 2 {
			x.Request.Header.Add(fields[i], fields[i+1])
		}
		if got := x.OnRequest(onRequest); got != wedgetest.GoOn || x.Request.URI() != want {
			t.Errorf("%s %q: %v, %s, want %s\n%s", target, fields, got, x.Request.URI(), want, n.LogText())
		}
	}
	f("/cat.jpg", "/cat.jpg?format=avif", "Accept", chrome)
	f("/cat.jpg", "/cat.jpg?format=avif", "Accept", safari)
	f("/cat.jpg", "/cat.jpg?format=original", "Accept", old)
	f("/cat.jpg", "/cat.jpg?format=original")
	f("/cat.PNG", "/cat.PNG?format=webp", "Accept", "image/avif;q=0, image/webp;q=0.5")
	f("/cat.png", "/cat.png?format=webp", "Accept", "image/avif; v=1 ;Q=0.0", "Accept", "IMAGE/WEBP")
	f("/cat.jpg?width=7&format=bmp&x=1", "/cat.jpg?format=original") // what a client asks for is not what it gets
	f("/cat.svg", "/cat.svg", "Accept", chrome)
	f("/cat", "/cat", "Accept", chrome)
	f("/page.html?width=7", "/page.html?width=7", "Accept", chrome)

	f("/cat.jpg", "/cat.jpg?format=original&width=640", "Sec-CH-Width", "600")
	f("/cat.jpg", "/cat.jpg?format=original&width=640", "Sec-CH-Width", "640")
	f("/cat.jpg", "/cat.jpg?format=original&width=1024", "Sec-CH-Width", "641")
	f("/cat.jpg", "/cat.jpg?format=original&width=2560", "Sec-CH-Width", "9000")
	f("/cat.jpg", "/cat.jpg?format=original&width=1024", "Sec-CH-DPR", "2.5", "Sec-CH-Viewport-Width", "400")
	f("/cat.jpg", "/cat.jpg?format=original&width=640", "Sec-CH-Viewport-Width", "400")
	f("/cat.jpg", "/cat.jpg?format=original&width=320", "Sec-CH-Width", "2000", "Save-Data", "on")
	for _, bad := range []string{"", "0", "-1", "NaN", "Inf", "1e9", "wide", "600px"} {
		f("/cat.jpg", "/cat.jpg?format=original", "Sec-CH-Width", bad)
	}
	n.Config["formats"], n.Config["widths"] = "webp", ""
	f("/cat.jpg", "/cat.jpg?format=webp", "Accept", chrome, "Sec-CH-Width", "600")
}

func TestTell(t *testing.T) {
	n := wedgetest.New(t)
	f := func(target, vary string) {
		t.Helper()
		x := n.Exchange("GET", "https://a.example"+target)
		x.OnRequest(onRequest)
		x.Respond(200, "", "Vary", "Origin")
		if got := x.OnResponse(onResponse); got != wedgetest.GoOn || strings.Join(x.Response.Header.Values("Vary"), " | ") != vary {
			t.Errorf("%s: %v, Vary %q\n%s", target, got, x.Response.Header.Values("Vary"), n.LogText())
		}
	}
	f("/cat.jpg", "Origin | Accept, Save-Data, Sec-CH-DPR, Sec-CH-Viewport-Width, Sec-CH-Width")
	f("/page.html", "Origin")
}

func TestBadWidths(t *testing.T) {
	for _, widths := range []string{"wide", "640,320", "0", "320,320", "-1"} {
		n := wedgetest.New(t)
		n.Config["widths"] = widths
		if got := n.Exchange("GET", "https://a.example/cat.jpg").OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), "config widths: numbers of pixels") {
			t.Errorf("%q: %v\n%s", widths, got, n.LogText())
		}
	}
}
