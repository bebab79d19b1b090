package message

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
)

func body(s string) exchange.Body { return exchange.ReaderBody(io.NopCloser(strings.NewReader(s))) }

// staged has a request with the body "asked" and a response with the body "given".
func staged() (*Stage, *exchange.Exchange) {
	x := exchange.New()
	x.Request.Method, x.Request.Scheme, x.Request.Host, x.Request.Path = "POST", "https", "a.example", "/a"
	x.Request.Body, x.Request.ContentLength = body("asked"), 5
	x.Response.Status, x.Response.Body, x.Response.ContentLength = 200, body("given"), 5
	for _, n := range []string{"ETag", "Last-Modified", "Accept-Ranges", "Content-Digest"} {
		x.Response.Header.Add(n, "v")
	}
	s := &Stage{MaxBody: 16}
	s.Attach(x)
	s.Begin()
	return s, x
}

func all(t *testing.T, b exchange.Body) string {
	t.Helper()
	var sb strings.Builder
	if _, err := b.WriteTo(&sb); err != nil {
		t.Error(err)
	}
	return sb.String()
}

// Whatever a hook did, Rollback leaves the exchange as it was.
func TestStageRollback(t *testing.T) {
	f := func(name string, do func(s *Stage) error) {
		t.Helper()
		s, x := staged()
		if err := do(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.Rollback()
		q, r := &x.Request, &x.Response
		if q.Method != "POST" || q.Host != "a.example" || q.URI() != "/a" || q.Header.Len() != 0 || q.ContentLength != 5 || all(t, q.Body) != "asked" {
			t.Errorf("%s: the request is another one: %+v", name, q)
		}
		if r.Status != 200 || r.Header.Len() != 4 || r.ContentLength != 5 || all(t, r.Body) != "given" {
			t.Errorf("%s: the response is another one: %+v", name, r)
		}
	}
	f("nothing", func(*Stage) error { return nil })
	f("method", func(s *Stage) error { return s.SetMethod("PUT") })
	f("host", func(s *Stage) error { return s.SetHost("b.example") })
	f("uri", func(s *Stage) error { return s.SetURI("/b?c") })
	f("status", func(s *Stage) error { return s.SetStatus(404) })
	f("request field", func(s *Stage) error { return s.PutField(Request, "X-A", "1", false) })
	f("response field", func(s *Stage) error { return s.RemoveField(Response, "etag") })
	f("peek", func(s *Stage) error { _, _, err := s.Read(Request, 2); return err })
	f("read", func(s *Stage) error { _, err := s.Whole(Response); return err })
	f("request body", func(s *Stage) error { return s.SetBody(Request, []byte("b")) })
	f("response body", func(s *Stage) error { return s.SetBody(Response, []byte("b")) })
	f("read and replace", func(s *Stage) error { s.Whole(Response); return s.SetBody(Response, []byte("b")) })
	f("respond", func(s *Stage) error { return s.Respond(403, []byte("no")) })
}

// What a hook did stands after Settle, and a changed body loses what spoke of the old one.
func TestStageSettle(t *testing.T) {
	s, x := staged()
	if b, err := s.Whole(Response); err != nil || string(b) != "given" {
		t.Errorf("read %q, %v", b, err)
	}
	s.PutField(Response, "ETag", `"mine"`, false)
	s.SetBody(Response, []byte("another"))
	s.Settle()
	if got := all(t, x.Response.Body); got != "another" || x.Response.ContentLength != 7 {
		t.Errorf("body %q of %d bytes", got, x.Response.ContentLength)
	}
	if h := &x.Response.Header; h.Len() != 1 || h.Value(exchange.ETag) != `"mine"` {
		t.Errorf("%d fields are left, ETag %q; want the hook's own ETag", h.Len(), h.Value(exchange.ETag))
	}
}

func TestStageRefuses(t *testing.T) {
	f := func(name string, want error, do func(s *Stage) error) {
		t.Helper()
		s, _ := staged()
		if err := do(s); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	f("a field's line end", services.ErrInvalid, func(s *Stage) error { return s.PutField(Request, "X", "a\r\nb", false) })
	f("a field's name", services.ErrInvalid, func(s *Stage) error { return s.PutField(Request, "X:", "a", true) })
	f("a framing field", services.ErrNotAllowed, func(s *Stage) error { return s.PutField(Request, "Transfer-Encoding", "a", false) })
	f("the head's size", services.ErrLimit, func(s *Stage) error { return s.PutField(Request, "X", strings.Repeat("a", MaxHead), false) })
	f("method", services.ErrInvalid, func(s *Stage) error { return s.SetMethod("CONNECT") })
	f("path", services.ErrInvalid, func(s *Stage) error { return s.SetURI("/../a") })
	f("host", services.ErrInvalid, func(s *Stage) error { return s.SetHost("a b") })
	f("status", services.ErrInvalid, func(s *Stage) error { return s.SetStatus(101) })
	f("a 204 with a body", services.ErrInvalid, func(s *Stage) error { return s.Respond(204, []byte("a")) })
	f("a large body", ErrTooLarge, func(s *Stage) error { return s.SetBody(Request, make([]byte, 17)) })
	f("a large answer", ErrTooLarge, func(s *Stage) error { return s.Respond(200, make([]byte, 17)) })
	f("a large body to read", ErrTooLarge, func(s *Stage) error {
		s.X.Request.Body = body(strings.Repeat("a", 17))
		_, err := s.Whole(Request)
		return err
	})
	f("an unknown coding", ErrCoding, func(s *Stage) error {
		s.X.Response.Header.Add("Content-Encoding", "x")
		_, err := s.Whole(Response)
		return err
	})
}
