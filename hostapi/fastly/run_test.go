package fastly

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/services"
	"github.com/wedgecdn/wedge/runtime/wasi"
)

func (w *world) wantContent(what string, o outcome, status int, content string) {
	w.t.Helper()
	if o.failed != nil || o.broken != nil || o.ended != nil || o.status != status || o.content != content {
		w.t.Errorf("%s: status %d content %q (failed %v, broken %v, ended %v)", what, o.status, o.content, o.failed, o.broken, o.ended)
	}
}

func TestAnswers(t *testing.T) {
	w := newWorld(t)
	o := w.run("GET /a?b=1\nX-A: 1\nx-a: 2\nUser-Agent: Phone", func(p *program) {
		r, b := p.downstream()
		out := p.string("http_req.method_get", r) + " " + p.string("http_req.uri_get", r)
		room, end, n := p.room(100), p.out(), p.out()
		p.must("http_req.header_values_get", r, "X-a", room, 0, end, n)
		out += fmt.Sprintf(" %q", p.text(room, n))
		p.must("http_req.header_names_get", r, room, 0, end, n)
		out += fmt.Sprintf(" %q %q", p.text(room, n), p.read(b))
		p.reply(203, out)
	})
	w.wantContent("a request", o, 203, `GET http://shop.example/a?b=1 "1\x002\x00" "host\x00x-a\x00user-agent\x00" ""`)
	if o.length != int64(len(o.content)) {
		t.Errorf("length %d", o.length)
	}

	o = w.run("POST /\nA: b\n\nwhat is sent", func(p *program) {
		_, b := p.downstream()
		r := p.handle("http_resp.new")
		p.must("http_resp.header_append", r, "X-B", "1")
		p.must("http_resp.send_downstream", r, b, 0)
	})
	w.wantContent("the client's content goes back", o, 200, "what is sent")
	if v, _ := o.header.Named("x-b"); v != "1" {
		t.Errorf("fields %v", o.header)
	}

	o = w.run("GET /", func(p *program) {
		r, b := p.handle("http_resp.new"), p.body("first, ")
		p.must("http_resp.send_downstream", r, b, 1)
		for i := range 3 {
			p.write(b, fmt.Sprint(i))
		}
		src := p.body(" end")
		p.must("http_body.append", b, src)
		p.want(badHandle, "http_body.append", b, src)
		p.want(badHandle, "http_body.read", b, p.room(4), p.out())
		p.want(badHandle, "http_body.write", b, "x", 1, p.out())
		p.must("http_body.trailer_append", b, "x-t", "v")
		p.must("http_body.close", b)
	})
	w.wantContent("a stream", o, 200, "first, 012 end")

	large := strings.Repeat("0123456789abcdef", 1<<13)
	o = w.run("GET /", func(p *program) {
		r, b := p.handle("http_resp.new"), p.handle("http_body.new")
		p.must("http_resp.send_downstream", r, b, 1)
		at := p.bytesAt(large)
		for range 4 { // more than waits in a pipe
			p.must("http_body.write", b, room{at, uint32(len(large))}, 0, p.out())
		}
		p.must("http_body.close", b)
	})
	w.wantContent("a large stream", o, 200, strings.Repeat(large, 4))
}

// What is appended to a stream that nobody reads any more is let go of, to the last piece.
func TestAppendToStalled(t *testing.T) {
	w := newWorld(t)
	w.binding.patience = time.Millisecond
	release := make(chan struct{})
	w.answer = func(q *services.FetchRequest) (*services.FetchResponse, error) {
		if q.Target != "/slow" {
			return response200("taken"), nil
		}
		return &services.FetchResponse{Status: 200, Body: io.NopCloser(slow{release})}, nil
	}
	o := w.run("GET /", func(p *program) {
		resp, stalled, got := p.out(), p.out(), p.out()
		p.must("http_req.send", p.request("GET", "http://shop.example/slow"), p.handle("http_body.new"), "shop", resp, stalled)
		b := p.handle("http_body.new")
		pending := p.handle("http_req.send_async_v2", p.request("POST", "http://shop.example/"), b, "shop", 1)
		p.must("http_body.append", b, p.get(stalled))
		piece := room{0, pipeRoom}
		p.must("http_body.write", b, piece, 0, p.out())
		p.want(failed, "http_body.write", b, piece, 0, p.out())
		src := p.body("one")
		for range 3 {
			p.must("http_body.append", src, p.body("another"))
		}
		p.want(failed, "http_body.append", b, src)
		p.want(badHandle, "http_body.close", src)
		close(release)
		p.must("http_body.close", b)
		p.must("http_req.pending_req_wait", pending, resp, got)
		p.reply(200, p.read(p.get(got)))
	})
	w.wantContent("stalled", o, 200, "taken") // and nothing is held: run has looked
}

