package origin

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// A tape is a connection on which the server has said something already, and then closes.
type tape struct {
	net.Conn
	says *bytes.Reader
}

func (c tape) Read(p []byte) (int, error)       { return c.says.Read(p) }
func (tape) Write(p []byte) (int, error)        { return len(p), nil }
func (tape) Close() error                       { return nil }
func (tape) SetDeadline(time.Time) error        { return nil }
func (tape) SetReadDeadline(time.Time) error    { return nil }
func (tape) SetWriteDeadline(t time.Time) error { return nil }

// FuzzResponse holds what we make of a server's bytes against net/http: what
// we accept it accepts too, with the same status, fields, content and
// trailers, and content that it finds cut we find broken. (The reverse does
// not hold: we refuse more.)
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK~Content-Length: 5~A: b~a: c~~hello",
		"HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5;x=y~hello~0~Sum: 1~~",
		"HTTP/1.1 200 OK~Transfer-Encoding: chunked~Trailer: Sum~~1~h~4~ello~0~Sum: 1~~",
		"HTTP/1.0 200 OK~~hello",
		"HTTP/1.1 103 Early Hints~Link: a~~HTTP/1.1 204 No Content~~",
		"HTTP/1.1 304 Not Modified~ETag: \"e\"~Content-Length: 7~~",
		"HTTP/1.1 200 OK~Transfer-Encoding: chunked~Content-Length: 5~~5~hello~0~~",
		"HTTP/1.1 200 OK\nA: b\n\nhello",
	} {
		f.Add(byte(0), strings.ReplaceAll(s, "~", "\r\n"))
		f.Add(byte(1), strings.ReplaceAll(s, "~", "\r\n"))
	}
	var says string
	u := New(Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return tape{says: bytes.NewReader([]byte(says))}, nil
	}})
	if err := u.SetPools([]Pool{{Owner: "o", Name: "shop", Servers: []Server{{URL: "http://shop.test"}}}}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method byte, input string) {
		says = input
		line := [...]string{"GET", "HEAD"}[method%2]
		x := request(line + " /")
		defer x.Release()
		if err := u.Send(t.Context(), x, "shop"); err != nil {
			if _, ok := err.(*exchange.Error); !ok {
				t.Fatalf("%v is no exchange.Error", err)
			}
			return
		}
		r := &x.Response
		var body bytes.Buffer
		var broken error
		if r.Body != nil {
			_, broken = r.Body.WriteTo(&body)
			r.Body.Close()
		}
		in := bufio.NewReader(strings.NewReader(input))
		var o *http.Response
		for o == nil || o.StatusCode < 200 {
			var err error
			if o, err = http.ReadResponse(in, &http.Request{Method: line}); err != nil {
				if strings.Contains(err.Error(), "bad Content-Length") && strings.Contains(err.Error(), ",") {
					return // a list of equal lengths: RFC 9112 §6.3 lets it pass, net/http does not
				}
				t.Fatalf("net/http refuses it: %v\n%q", err, input)
			}
		}
		if o.StatusCode != r.Status {
			t.Fatalf("status %d, net/http says %d\n%q", r.Status, o.StatusCode, input)
		}
		got := http.Header{}
		for f := range r.Header.All() {
			k := http.CanonicalHeaderKey(f.Name)
			got[k] = append(got[k], f.Value)
		}
		for k, v := range o.Header {
			switch k {
			case "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
			case "Pragma", "Cache-Control": // net/http makes the one of the other
			default:
				if !slices.Equal(v, got[k]) {
					t.Fatalf("%s is %q, net/http says %q\n%q", k, got[k], v, input)
				}
			}
		}
		for k := range got {
			if _, ok := o.Header[k]; !ok && k != "Content-Length" && k != "Transfer-Encoding" && k != "Trailer" {
				t.Fatalf("%s is unknown to net/http\n%q", k, input)
			}
		}
		content, err := io.ReadAll(o.Body)
		if err != nil && broken == nil {
			t.Fatalf("net/http finds the content broken (%v), and we do not\n%q", err, input)
		}
		if broken == nil && !bytes.Equal(content, body.Bytes()) || !bytes.HasPrefix(content, body.Bytes()) {
			t.Fatalf("content %q, net/http says %q\n%q", body.Bytes(), content, input)
		}
		if r.ContentLength >= 0 && broken == nil && r.Body != nil && r.ContentLength != int64(body.Len()) {
			t.Fatalf("%d bytes were announced, %d came\n%q", r.ContentLength, body.Len(), input)
		}
		if r.Trailer != nil && broken == nil {
			for f := range r.Trailer.All() {
				if v := o.Trailer[http.CanonicalHeaderKey(f.Name)]; !slices.Contains(v, f.Value) {
					t.Fatalf("trailer %s: %q, net/http says %q\n%q", f.Name, f.Value, v, input)
				}
			}
		}
	})
}

// FuzzRequest: whatever an exchange holds, what goes out is one request, and net/http's server reads it as it was meant.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "shop.example", "/a", "b=c", "Accept", "*/*", int64(0))
	f.Add("POST", "[::1]:80", "/", "", "Upgrade", "x", int64(-1))
	f.Add("GET", "a\r\nb", "/ ", "\n", "A:", "b\r\nC: d", int64(5))
	f.Fuzz(func(t *testing.T, method, host, path, query, name, value string, length int64) {
		x := request("GET /")
		defer x.Release()
		q := &x.Request
		q.Method, q.Path, q.Query, q.HasQuery, q.ContentLength = method, path, query, query != "", length
		q.Header.Add(name, value)
		q.Header.Add("Last", "1")
		if length != 0 {
			q.Body = exchange.NewBytesBody(nil)
		}
		b, err := appendRequest(nil, q, host)
		if err != nil {
			return
		}
		if n := bytes.Count(b, []byte("\r\n\r\n")); n != 1 || !bytes.HasSuffix(b, []byte("\r\n\r\n")) || bytes.IndexByte(b, 0) >= 0 {
			t.Fatalf("it is not one head: %q", b)
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			// Its rules of URLs, hosts and methods are narrower; ours for framing must hold.
			return
		}
		if r.Method != method || r.Header.Get("Last") != "1" {
			t.Fatalf("it is read as %s %v: %q", r.Method, r.Header, b)
		}
		if k := exchange.Lookup(name); k == exchange.Other && strings.TrimSpace(value) == value && !slices.Contains(r.Header[http.CanonicalHeaderKey(name)], value) {
			t.Fatalf("%s: %q is read as %q", name, value, r.Header[http.CanonicalHeaderKey(name)])
		}
	})
}
