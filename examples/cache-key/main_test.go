package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/examples/internal/built"
	wedge "github.com/wedgecdn/wedge/sdk/go"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request") }

func TestQuery(t *testing.T) {
	n := wedgetest.New(t)
	f := func(uri, want string, settings ...string) {
		t.Helper()
		clear(n.Config)
		for i := 0; i+1 < len(settings); i += 2 {
			n.Config[settings[i]] = settings[i+1]
		}
		x := n.Exchange("GET", "https://shop.example"+uri)
		if got := x.OnRequest(onRequest); got != wedgetest.GoOn || x.Request.URI() != want {
			t.Errorf("%s %q: %v, %s, want %s\n%s", uri, settings, got, x.Request.URI(), want, n.LogText())
		}
	}
	// Five spellings, one URL.
	const one = "/p?a=1&b=2"
	f("/p?a=1&b=2", one)
	f("/p?b=2&a=1", one)
	f("/p?utm_source=x&b=2&utm_medium=&a=1&gclid=abc", one)
	f("/p?&a=1&&b=2&", one)
	f("/p?%61=1&b=2&%75tm_campaign=x&fbclid", one)

	f("/p", "/p")
	f("/p?", "/p")
	f("/p?utm_source=x", "/p")
	f("/p?utm_source", "/p")
	f("/p?utmost=1", "/p?utmost=1")
	f("/p?UTM_source=x", "/p?UTM_source=x") // names are case-sensitive
	f("/p?b&a", "/p?a&b")
	f("/p?x=2&x=1&a", "/p?a&x=2&x=1")
	f("/p?q=a%26utm_x=1", "/p?q=a%26utm_x=1") // an encoded "&" separates nothing
	f("/p?a=%2f", "/p?a=%2F")
	f("/p?session=1&a=1", "/p?a=1", "drop_also", "session sid_*")
	f("/p?gclid=1&session=1", "/p?gclid=1", "drop", "session")
	f("/p?q=1&page=2&junk=3&utm_x=1", "/p?page=2&q=1", "only", "q page utm_*")
	f("/p?"+strings.Repeat("b&a&", 1000), "/p?"+strings.TrimSuffix(strings.Repeat("a&", 1000)+strings.Repeat("b&", 1000), "&"))
}

// With rewrite off, the origin sees what came, and the key is told.
func TestKeyOnly(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["rewrite"], n.Config["drop"] = "false", "utm_* gclid"
	x := n.Exchange("GET", "https://shop.example/p?gclid=1&b&a")
	if got := x.OnRequest(onRequest); got != wedgetest.GoOn || x.Request.URI() != "/p?gclid=1&b&a" || fmt.Sprint(x.Key.Ignore) != "[utm_* gclid]" || !x.Key.SortQuery {
		t.Errorf("%v, %s, %+v\n%s", got, x.Request.URI(), x.Key, n.LogText())
	}
	if n := len(strings.Fields(tracking)); n > 40 {
		t.Errorf("%d names are dropped by default: a key takes 64, and operators add some", n)
	}
}

func TestDevice(t *testing.T) {
	n := wedgetest.New(t)
	n.Config["device"] = "true"
	f := func(agent, want string) {
		t.Helper()
		x := n.Exchange("GET", "https://shop.example/")
		x.Request.Header.Add("User-Agent", agent)
		x.Request.Header.Add("X-Device-Class", "made-up")
		if got := x.OnRequest(onRequest); got != wedgetest.GoOn || fmt.Sprint(x.Key.Parts) != "[{device "+want+"}]" || strings.Join(x.Request.Header.Values("X-Device-Class"), ",") != want {
			t.Errorf("%s: %v, %v, field %q, want %s", agent, got, x.Key.Parts, x.Request.Header.Values("X-Device-Class"), want)
		}
	}
	f("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "desktop")
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "mobile")
	f("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36", "mobile")
	f("Mozilla/5.0 (Linux; Android 15; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36", "tablet")
	f("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148", "tablet")
	f("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot")
	f("", "desktop")
	f(strings.Repeat("x", 30000)+"bot", "desktop")
	f("mobile-evil\t\"key\"", "mobile")

	x := n.Exchange("GET", "https://shop.example/")
	x.Client[wedge.Device] = "bot" // the node knows better
	x.Request.Header.Add("User-Agent", "iPhone")
	if x.OnRequest(onRequest); fmt.Sprint(x.Key.Parts) != "[{device bot}]" {
		t.Errorf("key %v, want what the node says", x.Key.Parts)
	}
	n.Config["device"] = "false"
	x = n.Exchange("GET", "https://shop.example/")
	if x.OnRequest(onRequest); len(x.Key.Parts) != 0 {
		t.Errorf("key %v, want no device in it", x.Key.Parts)
	}
}

func TestBadSettings(t *testing.T) {
	f := func(want string, settings ...string) {
		t.Helper()
		n := wedgetest.New(t)
		for i := 0; i+1 < len(settings); i += 2 {
			n.Config[settings[i]] = settings[i+1]
		}
		if got := n.Exchange("GET", "https://shop.example/").OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), want) {
			t.Errorf("%q: %v\n%s", settings, got, n.LogText())
		}
	}
	f("config rewrite", "rewrite", "no")
	f("config device", "device", "yes")
	f("config only", "rewrite", "false", "only", "q")
}
