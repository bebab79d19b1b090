package native

import (
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/abi"
	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/message"
)

const (
	request  = abi.MessageRequest
	response = abi.MessageResponse
)

func TestRequestParts(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.wantRead("GET", "request_part", abi.PartMethod)
	h.wantRead("https", "request_part", abi.PartScheme)
	h.wantRead("shop.example", "request_part", abi.PartHost)
	h.wantRead("/a/b", "request_part", abi.PartPath)
	h.wantRead("c=d", "request_part", abi.PartQuery)
	h.wantRead("/a/b?c=d", "request_part", abi.PartURI)
	h.wantRead("1.1", "request_part", abi.PartProtocol)
	h.wantStatus(abi.StatusInvalid, "request_part", 7, room(8))
	h.x.Request.HasQuery = false
	h.wantRead("absent", "request_part", abi.PartQuery)
	h.wantRead("/a/b", "request_part", abi.PartURI)
}

// A value goes into the buffer whole or not at all, and not a byte behind it.
func TestBuffers(t *testing.T) {
	f := func(capacity int, want string) {
		t.Helper()
		h := start(t, exchange.OnRequest, Options{})
		h.want(4, "request_part", abi.PartPath, room(capacity))
		h.wantMemory(0, want)
	}
	f(0, "??????")
	f(3, "??????")
	f(4, "/a/b??")
	f(9, "/a/b??")
	g := func(capacity int, want string) { // a value made of two
		t.Helper()
		h := start(t, exchange.OnRequest, Options{})
		h.want(8, "request_part", abi.PartURI, room(capacity))
		h.wantMemory(0, want)
	}
	g(7, "??????????")
	g(8, "/a/b?c=d??")
}

