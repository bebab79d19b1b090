package h1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// scripted is a connection whose input is known, given in pieces.
type scripted struct {
	in    []byte
	piece int
}

func (s *scripted) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	if s.piece > 0 && s.piece < len(p) {
		p = p[:s.piece]
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}
func (s *scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// read is one request as this package reads it.
type read struct {
	fault   *fault
	request exchange.Request
	content []byte
	err     error // of the content
	rest    []byte
}

func readAs(input []byte, piece int, o Options) read {
	c := newConn(New(&hitServer{}, o), &scripted{input, piece})
	if !c.await() {
		return read{fault: faultHeadCut}
	}
	var r read
	if r.fault = c.readHead(); r.fault != nil {
		return r
	}
	var m framing
	if m, r.fault = c.head.fill(c.headBuf[:c.headEnd], &r.request, c.front.options.BodySize); r.fault != nil {
		return r
	}
	if m.length != 0 {
		b := newBody(c, m.length)
		r.content, r.err = io.ReadAll(b)
		if m.length < 0 {
			r.request.Trailer = &b.trailer
		}
	}
	r.rest = append(bytes.Clone(c.buf[c.r:c.w]), c.nc.(*scripted).in...)
	return r
}

// differs says how this package and net/http understood an input differently;
// "" if they agree, or only one of them accepted it for a reason that is known.
func differs(r read, input []byte) string {
	// It does not skip the empty line that RFC 9112 §2.2 has a server skip.
	br := bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(input, crlf)))
	other, err := http.ReadRequest(br)
	if r.fault != nil {
		return "" // the stricter one may refuse: testdata/malformed.txt says what
	}
	if err != nil {
		return refusedByNetHTTP(&r.request, err)
	}
	if r.request.Method != other.Method || r.request.Target != other.RequestURI {
		return fmt.Sprintf("request line %q %q, net/http %q %q", r.request.Method, r.request.Target, other.Method, other.RequestURI)
	}
	if r.request.Host != other.Host && r.request.Method != "CONNECT" {
		return fmt.Sprintf("host %q, net/http %q", r.request.Host, other.Host)
	}
	if got, want := fieldsOf(&r.request.Header), linesOf(other.Header); got != want {
		return fmt.Sprintf("fields\n%s\nnet/http\n%s", got, want)
	}
	content, err := io.ReadAll(other.Body)
	if r.err != nil {
		return "" // stricter about chunks and trailers
	}
	if err != nil {
		return fmt.Sprintf("content %q, net/http fails: %v", r.content, err)
	}
	if !bytes.Equal(content, r.content) {
		return fmt.Sprintf("content %q, net/http %q", r.content, content)
	}
	if r.request.Trailer != nil {
		if got, want := fieldsOf(r.request.Trailer), linesOf(other.Trailer); got != want && other.Trailer != nil {
			return fmt.Sprintf("trailer\n%s\nnet/http\n%s", got, want)
		}
	}
	if rest, _ := io.ReadAll(br); !bytes.Equal(rest, r.rest) {
		return fmt.Sprintf("the next request begins with %q, net/http %q", r.rest, rest)
	}
	return ""
}

// refusedByNetHTTP holds each reason for which net/http refuses what this
// package accepts; any other is a difference.
func refusedByNetHTTP(r *exchange.Request, err error) string {
	for _, known := range []string{
		// It parses the target as a URL; here whoever needs a URL does (bad
		// escapes, and octets that no URL has).
		"parse \"",
	} {
		if strings.Contains(err.Error(), known) {
			return ""
		}
	}
	return fmt.Sprintf("accepted %q, net/http refuses: %v", r.Method+" "+r.Target, err)
}

// notInHeader are fields that net/http keeps elsewhere.
func notInHeader(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Host", "Transfer-Encoding", "Content-Length", "Trailer", "Connection", "Pragma", "Cache-Control":
		return true
	}
	return false
}

func fieldsOf(h *exchange.Header) string {
	all := http.Header{}
	for f := range h.All() {
		all.Add(f.Name, f.Value)
	}
	return linesOf(all)
}

func linesOf(h http.Header) string {
	var lines []string
	for name, values := range h {
		if notInHeader(name) {
			continue
		}
		for _, v := range values {
			lines = append(lines, fmt.Sprintf("%s: %q", name, v))
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Compare(a[:strings.IndexByte(a, ':')], b[:strings.IndexByte(b, ':')])
	})
	return strings.Join(lines, "\n")
}

// FuzzRequest: what this package accepts net/http understands in the same way,
// wherever the next request begins; and it makes no difference in which pieces
// the bytes come.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{"testdata/malformed.txt", "testdata/valid.txt"} {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range parseTable(f, path, b) {
			f.Add([]byte(strings.Join(c.send, "")), uint8(1))
		}
	}
	f.Add([]byte(getRequest), uint8(7))
	o := Options{HeaderSize: 4 << 10, BodySize: 64 << 10}
	f.Fuzz(func(t *testing.T, input []byte, piece uint8) {
		r := readAs(input, 0, o)
		if d := differs(r, input); d != "" {
			t.Errorf("%q\n%s", input, d)
		}
		p := readAs(input, int(piece)+1, o)
		if p.fault != r.fault {
			// Which rule is found broken first may depend on the pieces, that one is may not.
			if p.fault == nil || r.fault == nil {
				t.Fatalf("%q: %v as a whole, %v in pieces of %d", input, r.fault, p.fault, piece)
			}
			return
		}
		if r.fault == nil && (!bytes.Equal(r.content, p.content) || (r.err == nil) != (p.err == nil) || r.err == nil && !bytes.Equal(r.rest, p.rest)) {
			t.Errorf("%q: %q, %v as a whole, %q, %v in pieces of %d", input, r.content, r.err, p.content, p.err, piece)
		}
	})
}
