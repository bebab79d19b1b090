package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_request") }

// sign is how a site signs, as the README has it.
func sign(key, host, what string, until int64, rest string) string {
	m := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(m, "%s\n%s\n%d\n%s", host, what, until, rest)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func TestAdmit(t *testing.T) {
	const key, host = "a key of which nobody knows anything", "a.example"
	n := wedgetest.New(t)
	n.Secrets["key"] = key
	now := n.Now.Unix()
	query := ""
	f := func(target, want string) {
		t.Helper()
		n.Config["query"] = query
		x := n.Exchange("GET", "https://"+host+target)
		got := x.OnRequest(onRequest).String()
		switch got {
		case "answered":
			got = fmt.Sprint(x.Response.Status, " ", strings.TrimSpace(string(x.Response.Body)))
		case "go on":
			got = x.Request.URI()
		}
		if got != want {
			t.Errorf("%s: %s, want %s\n%s", target, got, want, n.LogText())
		}
	}
	const forged, expired = "403 the signature is not good for this address", "410 this link has expired"
	one := func(path, rest string, until int64) string {
		return fmt.Sprintf("expires=%d&signature=%s", until, sign(key, host, path, until, rest))
	}
	good := one("/film.mp4", "", now+60)
	f("/film.mp4?"+good, "/film.mp4")
	f("/film.mp4", "403 this address needs a signature")
	f("/film.mp4?", "403 this address needs a signature")
	f("/other.mp4?"+good, forged)
	f("/film.mp4?"+strings.Replace(good, fmt.Sprint(now+60), fmt.Sprint(now+61), 1), forged)
	f("/film.mp4?"+good+"&q=1", forged) // the rest is signed too
	f("/film.mp4?"+good+"A", forged)
	f("/film.mp4?"+good+"%3D", forged)
	f("/film.mp4?expires=soon&signature=x", "400 expires is no number of seconds since 1970")
	f("/film.mp4?signature=x", "400 expires is no number of seconds since 1970")
	f("/film.mp4?"+good+"&expires=99999999999", "400 a parameter of the signature stands twice")
	f("/film.mp4?"+good+"&signature=x", "400 a parameter of the signature stands twice")
	f("/film.mp4?"+one("/film.mp4", "", now), expired)
	f("/film.mp4?"+one("/film.mp4", "", now-60), expired)
	f("/film.mp4?q=1&"+one("/film.mp4", "q=1&r=2", now+60)+"&r=2", "/film.mp4?q=1&r=2")

	// A whole folder, for a player that asks for its pieces.
	folder := fmt.Sprintf("prefix=/films/7/&expires=%d&signature=%s", now+60, sign(key, host, "/films/7/*", now+60, ""))
	f("/films/7/1.ts?"+folder, "/films/7/1.ts")
	f("/films/7/a/b.ts?"+folder+"&piece=9", "/films/7/a/b.ts?piece=9")
	f("/films/70/1.ts?"+folder, forged)
	f("/films/7/..;/8/1.ts?"+folder, forged)
	f("/films/7/..;x=1?"+folder, forged)
	f("/films/7/a..b/c.;x/1..ts?"+folder, "/films/7/a..b/c.;x/1..ts")
	f("/films/7?"+folder, forged)
	f("/films/7/1.ts?"+strings.Replace(folder, "/films/7/", "/films/", 1), forged)
	f("/films/7/1.ts?"+strings.Replace(folder, "/films/7/", "/", 1), forged)

	query = "free"
	f("/film.mp4?w=640&"+good, "/film.mp4?w=640")

	put := n.Exchange("PUT", "https://a.example/film.mp4?"+good)
	if got := put.OnRequest(onRequest); got != wedgetest.Answered || put.Response.Status != 403 {
		t.Errorf("PUT: %v, %d", got, put.Response.Status)
	}

	// What belongs to another host is no good here.
	x := n.Exchange("GET", "https://b.example/film.mp4?"+good)
	if got := x.OnRequest(onRequest); got != wedgetest.Answered || x.Response.Status != 403 {
		t.Errorf("on another host: %v, %d", got, x.Response.Status)
	}
	n.Now = n.Now.Add(time.Minute)
	f("/film.mp4?"+good, expired)
}

// Without a key nobody passes, and the log says why.
func TestNoKey(t *testing.T) {
	n := wedgetest.New(t)
	x := n.Exchange("GET", "https://a.example/?expires=99999999999&signature=AAAA")
	if got := x.OnRequest(onRequest); got != wedgetest.Failed || !strings.Contains(n.LogText(), `hmac with secret "key"`) {
		t.Errorf("%v\n%s", got, n.LogText())
	}
}
