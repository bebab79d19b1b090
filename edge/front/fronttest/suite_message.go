package fronttest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// request makes a request; fields are "Name: value" lines.
func (h *harness) request(method, path string, body io.Reader, fields ...string) *http.Request {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.front.Scheme+"://front.example"+path, body)
	if err != nil {
		h.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// do sends a request and returns the head of the response.
func (h *harness) do(r *http.Request) *http.Response {
	h.Helper()
	resp, err := h.front.Client.RoundTrip(r)
	if err != nil {
		h.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return resp
}

// all reads the content to its end.
func (h *harness) all(resp *http.Response) string {
	h.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.Fatalf("read response: %v", err)
	}
	return string(b)
}

func (h *harness) wantStatus(resp *http.Response, status int) {
	h.Helper()
	if resp.StatusCode != status {
		h.Fatalf("status %d, want %d", resp.StatusCode, status)
	}
}

func (h *harness) want(what, got, want string) {
	h.Helper()
	if got != want {
		h.Errorf("%s: %q, want %q", what, got, want)
	}
}

func testRequest(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		r := &x.Request
		h.want("method", r.Method, "OPTIONS")
		h.want("target", r.Target, "/a/../b%20c?x=1&y")
		h.want("host", r.Host, "front.example")
		h.want("scheme", r.Scheme, h.front.Scheme)
		h.want("field", r.Header.Value(exchange.Accept), "text/html")
		h.want("fields of one name", strings.Join(slices.Collect(r.Header.AllNamed("x-two")), "|"), "1|2")
		if r.Body != nil || r.ContentLength != 0 {
			h.Errorf("body %v, length %d, want none", r.Body, r.ContentLength)
		}
		if x.Peer == nil || x.Now.IsZero() || x.ID == (exchange.ID{}) || !x.Client.PeerAddr.IsValid() || x.Client.Addr != x.Client.PeerAddr {
			h.Errorf("peer %v, now %v, id %v, client %v: want all of them", x.Peer, x.Now, x.ID, x.Client)
		}
		Respond(x, 200, "ok")
	})
	resp := h.do(h.request("OPTIONS", "/a/../b%20c?x=1&y", nil, "Accept: text/html", "X-Two: 1", "X-Two: 2"))
	h.wantStatus(resp, 200)
	h.want("content", h.all(resp), "ok")
}

func testEcho(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		b, err := io.ReadAll(x.Request.Body)
		if err != nil {
			h.Errorf("read body: %v", err)
		}
		if n := x.Request.ContentLength; n >= 0 && n != int64(len(b)) {
			h.Errorf("content-length %d, got %d bytes", n, len(b))
		}
		Respond(x, 200, string(b))
	})
	text := strings.Repeat("wedge ", 20000)
	h.want("known length", h.all(h.do(h.request("POST", "/", strings.NewReader(text)))), text)
	h.want("unknown length", h.all(h.do(h.request("POST", "/", io.MultiReader(strings.NewReader(text))))), text)
	h.want("short", h.all(h.do(h.request("PUT", "/", strings.NewReader("x")))), "x")
}

func testResponseFields(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		for _, f := range []string{"Set-Cookie: a=1; Path=/x", "Date: Sat, 21 Nov 2026 21:00:00 GMT", "Set-Cookie: a=2; Path=/y", "Age: 3"} {
			name, value, _ := strings.Cut(f, ": ")
			x.Response.Header.Add(name, value)
		}
		Respond(x, 418, "")
	})
	resp := h.do(h.request("GET", "/", nil))
	h.wantStatus(resp, 418)
	h.want("content", h.all(resp), "")
	h.want("set-cookie", strings.Join(resp.Header["Set-Cookie"], "|"), "a=1; Path=/x|a=2; Path=/y")
	h.want("date", resp.Header.Get("Date"), "Sat, 21 Nov 2026 21:00:00 GMT")
	for name := range resp.Header {
		switch name {
		case "Set-Cookie", "Date", "Age", "Content-Length":
		default:
			h.Errorf("the front added %s: %s", name, resp.Header.Get(name))
		}
	}
}

