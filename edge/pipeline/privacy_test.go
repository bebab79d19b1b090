package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/hook"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A mirror is an origin whose every response is about the user who asked: what
// identifies them stands in its content, in a field and, if the fields say so
// (%s), in a cookie.
type mirror struct {
	fields string // lines, %s is who asked
	status int
	down   bool
	hold   chan struct{} // nil: answers at once
}

// who is what the origin learns of the user.
func who(h *exchange.Header) string {
	for _, name := range []string{"Cookie", "Authorization", "X-Signed"} {
		if v, ok := h.Named(name); ok {
			return v
		}
	}
	return "nobody"
}

func (m *mirror) Send(_ context.Context, x *exchange.Exchange, _ string) error {
	if m.hold != nil {
		<-m.hold
	}
	if m.down {
		return &exchange.Error{Source: exchange.SourceOrigin, Op: "connect", Reason: exchange.ReasonOriginConnect, Err: io.ErrClosedPipe}
	}
	user := who(&x.Request.Header)
	r := &x.Response
	r.Status = m.status
	r.Header.Add("X-You", user)
	for line := range strings.SplitSeq(strings.ReplaceAll(m.fields, "%s", user), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.Header.Add(name, strings.TrimSpace(value))
		}
	}
	text := []byte("the page of " + user)
	r.ContentLength = int64(len(text))
	if x.Request.Method != "HEAD" {
		r.Body = exchange.NewBytesBody(text)
	}
	return nil
}

// sign is a function that asks the origin in the name of the user, by a field
// that no client sends.
type sign struct{}

func (sign) Hooks() (set exchange.HookSet) { return set.With(exchange.OnFetch) }
func (sign) Start(x *exchange.Exchange) (hook.Run, error) {
	return signRun{x}, nil
}

type signRun struct{ x *exchange.Exchange }

func (signRun) End() {}
func (r signRun) Call(exchange.Hook) (bool, error) {
	v, _ := r.x.Request.Header.Named("X-User")
	r.x.Request.Header.Set("X-Signed", "signed "+v)
	return false, nil
}