func TestSetRequestParts(t *testing.T) {
	f := func(part abi.Part, value string, st abi.Status, want string) {
		t.Helper()
		h := start(t, exchange.OnRequest, Options{})
		h.wantStatus(st, "request_part_set", part, value)
		h.wantRead(want, "request_part", part)
		if st == abi.StatusOK {
			h.s.Rollback()
			h.s.Begin(exchange.OnRequest)
			if got := h.read("request_part", part); got != map[abi.Part]string{abi.PartMethod: "GET", abi.PartHost: "shop.example",
				abi.PartPath: "/a/b", abi.PartQuery: "c=d", abi.PartURI: "/a/b?c=d"}[part] {
				t.Errorf("%s %q: after Rollback it is %q", part, value, got)
			}
		}
	}
	f(abi.PartMethod, "POST", 0, "POST")
	f(abi.PartMethod, "post", 0, "post")
	f(abi.PartMethod, "CONNECT", abi.StatusInvalid, "GET")
	f(abi.PartMethod, "G ET", abi.StatusInvalid, "GET")
	f(abi.PartMethod, "", abi.StatusInvalid, "GET")
	f(abi.PartScheme, "http", abi.StatusNotAllowed, "https")
	f(abi.PartHost, "Other.Example:443", 0, "other.example")
	f(abi.PartHost, "other.example:444", 0, "other.example:444")
	f(abi.PartHost, "[2001:DB8::1]:443", 0, "[2001:db8::1]")
	f(abi.PartHost, "[::1", abi.StatusInvalid, "shop.example")
	f(abi.PartHost, "a b", abi.StatusInvalid, "shop.example")
	f(abi.PartHost, "u@a", abi.StatusInvalid, "shop.example")
	f(abi.PartHost, "a/b", abi.StatusInvalid, "shop.example")
	f(abi.PartHost, "a:b", abi.StatusInvalid, "shop.example")
	f(abi.PartHost, "", abi.StatusInvalid, "shop.example")
	f(abi.PartPath, "/x", 0, "/x")
	f(abi.PartPath, "/%7euser/%2f%c3%bc", 0, "/~user/%2F%C3%BC")
	f(abi.PartPath, "x", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a/../b", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a/%2e%2E/b", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a/.%2e", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/.", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "//..", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/...", 0, "/...")
	f(abi.PartPath, "/a\\b", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a%5cb", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a%00", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a%4", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a%zz", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a b", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/a?b", abi.StatusInvalid, "/a/b")
	f(abi.PartPath, "/ü", abi.StatusInvalid, "/a/b")
	f(abi.PartQuery, "x=%7e", 0, "x=~")
	f(abi.PartQuery, "", 0, "absent")
	f(abi.PartQuery, "a#b", abi.StatusInvalid, "c=d")
	f(abi.PartQuery, "a\r\nb", abi.StatusInvalid, "c=d")
	f(abi.PartURI, "/x?y", 0, "/x?y")
	f(abi.PartURI, "/x?", 0, "/x?")
	f(abi.PartURI, "/x", 0, "/x")
	f(abi.PartURI, "//x?y?z", 0, "//x?y?z")
	f(abi.PartURI, "/../x?y", abi.StatusInvalid, "/a/b?c=d")
	f(abi.PartURI, "http://x/", abi.StatusInvalid, "/a/b?c=d")
	f(abi.PartProtocol, "2", abi.StatusNotAllowed, "1.1")
}

func TestFields(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.wantRead("text/html", "field", request, "ACCEPT", 0)
	h.wantRead("1", "field", request, "X-TWO", 0)
	h.wantRead("2", "field", request, "x-two", 1)
	h.wantRead("absent", "field", request, "x-two", 2)
	h.wantRead("absent", "field", request, "x-two", 0xffffffff)
	h.wantRead("absent", "field", request, "", 0)
	h.want(2, "field_count", request, "x-two")
	h.want(0, "field_count", request, "x-three")
	h.wantStatus(abi.StatusInvalid, "field_count", 2, "a")

	h.want(0, "field_set", request, "X-Two", "3")
	h.want(0, "field_add", request, "X-Three", "")
	h.want(0, "field_remove", request, "accept")
	h.wantStatus(abi.StatusAbsent, "field_remove", request, "accept")
	want := "\x06\x00\x00\x00\x05\x00\x00\x00Cookiesid=1" + "\x0d\x00\x00\x00\x07\x00\x00\x00AuthorizationBasic x" +
		"\x05\x00\x00\x00\x01\x00\x00\x00X-Two3" + "\x07\x00\x00\x00\x00\x00\x00\x00X-Three"
	h.wantRead(want, "fields", request)
	h.want(int64(len(want)), "fields", request, room(len(want)-1))
	if h.g.Bytes[len(want)] != '?' {
		t.Error("a byte behind the buffer was written")
	}
	h.s.Rollback()
	if v, _ := h.x.Request.Header.Named("x-two"); v != "1" || h.x.Request.Header.Len() != 5 {
		t.Errorf("after Rollback: %v", fieldsOf(&h.x.Request.Header))
	}
}

func fieldsOf(h *exchange.Header) (out []string) {
	for f := range h.All() {
		out = append(out, f.Name+": "+f.Value)
	}
	return out
}

func TestFieldRules(t *testing.T) {
	f := func(name, value string, want abi.Status) {
		t.Helper()
		for _, fn := range []string{"field_set", "field_add"} {
			h := start(t, exchange.OnRequest, Options{})
			h.wantStatus(want, fn, request, name, value)
			if want != abi.StatusOK && h.s.staged {
				t.Errorf("%s %q changed something", fn, name)
			}
		}
	}
	f("X-A", "b c\td\xc3\xbc", 0)
	f("X-A", "", 0)
	f("", "b", abi.StatusInvalid)
	f("X A", "b", abi.StatusInvalid)
	f("X:A", "b", abi.StatusInvalid)
	f("X-Ü", "b", abi.StatusInvalid)
	f(strings.Repeat("a", 257), "b", abi.StatusInvalid)
	f("X-A", "b\r\nX-B: c", abi.StatusInvalid)
	f("X-A", "b\nc", abi.StatusInvalid)
	f("X-A", "b\x00c", abi.StatusInvalid)
	f("X-A", "b\x7fc", abi.StatusInvalid)
	f("X-A", " b", abi.StatusInvalid)
	f("X-A", "b\t", abi.StatusInvalid)
	for _, name := range strings.Fields("Connection Transfer-Encoding CONTENT-LENGTH Trailer Date Age CDN-Loop Keep-Alive Proxy-Connection TE Upgrade Host Expect Proxy-Authorization") {
		f(name, "b", abi.StatusNotAllowed)
		h := start(t, exchange.OnRequest, Options{})
		h.wantStatus(abi.StatusNotAllowed, "field_remove", request, name)
	}
}

// Authorization and Cookie cannot be read on the origin's side, unless the binding reads them.
func TestPrivateFieldsAreHidden(t *testing.T) {
	f := func(hook exchange.Hook, reads Reads, cookie, authorization string, left int) {
		t.Helper()
		h := start(t, hook, Options{Reads: reads})
		h.wantRead(cookie, "field", request, "cookie", 0)
		h.wantRead(authorization, "field", request, "Authorization", 0)
		list := h.read("fields", request)
		if strings.Contains(list, "sid=1") != (cookie == "sid=1") || strings.Contains(list, "Basic") != (authorization == "Basic x") {
			t.Errorf("%s: fields are %q", hook, list)
		}
		if n := h.call("field_count", request, "cookie") + h.call("field_count", request, "authorization"); n != int64(left) {
			t.Errorf("%s: %d of them are counted, want %d", hook, n, left)
		}
	}
	f(exchange.OnRequest, Reads{}, "sid=1", "Basic x", 2)
	f(exchange.OnFetch, Reads{}, "absent", "absent", 0)
	f(exchange.OnFetched, Reads{}, "absent", "absent", 0)
	f(exchange.OnError, Reads{}, "absent", "absent", 0)
	f(exchange.OnResponse, Reads{}, "sid=1", "Basic x", 2)
	f(exchange.OnFetch, Reads{Cookie: true}, "sid=1", "absent", 1)
	f(exchange.OnFetch, Reads{Authorization: true}, "absent", "Basic x", 1)

	// They can be set, as to sign for the origin, and removing them tells nothing.
	h := start(t, exchange.OnFetch, Options{})
	h.want(0, "field_set", request, "Authorization", "mine")
	h.wantRead("absent", "field", request, "authorization", 0)
	h.want(0, "field_remove", request, "Cookie")
	h.want(0, "field_remove", request, "Cookie")
}

// A guest cannot grow the head, or the exchange's memory, without bound.
func TestFieldLimits(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	n := 0
	for h.call("field_add", request, "X-A", "b") == 0 {
		n++
	}
	h.wantStatus(abi.StatusLimit, "field_add", request, "X-A", "b")
	if n != message.MaxFields-5 {
		t.Errorf("%d field lines were added", n)
	}
	h = start(t, exchange.OnRequest, Options{})
	value := strings.Repeat("b", 900)
	for n = 0; h.call("field_set", request, "X-A", value) == 0; n++ {
	}
	h.wantStatus(abi.StatusLimit, "field_set", request, "X-A", value)
	if h.s.kept > maxKept || n < maxKept/1000 {
		t.Errorf("%d bytes were kept in %d calls", h.s.kept, n)
	}
}

func TestRespond(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.wantStatus(abi.StatusInvalid, "respond", 199, "")
	h.wantStatus(abi.StatusInvalid, "respond", 600, "")
	h.wantStatus(abi.StatusInvalid, "respond", 204, "x")
	h.want(0, "respond", 200, "first")
	h.want(0, "field_set", response, "X-A", "b")
	h.want(0, "respond", 403, "no")
	h.want(403, "response_status")
	h.want(0, "field_set", response, "Content-Type", "text/plain")
	h.want(0, "body_append", response, "pe")
	h.want(0, "response_status_set", 404)
	h.wantRead("nope", "body", response)
	answered, err := h.s.Commit(1)
	r := &h.x.Response
	if !answered || err != nil || r.Status != 404 || r.ContentLength != 4 || strings.Join(fieldsOf(&r.Header), "; ") != "Content-Type: text/plain" || all(r.Body) != "nope" {
		t.Errorf("answered %v, %v: %d %v", answered, err, r.Status, fieldsOf(&r.Header))
	}
}

// A response that was made is forgotten if the hook goes on; the rest of what it did stays.
func TestRespondForgotten(t *testing.T) {
	h := start(t, exchange.OnRequest, Options{})
	h.want(0, "field_set", request, "X-A", "b")
	h.want(0, "respond", 403, "no")
	h.want(0, "field_set", response, "X-B", "c")
	if answered, err := h.s.Commit(0); answered || err != nil {
		t.Fatal(answered, err)
	}
	r := &h.x.Response
	if r.Status != 0 || r.Header.Len() != 0 || r.Body != nil {
		t.Errorf("response %d %v", r.Status, fieldsOf(&r.Header))
	}
	if v, _ := h.x.Request.Header.Named("x-a"); v != "b" {
		t.Error("the change of the request is gone")
	}
}

func TestFailureWord(t *testing.T) {
	h := start(t, exchange.OnError, Options{})
	h.x.Err = &exchange.Error{Reason: exchange.ReasonOriginTimeout}
	h.wantRead("origin-timeout", "failure")
	h = start(t, exchange.OnRequest, Options{})
	h.x.Err = &exchange.Error{Reason: exchange.ReasonOriginTimeout}
	h.wantRead("absent", "failure")
}