func testNoContent(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		switch x.Request.Target {
		case "/204", "/304":
			Respond(x, int(x.Request.Target[1]-'0')*100+4, "")
		case "/GET", "/HEAD":
			x.Request.Method = x.Request.Target[1:]
			Respond(x, 200, "twelve bytes")
		default:
			Respond(x, 200, "twelve bytes")
		}
	})
	f := func(method, path string, status int, length int64) {
		h.Helper()
		resp := h.do(h.request(method, path, nil))
		h.wantStatus(resp, status)
		h.want("content", h.all(resp), "")
		if length >= 0 && resp.ContentLength != length {
			h.Errorf("%s %s: content-length %d, want %d", method, path, resp.ContentLength, length)
		}
	}
	f("HEAD", "/", 200, 12)
	f("GET", "/204", 204, -1)
	f("GET", "/304", 304, -1)
	f("HEAD", "/", 200, 12)
	// The method that was received delimits the response, not the one that a
	// function made of it; else the content would be taken for the next response.
	f("HEAD", "/GET", 200, 12)
	f("HEAD", "/", 200, 12)
	h.want("content of GET made HEAD", h.all(h.do(h.request("GET", "/HEAD", nil))), "twelve bytes")
	f("HEAD", "/", 200, 12)
}

func testTrailersUp(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		b, err := io.ReadAll(x.Request.Body)
		if err != nil || string(b) != "content" {
			h.Errorf("body %q, %v", b, err)
		}
		if x.Request.Trailer == nil {
			h.Error("no trailer")
			Respond(x, 500, "")
			return
		}
		sum, _ := x.Request.Trailer.Named("x-sum")
		Respond(x, 200, sum)
	})
	r := h.request("POST", "/", io.MultiReader(strings.NewReader("content")))
	r.Trailer = http.Header{"X-Sum": {"123"}}
	h.want("trailer", h.all(h.do(r)), "123")
}

func testTrailersDown(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		trailer := new(exchange.Header)
		Stream(x, -1, func(w io.Writer) error {
			_, err := io.WriteString(w, "content")
			trailer.Add("X-Sum", "123")
			return err
		})
		x.Response.Header.Add("Trailer", "X-Sum")
		x.Response.Trailer = trailer
	})
	resp := h.do(h.request("GET", "/", nil, "TE: trailers"))
	h.want("content", h.all(resp), "content")
	h.want("trailer", resp.Trailer.Get("X-Sum"), "123")
}

func testLargeHeader(h *harness) {
	large := strings.Repeat("v", 20<<10)
	h.serve(func(x *exchange.Exchange) {
		v, _ := x.Request.Header.Named("X-Large")
		h.want("field", v, large)
		x.Response.Header.Add("X-Large", large)
		Respond(x, 200, "ok")
	})
	resp := h.do(h.request("GET", "/", nil, "X-Large: "+large))
	h.want("field", resp.Header.Get("X-Large"), large)
	h.want("content", h.all(resp), "ok")
	resp = h.do(h.request("GET", "/", nil, "X-Large: "+strings.Repeat("v", HeaderSize)))
	h.wantStatus(resp, 431)
	h.all(resp)
}

func testLargeBody(h *harness) {
	var readError error
	h.serve(func(x *exchange.Exchange) {
		_, readError = io.Copy(io.Discard, x.Request.Body)
		Respond(x, 413, "")
	})
	large := bytes.Repeat([]byte("b"), BodySize+1)
	// A length that is announced is refused before anything is served.
	resp, err := h.front.Client.RoundTrip(h.request("POST", "/", bytes.NewReader(large)))
	if err != nil {
		h.Fatalf("announced: %v", err)
	}
	h.wantStatus(resp, 413)
	resp.Body.Close()
	if readError != nil {
		h.Errorf("announced: served, and read %v", readError)
	}
	resp, err = h.front.Client.RoundTrip(h.request("POST", "/", io.MultiReader(bytes.NewReader(large))))
	if err != nil {
		h.Fatalf("streamed: %v", err)
	}
	h.wantStatus(resp, 413)
	resp.Body.Close()
	if exchange.ReasonOf(readError, exchange.ReasonNone) != exchange.ReasonTooLarge {
		h.Errorf("streamed: read %v, want %v", readError, exchange.ReasonTooLarge)
	}
}

func testSplitting(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		x.Response.Header.Add("X-Good", "1")
		x.Response.Header.Add("X-Bad", "1\r\nX-Injected: 1")
		x.Response.Header.Add("X-Line", "1\nX-Injected: 1")
		x.Response.Header.Add("X-Nul", "1\x00")
		x.Response.Header.Add("X-Name\r\nX-Injected", "1")
		x.Response.Header.Add("X Space", "1")
		Respond(x, 200, "ok")
	})
	resp := h.do(h.request("GET", "/", nil))
	h.want("content", h.all(resp), "ok")
	h.want("good field", resp.Header.Get("X-Good"), "1")
	if len(resp.Header) != 2 { // and Content-Length
		h.Errorf("fields %v, want the good one only", resp.Header)
	}
}