// What a program passes on is still coming when it has ended.
func TestPassOn(t *testing.T) {
	w := newWorld(t)
	over := make(chan struct{})
	w.answer = func(*services.FetchRequest) (*services.FetchResponse, error) {
		return &services.FetchResponse{Status: 200, Body: io.NopCloser(io.MultiReader(slow{over}, strings.NewReader("late")))}, nil
	}
	o := w.run("GET /", func(p *program) {
		ended := p.State().(*Session).over
		go func() {
			<-ended
			close(over)
		}()
		resp, b := p.out(), p.out()
		p.must("http_req.send", p.request("GET", "http://shop.example/"), p.handle("http_body.new"), "shop", resp, b)
		p.must("http_resp.send_downstream", p.get(resp), p.get(b), 0)
	})
	w.wantContent("passed on", o, 200, "late")
}

// slow is content that comes to its end when it is released.
type slow struct{ release chan struct{} }

func (s slow) Read([]byte) (int, error) { <-s.release; return 0, io.EOF }

func TestEnds(t *testing.T) {
	w := newWorld(t)
	f := func(what string, do func(p *program), check func(o outcome) bool) {
		t.Helper()
		if o := w.run("GET /", do); !check(o) {
			t.Errorf("%s: %+v", what, o)
		}
	}
	boom := errors.New("boom")
	f("silent", func(*program) {}, func(o outcome) bool { return errors.Is(o.failed, ErrSilent) })
	f("traps", func(*program) { panic(boom) }, func(o outcome) bool { return errors.Is(o.failed, boom) })
	f("exits well, and silent", func(*program) { panic(&wasi.Exit{}) }, func(o outcome) bool { return errors.Is(o.failed, ErrSilent) })
	f("answers and exits", func(p *program) { p.reply(200, "a"); panic(&wasi.Exit{}) }, func(o outcome) bool { return o.ended == nil && o.content == "a" })
	f("answers and exits badly", func(p *program) { p.reply(200, "a"); panic(&wasi.Exit{Code: 1}) }, func(o outcome) bool { return o.ended != nil && o.content == "a" && o.broken == nil })
	f("answers and traps", func(p *program) { p.reply(200, "a"); panic(boom) }, func(o outcome) bool { return errors.Is(o.ended, boom) && o.content == "a" })
	stream := func(p *program) uint32 {
		b := p.body("begun")
		p.must("http_resp.send_downstream", p.handle("http_resp.new"), b, 1)
		return b
	}
	f("a stream that is left open", func(p *program) { stream(p) }, func(o outcome) bool { return o.broken != nil && o.ended == nil && o.content == "begun" })
	f("a stream that is abandoned", func(p *program) { p.must("http_body.abandon", stream(p)) }, func(o outcome) bool { return o.broken != nil && o.ended == nil })
	f("a stream in which it traps", func(p *program) { stream(p); panic(boom) }, func(o outcome) bool { return o.broken != nil && errors.Is(o.ended, boom) })
	f("two answers", func(p *program) {
		p.reply(200, "a")
		p.want(failed, "http_resp.send_downstream", p.handle("http_resp.new"), p.body("b"), 0)
	}, func(o outcome) bool { return o.ended == nil && o.content == "a" })
}

