package native

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// words are what FuzzRollback's guest has to say.
var words = [...]string{"", "a", "x-two", "Accept", "ETag", "Content-Type", "/x", "/x?y", "c=d", "POST", "shop.example", "value", "é", "a\r\nb", "s"}

// dump is everything of an exchange that a hook can change, and its bodies' bytes.
func dump(x *exchange.Exchange) string {
	var b strings.Builder
	r, s := &x.Request, &x.Response
	fmt.Fprintf(&b, "%s %s %s %s %s %v %d\n%q\n", r.Method, r.Scheme, r.Host, r.Path, r.Query, r.HasQuery, r.ContentLength, fieldsOf(&r.Header))
	fmt.Fprintf(&b, "%d %d\n%q\n", s.Status, s.ContentLength, fieldsOf(&s.Header))
	c := x.Choices
	fmt.Fprintf(&b, "%v %q %v %q %v %v %v %v %v %q %v %v %q %v\n", fieldList(c.Key.Parts), c.Key.Replace, c.Key.HasReplace, c.Key.IgnoreQuery, c.Key.IgnoreAllQuery,
		c.Key.SortQuery, c.Key.LowerCase, c.Bypass, c.Revalidate, c.Origin, c.TTL, c.Grace, c.Tags, c.NoStore)
	for _, w := range words {
		v, ok := x.Vars.Value(w)
		fmt.Fprintf(&b, "%q %v ", v, ok)
	}
	fmt.Fprintf(&b, "%d vars\n%q %q", x.Vars.Len(), all(r.Body), all(s.Body))
	return b.String()
}

// FuzzRollback makes any calls at any hook, and then the hook fails: the exchange is what it was, bodies to the byte. A
// second, untouched exchange is the oracle. If it goes on or answers instead, each body that came is closed, once.
func FuzzRollback(f *testing.F) {
	f.Add(uint8(0), []byte{1, 6, 10, 0, 0, 13, 1, 2, 11, 0, 20, 1, 5})
	f.Add(uint8(4), []byte{15, 1, 11, 16, 1, 20, 17, 1, 3, 3, 2, 11})
	f.Add(uint8(2), []byte{34, 1, 36, 2, 37, 17, 1, 11, 18, 1, 11, 3, 1, 4})
	f.Fuzz(func(t *testing.T, where uint8, program []byte) {
		hook := exchange.Hook(where % uint8(exchange.Hooks))
		build := func() (*host, *source, *source) {
			h := start(t, hook, Options{MaxBody: 40})
			req := &source{Reader: strings.NewReader("request body")}
			h.x.Request.Body, h.x.Request.ContentLength = req, 12
			resp := &source{Reader: strings.NewReader("the body of the response")}
			if hook != exchange.OnRequest && hook != exchange.OnFetch {
				h.x.Response.Body, h.x.Response.ContentLength = resp, 24
			}
			return h, req, resp
		}
		untouched, _, _ := build()
		want := dump(untouched.x)
		for _, end := range []int32{-1, 0, 1} { // fail, go on, answer
			h, req, resp := build()
			run(h, program)
			if end == 0 || end == 1 && h.s.responded {
				answered, err := h.s.Commit(end)
				if answered != (end == 1) || err != nil {
					t.Fatal(answered, err)
				}
				dump(h.x)
				if came := hook != exchange.OnRequest && hook != exchange.OnFetch; req.closed != 1 || came && resp.closed != 1 {
					t.Fatalf("request body closed %d times, response body %d", req.closed, resp.closed)
				}
				continue
			}
			if end == 1 {
				if _, err := h.s.Commit(1); err != ErrAnswer {
					t.Fatalf("an answer without a response: %v", err)
				}
			} else {
				h.s.Rollback()
			}
			if got := dump(h.x); got != want {
				t.Fatalf("%s: after Rollback\n%s\nwant\n%s", hook, got, want)
			}
		}
	})
}

// run reads calls from a program: the number of a function, then one byte a parameter.
func run(h *host, program []byte) {
	next := func() int {
		if len(program) == 0 {
			return 0
		}
		b := program[0]
		program = program[1:]
		return int(b)
	}
	for len(program) > 0 {
		d := &abi.Funcs[next()%len(abi.Funcs)]
		if d.Name == "fetch_send" || d.Name == "body_stream_begin" {
			continue
		}
		var raw []uint64
		at := 0
		for _, p := range d.Params {
			v := next()
			switch p.Kind {
			case abi.Text, abi.Bytes:
				w := words[v%len(words)]
				ptr, n := h.put(at, w)
				raw, at = append(raw, ptr, n), at+len(w)
			case abi.Buffer:
				raw = append(raw, 512, uint64(v))
			case abi.Out8, abi.Out16:
				raw = append(raw, 900)
			case abi.Enum:
				raw = append(raw, uint64(v%4))
			default:
				raw = append(raw, uint64([]int{0, 1, 200, 404, 1000}[v%5]))
			}
		}
		if _, err := h.try(d.Name, raw...); err != nil {
			h.t.Fatalf("%s%v: %v", d.Name, raw, err)
		}
	}
}
