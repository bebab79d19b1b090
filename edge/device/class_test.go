package device

import (
	"strings"
	"testing"
)

func TestClass(t *testing.T) {
	f := func(want, ua string) {
		t.Helper()
		if got := Class(ua); got != want {
			t.Errorf("%q: got %q, want %q", ua, got, want)
		}
	}
	f(Desktop, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36")
	f(Desktop, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15")
	f(Desktop, "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0")
	f(Mobile, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1")
	f(Mobile, "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36")
	f(Tablet, "Mozilla/5.0 (Linux; Android 13; SM-X900) AppleWebKit/537.36 Chrome/120.0 Safari/537.36")
	f(Tablet, "Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 Version/16.0 Mobile/15E148 Safari/604.1")
	f(Bot, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
	f(Bot, "Mozilla/5.0 (Linux; Android 6.0.1) Mobile Safari (compatible; BINGBOT/2.0)")
	f(Mobile, "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36")
	f(Bot, "Mozilla/5.0 (Linux; Android 11; CUBOT) Mobile (compatible; AdsBot)")
	f(Bot, "bot")
	f(Desktop, "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; .NET CLR 2.0.50727; Tablet PC 2.0)")
	f("", "curl/8.5.0")
	f("", "")
	f("", strings.Repeat("x", maxLook)+" iPhone")
}

func TestClassAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Class("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0") }); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
