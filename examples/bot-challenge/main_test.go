package main

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	wedge "github.com/wedgecdn/wedge/sdk/go"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request") }

func newNode(t *testing.T) *wedgetest.Node {
	n := wedgetest.New(t)
	n.Secrets["key"] = "nobody knows it"
	n.Config["zeros"] = "6"
	return n
}

const html = "text/html,*/*"

func ask(n *wedgetest.Node, address, target, accept, pass string) (string, *wedgetest.Exchange) {
	x := n.Exchange("GET", "https://a.example"+target)
	x.Client = map[wedge.Fact]string{wedge.Address: address}
	x.Request.Header.Add("Accept", accept)
	if pass != "" {
		x.Request.Header.Add("Cookie", cookie+"="+pass)
	}
	got := x.OnRequest(onRequest).String()
	if got == "answered" {
		got = fmt.Sprint(x.Response.Status, " ", x.Response.Header.Value("Content-Type"))
	}
	return strings.TrimSpace(got), x
}

var inPage = regexp.MustCompile(`const challenge = "([0-9]+\.[A-Za-z0-9_-]{43})", zeros = ([0-9]+)`)

// solve does what the page's script does, and returns the target that it then asks for.
func solve(t *testing.T, page []byte) (stamp, target string) {
	t.Helper()
	m := inPage.FindSubmatch(page)
	if m == nil {
		t.Fatalf("no challenge in\n%s", page)
	}
	for i := 0; ; i++ {
		if sum := sha256.Sum256(fmt.Appendf(nil, "%s.%d", m[1], i)); leadingZeros(sum[:]) >= 6 {
			return string(m[1]), fmt.Sprintf("%s?challenge=%s&number=%d", answerPath, m[1], i)
		}
	}
}

func TestChallenge(t *testing.T) {
	n := newNode(t)
	f := func(address, target, accept, pass, want string) *wedgetest.Exchange {
		t.Helper()
		got, x := ask(n, address, target, accept, pass)
		if got != want {
			t.Errorf("%s %s from %s: %s, want %s\n%s", accept, target, address, got, want, n.LogText())
		}
		return x
	}
	const orla, eve = "192.0.2.1", "192.0.2.66"
	const page, refusal, passed, wrong = "403 text/html; charset=utf-8", "403 text/plain; charset=utf-8", "204", "403"
	f(orla, "/data.json", "application/json", "", refusal)
	x := f(orla, "/", html, "", page)
	stamp, answer := solve(t, x.Response.Body)
	f(orla, answerPath, html, "", wrong)
	f(orla, answerPath+"?challenge="+stamp+"&number=x", html, "", wrong)
	f(orla, answerPath+"?challenge="+stamp+"&number=00", html, "", wrong)
	f(orla, answerPath+"?challenge=9"+stamp+"&number=1", html, "", wrong)
	f(eve, answer, html, "", wrong) // solved elsewhere
	x = f(orla, answer, html, "", passed)
	set := x.Response.Header.Value("Set-Cookie")
	pass, attributes, _ := strings.Cut(strings.TrimPrefix(set, cookie+"="), "; ")
	if attributes != "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400" {
		t.Errorf("Set-Cookie: %s", set)
	}
	f(orla, "/", html, pass, "go on")
	f(orla, "/data.json", "application/json", pass, "go on")
	f(eve, "/", html, pass, page) // a pass is good for one address
	f(orla, "/", html, stamp, page)
	f(orla, "/", html, "x", page)
	f(orla, "/", html, "99999999999.x", page)
	n.Config["free"] = "/robots.txt, /feed/"
	f(eve, "/robots.txt", "*/*", "", "go on")
	f(eve, "/feed/1", "*/*", "", "go on")
	f(eve, "/feed", "*/*", "", refusal)
	n.Now = n.Now.Add(6 * time.Minute)
	f(orla, answer, html, "", wrong) // too late
	f(orla, "/", html, pass, "go on")
	n.Now = n.Now.Add(24 * time.Hour)
	f(orla, "/", html, pass, page)
	if n.Counts["passed"] != 1 {
		t.Errorf("%d passed, want 1", n.Counts["passed"])
	}
}

func TestSettings(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		n := newNode(t)
		n.Config[name] = value
		if got, _ := ask(n, "192.0.2.1", "/", html, ""); got != "failed" || !strings.Contains(n.LogText(), want) {
			t.Errorf("%s %q: %s\n%s", name, value, got, n.LogText())
		}
	}
	f("zeros", "0", "config zeros: a number of bits from 1 to 28")
	f("zeros", "29", "config zeros: a number of bits from 1 to 28")
	f("life", "59", "config life: a number of seconds from 60 to 2592000")
	n := newNode(t)
	delete(n.Secrets, "key")
	if got, _ := ask(n, "192.0.2.1", "/", html, ""); got != "failed" || !strings.Contains(n.LogText(), `hmac with secret "key"`) {
		t.Errorf("without a key: %s\n%s", got, n.LogText())
	}
}