// TestPrivacy: of two users who ask for the same, no byte of what the origin says
// to one reaches the other: one after the other, together, while a response is
// refreshed, when the origin is down.
func TestPrivacy(t *testing.T) {
	type row struct{ site, identity, fields string }
	const cookie, auth, user = "Cookie: id=%s", "Authorization: Basic %s", "X-User: %s"
	rows := []row{
		// Cookies: nothing is shared that is not said to be.
		{"", cookie, ""},
		{"heuristic=1h", cookie, "Last-Modified: Fri, 31 Dec 1999 00:00:00 GMT"},
		{"heuristic=1h", cookie, "Last-Modified: Fri, 31 Dec 1999 00:00:00 GMT\nCache-Control: public"},
		{"", cookie, `ETag: "same for all"`},
		{"status=200:60s", cookie, ""},
		{"", cookie, "Cache-Control: private, max-age=10"},
		{"", cookie, "Cache-Control: no-store"},
		{"", cookie, "CDN-Cache-Control: private\nCache-Control: max-age=60"},
		{"target=shop-cc", cookie, "Shop-CC: no-store\nCDN-Cache-Control: max-age=60"},
		{"", cookie, "Cache-Control: max-age=10\nVary: Cookie"},
		{"", cookie, "Cache-Control: max-age=10\nVary: Accept, Cookie"},
		{"", cookie, "Cache-Control: max-age=10\nVary: *"},
		{"key_cookie=id", cookie, "Cache-Control: max-age=10"},
		{"key_cookie=id mode=force ttl=10s", cookie, ""},
		// Set-Cookie.
		{"", cookie, "Cache-Control: max-age=10\nSet-Cookie: session=%s"},
		{"", cookie, "Cache-Control: public, s-maxage=10\nSet-Cookie: session=%s"},
		{"mode=force ttl=10s", cookie, "Set-Cookie: session=%s"},
		{"store_set_cookie mode=force ttl=10s", cookie, "Set-Cookie: session=%s"},
		{"store_set_cookie", cookie, "Cache-Control: private, max-age=10\nSet-Cookie: session=%s"},
		{"store_set_cookie heuristic=1h", cookie, "Last-Modified: Fri, 31 Dec 1999 00:00:00 GMT\nSet-Cookie: session=%s"},
		// Authorization.
		{"", auth, ""},
		{"", auth, "Cache-Control: max-age=10"},
		{"", auth, "Cache-Control: max-age=10, stale-while-revalidate=60, stale-if-error=60"},
		{"", auth, "Cache-Control: private, max-age=10"},
		{"mode=force ttl=10s", auth, ""},
		{"status=200:10s heuristic=1h", auth, "Last-Modified: Fri, 31 Dec 1999 00:00:00 GMT"},
		{"", auth, "Cache-Control: max-age=10, public\nVary: Authorization"},
		// Functions that speak for the user at on_fetch.
		{"functions=sign", user, "Cache-Control: max-age=10\nVary: X-Signed"},
		{"functions=sign reads_private", user, "Cache-Control: max-age=10"},
		{"functions=sign", user, "Cache-Control: max-age=10\nVary: X-User"},
		{"functions=sign mode=force ttl=10s", user, "Vary: X-Signed"},
		// Parts, and what POST brought.
		{"ranges", cookie, "Cache-Control: private, max-age=10"},
		{"ranges", auth, "Cache-Control: max-age=10"},
		{"ranges", cookie, "Cache-Control: max-age=10\nVary: Cookie"},
		{"", cookie, "Cache-Control: private, max-age=10\nContent-Location: /page"},
		{"", auth, "Cache-Control: max-age=10\nContent-Location: /page"},
		{"", cookie, "Cache-Control: max-age=10\nContent-Location: /page\nSet-Cookie: session=%s"},
	}
	run := func(r row, site string, status int) (leaks []string) {
		var mu sync.Mutex // guards leaks
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			m := &mirror{fields: r.fields, status: status}
			w.p.o.Origins = m
			words := append([]string{"shop.example"}, strings.Fields(r.site+" "+site)...)
			w.site(words, "")
			for _, s := range w.sites {
				if strings.Contains(r.site, "functions=sign") {
					s.Any.Hooks = hook.NewChain([]hook.Binding{{Name: "sign", Function: sign{}}})
				}
			}
			ask := func(user, method string, more ...string) {
				input := strings.ReplaceAll(r.identity, "%s", user) + "\n" + strings.Join(more, "\n")
				if method == "POST" {
					input += "\n.\nx"
				}
				x := w.fill([]string{method, "/page"}, input)
				w.p.Serve(x)
				var got bytes.Buffer
				for f := range x.Response.Header.All() {
					fmt.Fprintf(&got, "%s: %s\n", f.Name, f.Value)
				}
				x.Response.Body.WriteTo(&got)
				x.Response.Body.Close()
				for _, other := range []string{"alice", "bob"} {
					if other != user && strings.Contains(got.String(), other) {
						mu.Lock()
						leaks = append(leaks, fmt.Sprintf("%s %s got\n%s", method, user, got.String()))
						mu.Unlock()
					}
				}
			}
			pass := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
			// One after the other.
			for _, u := range []string{"alice", "bob", "alice", "bob"} {
				ask(u, "GET")
				ask(u, "HEAD")
				ask(u, "GET", "Range: bytes=4-40")
			}
			// Together, on a key that nothing is known of yet, and again.
			pass(time.Hour)
			for range 2 {
				m.hold = make(chan struct{})
				done := make(chan struct{}, 4)
				for _, u := range []string{"alice", "bob", "alice", "bob"} {
					go func() { ask(u, "GET"); done <- struct{}{} }()
					synctest.Wait()
				}
				close(m.hold)
				for range 4 {
					<-done
				}
				m.hold = nil
				pass(11 * time.Second)
			}
			// While what is stored is refreshed.
			for _, u := range []string{"alice", "bob", "bob", "alice"} {
				ask(u, "GET")
				pass(15 * time.Second)
			}
			// What one of them posts.
			ask("alice", "POST")
			ask("bob", "GET")
			// And when the origin is down.
			pass(15 * time.Second)
			m.down = true
			ask("bob", "GET")
			ask("alice", "GET")
		})
		return leaks
	}
	for _, r := range rows {
		for _, site := range []string{"", "swr=60s sie=600s", "no_collapse", "ignore_client"} {
			for _, status := range []int{200, 404} {
				for _, l := range run(r, site, status) {
					t.Errorf("site %q %q, %s, status %d, fields %q: %s", r.site, site, r.identity, status, r.fields, l)
				}
			}
		}
	}
	// The table sees a leak where there is one: these origins say that their pages
	// are the same for everybody, and they are not.
	for _, r := range []row{
		{"", cookie, "Cache-Control: max-age=10"},
		{"", auth, "Cache-Control: public, max-age=10"},
		{"functions=sign", user, "Cache-Control: max-age=10"},
		{"store_set_cookie", cookie, "Cache-Control: max-age=10\nSet-Cookie: session=%s"},
	} {
		if len(run(r, "", 200)) == 0 {
			t.Errorf("no leak is seen where the origin of %q lies", r.fields)
		}
	}
}
