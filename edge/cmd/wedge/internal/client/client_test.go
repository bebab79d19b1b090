package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/edge/admin"
)

// node starts a server and returns a client of it.
func node(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return New(Options{Base: s.URL, Token: "token", Agent: "wedge/test"})
}

// What is sent: method, path, fields and body of each call.
func TestRequests(t *testing.T) {
	ctx := context.Background()
	f := func(do func(*Client) error, want string) {
		t.Helper()
		var got string
		c := node(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = fmt.Sprintf("%s %s", r.Method, r.URL.RequestURI())
			for _, name := range []string{"Content-Type", "If-Match", "If-None-Match", admin.HeaderMetadata} {
				if v := r.Header.Get(name); v != "" {
					got += fmt.Sprintf(" %s=%s", name, v)
				}
			}
			if r.ContentLength != 0 {
				got += fmt.Sprintf(" %d:%s", r.ContentLength, b)
			}
			if r.Header.Get("Authorization") != "Bearer token" || r.Header.Get("User-Agent") != "wedge/test" {
				t.Errorf("%s: sent as %q by %q", got, r.Header.Get("Authorization"), r.Header.Get("User-Agent"))
			}
			w.Header().Set(admin.HeaderVersion, "1")
			io.WriteString(w, "{}")
		})
		if err := do(c); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got != want {
			t.Errorf("sent %s\nwant %s", got, want)
		}
	}
	text := strings.NewReader
	f(func(c *Client) error { _, err := c.Status(ctx); return err }, "GET /v1/status")
	f(func(c *Client) error { _, err := c.Functions(ctx, "", false); return err }, "GET /v1/functions")
	f(func(c *Client) error { _, err := c.Functions(ctx, "", true); return err }, "GET /v1/functions?all=true")
	f(func(c *Client) error { _, err := c.Function(ctx, "acme", "auth"); return err }, "GET /v1/functions/auth?owner=acme")
	f(func(c *Client) error { _, err := c.Function(ctx, "", "a/b c"); return err }, "GET /v1/functions/a%2Fb%20c")
	f(func(c *Client) error { _, err := c.Function(ctx, "", ".."); return err }, "GET /v1/functions/%2E%2E")
	f(func(c *Client) error {
		_, err := c.Deploy(ctx, "", "auth", Module{Body: text("wasm"), Size: 4, Message: "a b"})
		return err
	}, "PUT /v1/functions/auth?message=a+b Content-Type=application/wasm 4:wasm")
	f(func(c *Client) error {
		_, err := c.Deploy(ctx, "acme", "auth", Module{Body: text("wasm"), Size: -1, Keep: true})
		return err
	}, "PUT /v1/functions/auth?activate=false&owner=acme Content-Type=application/wasm -1:wasm")
	f(func(c *Client) error { _, err := c.Activate(ctx, "", "auth", "01234567", Trial{}); return err },
		`POST /v1/functions/auth/activate Content-Type=application/json 22:{"version":"01234567"}`)
	f(func(c *Client) error {
		_, err := c.Activate(ctx, "", "auth", "01234567", Trial{Share: "5%", RollbackOn: "errors 1%", Window: time.Minute, Calls: 7})
		return err
	}, `POST /v1/functions/auth/activate Content-Type=application/json 106:{"version":"01234567","canary":"5%","rollback_on":"errors 1%","rollback_window":"1m0s","rollback_calls":7}`)
	f(func(c *Client) error {
		_, err := c.Deploy(ctx, "", "auth", Module{Body: text("wasm"), Size: 4, Trial: Trial{Share: "5%", Header: "X-Canary: 1", Cookie: "id", RollbackOn: "p99 5ms", Window: time.Minute, Calls: 7}})
		return err
	}, "PUT /v1/functions/auth?canary=5%25&canary_cookie=id&canary_header=X-Canary%3A+1&rollback_calls=7&rollback_on=p99+5ms&rollback_window=1m0s Content-Type=application/wasm 4:wasm")
	f(func(c *Client) error {
		_, err := c.Deploy(ctx, "", "auth", Module{Body: text("wasm"), Size: 4, Trial: Trial{Shadow: "10%"}})
		return err
	}, "PUT /v1/functions/auth?shadow=10%25 Content-Type=application/wasm 4:wasm")
	f(func(c *Client) error { _, err := c.Promote(ctx, "", "auth"); return err }, "POST /v1/functions/auth/promote")
	f(func(c *Client) error { _, err := c.Rollback(ctx, "", "auth"); return err }, "POST /v1/functions/auth/rollback")
	f(func(c *Client) error { _, err := c.Switch(ctx, "", "auth", true); return err }, "POST /v1/functions/auth/disable")
	f(func(c *Client) error { _, err := c.Switch(ctx, "", "auth", false); return err }, "POST /v1/functions/auth/enable")
	f(func(c *Client) error { _, err := c.DeleteFunction(ctx, "", "auth"); return err }, "DELETE /v1/functions/auth")
	f(func(c *Client) error { _, err := c.Logs(ctx, "", "auth", 7, 100); return err }, "GET /v1/functions/auth/logs?after=7&limit=100")
	f(func(c *Client) error {
		_, err := c.Purge(ctx, "acme", admin.PurgeRequest{Tag: "x", Soft: true})
		return err
	},
		`POST /v1/purge?owner=acme Content-Type=application/json 23:{"tag":"x","soft":true}`)
	f(func(c *Client) error {
		_, err := c.CacheShow(ctx, "acme", admin.ShowRequest{URL: "http://a/", Fields: []admin.Field{{Name: "A", Value: "b"}}})
		return err
	}, `POST /v1/cache/show?owner=acme Content-Type=application/json 55:{"url":"http://a/","fields":[{"name":"A","value":"b"}]}`)
	f(func(c *Client) error {
		_, err := c.Debug(ctx, "", admin.DebugRequest{For: admin.Duration(time.Minute)})
		return err
	}, `POST /v1/cache/debug Content-Type=application/json 14:{"for":"1m0s"}`)
	f(func(c *Client) error {
		_, err := c.Warm(ctx, "", admin.WarmRequest{URLs: []string{"http://a/"}})
		return err
	}, `POST /v1/cache/warm Content-Type=application/json 22:{"urls":["http://a/"]}`)
	f(func(c *Client) error {
		_, err := c.Push(ctx, "acme", Object{URL: "http://a/?b", Fields: []admin.Field{{Name: "A", Value: "b"}}, Status: 404, Body: text("body"), Size: 4})
		return err
	}, "PUT /v1/cache/object?fields=A%3A+b%0A&owner=acme&status=404&url=http%3A%2F%2Fa%2F%3Fb Content-Type=application/octet-stream 4:body")
	f(func(c *Client) error { _, err := c.Stores(ctx, "", "a", 10); return err }, "GET /v1/kv?after=a&limit=10")
	f(func(c *Client) error { _, err := c.Keys(ctx, "", "s", "/a&b", "c", 10); return err }, "GET /v1/kv/s?cursor=c&limit=10&prefix=%2Fa%26b")
	f(func(c *Client) error { _, err := c.DropStore(ctx, "", "s"); return err }, "DELETE /v1/kv/s")
	f(func(c *Client) error { _, err := c.Value(ctx, "", "s", "\xff/?"); return err }, "GET /v1/kv/s/value?key=%FF%2F%3F")
	f(func(c *Client) error { _, err := c.Value(ctx, "", "s", ""); return err }, "GET /v1/kv/s/value?key=")
	f(func(c *Client) error {
		_, err := c.PutValue(ctx, "", "s", "k", Write{Body: text("v"), Size: 1, Metadata: []byte("m"), TTL: 90 * time.Second, IfVersion: 7})
		return err
	}, `PUT /v1/kv/s/value?key=k&ttl=1m30s Content-Type=application/octet-stream If-Match="7" Wedge-Metadata=bQ== 1:v`)
	f(func(c *Client) error {
		_, err := c.PutValue(ctx, "", "s", "k", Write{Body: text(""), Size: 0, IfAbsent: true})
		return err
	}, "PUT /v1/kv/s/value?key=k Content-Type=application/octet-stream If-None-Match=*")
	f(func(c *Client) error { _, err := c.DeleteValue(ctx, "", "s", "k", 0); return err }, "DELETE /v1/kv/s/value?key=k")
	f(func(c *Client) error { _, err := c.DeleteValue(ctx, "", "s", "k", 7); return err }, `DELETE /v1/kv/s/value?key=k If-Match="7"`)
	f(func(c *Client) error { _, err := c.Add(ctx, "", "s", "k", -5, time.Minute); return err },
		`POST /v1/kv/s/add?key=k Content-Type=application/json 25:{"delta":-5,"ttl":"1m0s"}`)
	f(func(c *Client) error { _, err := c.Add(ctx, "", "s", "k", 1, 0); return err },
		`POST /v1/kv/s/add?key=k Content-Type=application/json 11:{"delta":1}`)
	f(func(c *Client) error { _, err := c.Import(ctx, "", "s", text("{}\n"), 3); return err },
		"POST /v1/kv/s/import Content-Type=application/x-ndjson 3:{}\n")
	f(func(c *Client) error {
		r, err := c.Export(ctx, "", "s")
		if err == nil {
			err = r.Close()
		}
		return err
	}, "GET /v1/kv/s/export")
	f(func(c *Client) error { _, err := c.Config(ctx); return err }, "GET /v1/config")
	f(func(c *Client) error { _, err := c.Apply(ctx, []byte("a: b"), true); return err }, "PUT /v1/config?dry_run=true Content-Type=application/yaml 4:a: b")
	f(func(c *Client) error { _, err := c.Apply(ctx, []byte("a: b"), false); return err }, "PUT /v1/config Content-Type=application/yaml 4:a: b")
}