func TestSend(t *testing.T) {
	w := newWorld(t)
	o := w.run("GET /", func(p *program) {
		r := p.request("PUT", "http://shop.example/x?z=\"ü\"#frag")
		p.must("http_req.header_insert", r, "X-A", "1")
		p.must("http_req.cache_override_v2_set", r, 2|4, 30, 60, "red blue")
		resp, b := p.out(), p.out()
		p.must("http_req.send", r, p.body("content"), "shop", resp, b)
		p.want(badHandle, "http_req.method_get", r, p.room(4), p.out())
		code := p.out()
		p.must("http_resp.status_get", p.get(resp), code)
		length := p.out()
		p.must("http_body.known_length", p.get(b), length)
		p.reply(200, fmt.Sprint(p.get(code)&0xffff, p.get64(length), p.read(p.get(b))))
	})
	w.wantContent("send", o, 200, "200 9from shop")
	w.run("GET /", func(p *program) { // a name in capitals, and a long method
		exists := p.out()
		for name, want := range map[string]uint32{"Shop": 1, "shops": 0} {
			if p.must("backend.exists", name, exists); p.get(exists) != want {
				t.Errorf("backend %q: %d", name, p.get(exists))
			}
		}
		p.must("http_req.method_set", p.handle("http_req.new"), strings.Repeat("m", maxMethod))
		p.want(httpInvalid, "http_req.method_set", p.handle("http_req.new"), strings.Repeat("m", maxMethod+1))
		p.reply(200, "")
	})
	if want := `PUT shop /x?z=%22%C3%BC%22 [X-A: 1] [Host: shop.example] "content"`; len(w.asked) != 1 || w.asked[0] != want {
		t.Errorf("asked %q, want %q", w.asked, want)
	}
	if c := w.cached[0]; c.Bypass || c.TTL.Value != 30*time.Second || c.Grace.Value != time.Minute || len(c.Tags) != 2 {
		t.Errorf("cache: %+v", c)
	}
	w.asked, w.cached = nil, nil

	// Several at once; select gives each once.
	o = w.run("GET /", func(p *program) {
		var list []uint32
		for i := range 3 {
			list = append(list, p.handle("http_req.send_async", p.request("GET", fmt.Sprint("http://shop.example/", i)), p.handle("http_body.new"), "shop"))
		}
		var out string
		for len(list) > 0 {
			i, resp, b := p.out(), p.out(), p.out()
			p.must("http_req.pending_req_select", list, i, resp, b)
			out += p.read(p.get(b)) + ";"
			list = append(list[:p.get(i)], list[p.get(i)+1:]...)
		}
		p.reply(200, out)
	})
	w.wantContent("select", o, 200, "from shop;from shop;from shop;")
	w.asked, w.cached = nil, nil

	// A request that is written while it is sent, and one past the cache.
	o = w.run("GET /", func(p *program) {
		b := p.body("one")
		pending := p.handle("http_req.send_async_v2", p.request("POST", "http://shop.example/"), b, "shop", 1)
		p.write(b, ", two")
		p.must("http_body.close", b)
		resp, got := p.out(), p.out()
		p.must("http_req.pending_req_wait_v2", pending, p.record(0, 0, 0, 0), resp, got)
		p.want(badHandle, "http_req.pending_req_wait", pending, p.out(), p.out())
		p.reply(200, p.read(p.get(got)))
	})
	w.wantContent("streamed", o, 200, "from shop")
	if want := `POST shop / [Host: shop.example] "one, two"`; len(w.asked) != 1 || w.asked[0] != want || !w.cached[0].Bypass {
		t.Errorf("asked %q, want %q", w.asked, want)
	}
	w.asked = nil

	// What fails says how.
	f := func(what string, fail error, backend, uri string, want status, tag uint32) {
		t.Helper()
		w.answer = func(*services.FetchRequest) (*services.FetchResponse, error) { return nil, fail }
		o := w.run("GET /", func(p *program) {
			detail := p.record(0, 31, 0, 0)
			p.want(want, "http_req.send_v2", p.request("GET", uri), p.handle("http_body.new"), backend, detail, p.out(), p.out())
			if got := p.get(detail); got != tag {
				t.Errorf("%s: detail %d, want %d", what, got, tag)
			}
			p.reply(200, "")
		})
		w.wantContent(what, o, 200, "")
	}
	f("no such backend", nil, "nobody", "http://a.example/", invalid, 4)
	f("relative", nil, "shop", "/path", httpUser, 4)
	f("timeout", services.ErrTimeout, "shop", "http://a.example/", failed, 16)
	f("refused", errors.New("connection refused"), "shop", "http://a.example/", failed, 5)

	// A response goes on as the client's, with fields that were asked for.
	w.answer = func(*services.FetchRequest) (*services.FetchResponse, error) { return response200("as it is"), nil }
	o = w.run("GET /", func(p *program) {
		pending := p.handle("http_req.send_async", p.request("GET", "http://shop.example/"), p.handle("http_body.new"), "shop")
		p.must("http_req.pending_req_header_insert", pending, "X-A", "1", 0)
		p.must("http_req.pending_req_header_append", pending, "X-A", "2", 1)
		p.must("http_req.pending_req_header_remove", pending, "X-A", 2)
		p.must("http_resp.send_downstream_pending", pending)
	})
	w.wantContent("pending", o, 200, "as it is")
	n := 0
	for range o.header.AllNamed("x-a") {
		n++
	}
	if n != 2 || o.length != 8 {
		t.Errorf("fields %v length %d", o.header, o.length)
	}
}
