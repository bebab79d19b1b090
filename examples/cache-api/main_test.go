package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wedge "github.com/wedgecdn/wedge/sdk/go"

	"github.com/wedgecdn/wedge/examples/internal/built"
	"github.com/wedgecdn/wedge/sdk/go/wedgetest"
)

func TestBuild(t *testing.T) { built.Exports(t, "on_response") }

type world struct {
	t     *testing.T
	n     *wedgetest.Node
	asked []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, n: wedgetest.New(t)}
	w.n.Origin("cms", func(r *wedgetest.FetchRequest) *wedgetest.FetchResponse {
		w.asked = append(w.asked, strings.TrimSpace(r.Target+" "+r.Header.Value("X-User")))
		if r.Target == "/gone" {
			return &wedgetest.FetchResponse{Status: 404}
		}
		return &wedgetest.FetchResponse{Status: 200, Body: fmt.Sprintf("[%s %d %s]", r.Target, len(w.asked), r.Header.Value("X-User"))}
	})
	return w
}

func (w *world) page(body string, fields ...string) string {
	w.t.Helper()
	x := w.n.Exchange("GET", "https://a.example/")
	for i := 0; i < len(fields); i += 2 {
		x.Request.Header.Add(fields[i], fields[i+1])
	}
	x.Respond(200, body, "Content-Type", "text/html; charset=utf-8", "ETag", `"1"`, "Cache-Control", "max-age=86400")
	if got := x.OnResponse(onResponse); got != wedgetest.GoOn {
		w.t.Fatal(got, w.n.LogText())
	}
	if h := x.Response.Header; h.Has("ETag") || h.Value("Cache-Control") != "private, no-cache" {
		w.t.Errorf("the page leaves with %v", h)
	}
	return string(x.Response.Body)
}

func (w *world) want(body, want string, fields ...string) {
	w.t.Helper()
	if got := w.page(body, fields...); got != want {
		w.t.Errorf("%s\n got %s\nwant %s\n%s", body, got, want, w.n.LogText())
	}
}

func TestFragments(t *testing.T) {
	w := newWorld(t)
	const news = `<h1>Now</h1><!--fragment origin=cms path=/news ttl=30 tag=news--><hr>`
	w.want(news, "<h1>Now</h1>[/news 1 ]<hr>")
	w.want(news, "<h1>Now</h1>[/news 1 ]<hr>") // kept
	w.n.Now = w.n.Now.Add(31 * time.Second)
	w.want(news, "<h1>Now</h1>[/news 2 ]<hr>")
	purge := func() int32 {
		return wedge.OnRequest(func(*wedge.RequestHook) error {
			_, err := wedge.PurgeTag("news", false)
			return err
		})
	}
	if got := w.n.Exchange("POST", "https://a.example/").OnRequest(purge); got != wedgetest.GoOn {
		t.Fatal(got, w.n.LogText())
	}
	w.want(news, "<h1>Now</h1>[/news 3 ]<hr>")
	w.want(`<!--fragment origin=cms path=/a--><!--fragment origin=cms path=/b-->`, "[/a 4 ][/b 5 ]")
	w.want(`<!--fragment path=/a  origin=cms -->`, "[/a 4 ]")
}

// What is for one user is asked for each time, and never kept.
func TestPersonal(t *testing.T) {
	w := newWorld(t)
	w.n.Config["user_cookie"] = "user"
	const basket = `<!--fragment origin=cms path=/basket personal-->`
	w.want(basket, "[/basket 1 orla]", "Cookie", "user=orla")
	w.want(basket, "[/basket 2 eve]", "Cookie", "user=eve")
	w.want(basket, "[/basket 3 ]")
}

// What cannot be had is left out; what is no mark stays.
func TestMissing(t *testing.T) {
	w := newWorld(t)
	f := func(body, want, log string) {
		t.Helper()
		w.n.Logs = nil
		w.want(body, want)
		if !strings.Contains(w.n.LogText(), log) || log == "" && w.n.LogText() != "" {
			t.Errorf("%s: log %q, want %q", body, w.n.LogText(), log)
		}
	}
	f("a<!--fragment origin=cms path=/gone-->b", "ab", "the origin answered 404")
	f("a<!--fragment origin=elsewhere path=/-->b", "ab", "not allowed")
	f("a<!--fragment path=/-->b", "ab", "origin or path is missing")
	f("a<!--fragment origin=cms path=x-->b", "ab", "origin or path is missing")
	f("a<!--fragment origin=cms path=/ ttl=0-->b", "ab", "ttl is no number")
	f("a<!--fragment origin=cms path=/ life=1-->b", "ab", "unknown word life")
	f("a<!-- fragment -->b", "a<!-- fragment -->b", "")
	f("a<!--fragment ", "a<!--fragment ", "")
	f("a<!--fragm", "a<!--fragm", "")
	long := "<!--fragment " + strings.Repeat("x", 600) + "-->"
	f(long, long, "")
	f(strings.Repeat("<!--fragment origin=cms path=/many-->", 17), strings.Repeat("[/many 2 ]", 16), "too many fragments")
}

// Marks are found wherever the stream is cut.
func TestCuts(t *testing.T) {
	w := newWorld(t)
	const text, want = `<p>a</p><!--fragment origin=cms path=/x--><!--<!--fragment origin=cms path=/x-->end`, `<p>a</p>[/x 1 ]<!--[/x 1 ]end`
	w.want(text, want)
	for size := 1; size < len(text); size++ {
		var out strings.Builder
		x := w.n.Exchange("GET", "https://a.example/")
		x.Respond(200, "", "Content-Type", "text/html")
		hook := func() int32 {
			return wedge.OnResponse(func(*wedge.ResponseHook) error {
				p := &page{w: &out}
				for rest := text; rest != ""; {
					n := min(size, len(rest))
					if _, err := p.Write([]byte(rest[:n])); err != nil {
						return err
					}
					rest = rest[n:]
				}
				return p.end()
			})
		}
		if got := x.OnResponse(hook); got != wedgetest.GoOn || out.String() != want {
			t.Fatalf("in pieces of %d: %v, %s", size, got, out.String())
		}
	}
}

func TestOnlyPages(t *testing.T) {
	w := newWorld(t)
	x := w.n.Exchange("GET", "https://a.example/")
	x.Respond(200, "<!--fragment origin=cms path=/x-->", "Content-Type", "text/plain", "ETag", `"1"`)
	if got := x.OnResponse(onResponse); got != wedgetest.GoOn || !x.Response.Header.Has("ETag") || len(w.asked) != 0 {
		t.Errorf("%v, %v, asked %q", got, x.Response.Header, w.asked)
	}
}