// What becomes of answers that are none of a node, or not whole.
func TestFailures(t *testing.T) {
	f := func(what string, h http.HandlerFunc, want string) {
		t.Helper()
		c := node(t, h)
		_, err := c.Status(context.Background())
		if err == nil {
			t.Errorf("%s: no error", what)
			return
		}
		if got := strings.ReplaceAll(fmt.Sprintf("%T: %v", err, err), c.Base, "NODE"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
	}
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	foreign := func(status int) string {
		return fmt.Sprintf("*client.Foreign: what answers at NODE (status %d) does not speak as a wedge node does", status)
	}
	f("a refusal", says(404, `{"error":{"code":"not_found","message":"no such thing","hint":"look"}}`), "*admin.Error: no such thing")
	f("a refusal with a field", says(400, `{"error":{"code":"bad_request","message":"is wrong","field":"name","new":1}}`), "*admin.Error: name: is wrong")
	f("a page of HTML", says(404, "<html>"), foreign(404))
	f("JSON of somebody else", says(500, `{"error":"no"}`), foreign(500))
	f("a refusal without words", says(500, `{"error":{"code":"internal"}}`), foreign(500))
	f("nothing", says(200, ""), foreign(200))
	f("HTML with a 200", says(200, "<html>"), foreign(200))
	f("JSON of another shape", says(200, `{"version":1}`), foreign(200))
	f("half an answer", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "{")
	}, "*client.Broken: the answer of the node at NODE is not complete: unexpected EOF")
	f("half a refusal", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(400)
	}, "*client.Broken: the answer of the node at NODE is not complete: unexpected EOF")
	f("a closed connection", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"*client.Broken: the answer of the node at NODE is not complete: EOF")
}

// A redirect is not followed: it would take the token to somebody else.
func TestRedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("somebody else got %s with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	var foreign *Foreign
	if _, err := c.Status(context.Background()); !errors.As(err, &foreign) || foreign.Status != http.StatusTemporaryRedirect {
		t.Errorf("a redirect: %v", err)
	}
}

// No proxy is used: it would see the token.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	c := New(Options{Base: "http://node.invalid:9070"})
	for _, h := range []*http.Client{c.quick, c.slow} {
		if h.Transport.(*http.Transport).Proxy != nil {
			t.Error("a proxy may be used")
		}
	}
}

func TestUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close() // now nobody listens there
	f := func(base, want string) {
		t.Helper()
		_, err := New(Options{Base: base}).Status(context.Background())
		var u *Unreachable
		if !errors.As(err, &u) || u.Error() != want {
			t.Errorf("%s: %v, want %s", base, err, want)
		}
	}
	base := "http://" + ln.Addr().String()
	f(base, "cannot connect to the node at "+base+": connection refused")
}

// An upload that is refused is not sent: the node answers before it takes the body.
func TestRefusedUploadIsNotSent(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"error":{"code":"conflict","message":"not here"}}`)
	})
	body := &counting{r: io.LimitReader(zeros{}, 32<<20)}
	_, err := c.Deploy(context.Background(), "", "auth", Module{Body: body, Size: 32 << 20})
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Code != admin.Conflict {
		t.Errorf("a refused upload: %v", err)
	}
	if body.n != 0 {
		t.Errorf("%d bytes were sent for nothing", body.n)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

// An answer that says nothing for too long is given up; one whose reader takes its time is not.
func TestSilence(t *testing.T) {
	f := func(what string, pauses, think time.Duration, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			r, w := io.Pipe()
			context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
			var writer sync.WaitGroup
			writer.Go(func() {
				for range 3 {
					time.Sleep(pauses)
					w.Write([]byte("x"))
				}
				w.Close()
			})
			defer writer.Wait()
			p := &patient{ReadCloser: r, base: "NODE", cancel: cancel, timer: time.AfterFunc(silence, cancel)}
			p.timer.Stop()
			got, b := "", make([]byte, 1)
			for {
				time.Sleep(think)
				n, err := p.Read(b)
				got += string(b[:n])
				if err == io.EOF {
					break
				}
				if err != nil {
					got += err.Error()
					break
				}
			}
			p.Close()
			if got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		})
	}
	f("pauses that are short enough", silence-time.Second, 0, "xxx")
	f("a pause that is too long", silence+time.Second, 0, "the answer of the node at NODE is not complete: nothing came for 1m0s")
	f("a slow reader", 0, 10*silence, "xxx")
}
