package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAnswer(t *testing.T) {
	f := func(text, body, complaint string) {
		t.Helper()
		text = strings.ReplaceAll(text, "\n", "\r\n")
		for piece := 1; piece <= len(text); piece++ {
			var a answer
			a.reset(&Shot{Status: 200, Body: []byte(body), Field: "X-A", Value: "b"})
			var err error
			for rest := []byte(text); len(rest) > 0 && err == nil; {
				n := min(piece, len(rest))
				err = a.feed(rest[:n])
				rest = rest[n:]
			}
			switch {
			case complaint == "" && (err != nil || a.phase != done):
				t.Fatalf("%q in pieces of %d: phase %d, %v", text, piece, a.phase, err)
			case complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint)):
				t.Fatalf("%q in pieces of %d: %v, wanted %q", text, piece, err, complaint)
			}
		}
	}
	f("HTTP/1.1 200 OK\nx-a: b\nContent-Length: 5\n\nhello", "hello", "")
	f("HTTP/1.1 200 OK\nX-A:b\nContent-Length: 0\n\n", "", "")
	f("HTTP/1.1 200 OK\nX-A: b\nTransfer-Encoding: chunked\n\n2\nhe\n3;x=y\nllo\n0\n\n", "hello", "")
	f("HTTP/1.1 200 OK\nX-A: b\nTransfer-Encoding: chunked\n\n5\nhello\n0\nT: x\n\n", "hello", "")
	f("HTTP/1.1 200 OK\nX-A: b\nTransfer-Encoding: chunked\n\n2\nhe\n0\n\n", "hello", "ends after 2")
	f("HTTP/1.1 200 OK\nX-A: b\nTransfer-Encoding: chunked\n\n2\nhello\n0\n\n", "hello", "chunk")
	f("HTTP/1.1 200 OK\nX-A: b\nContent-Length: 5\n\nhallo", "hello", "differs")
	f("HTTP/1.1 200 OK\nX-A: b\nContent-Length: 6\n\nhello!", "hello", "differs")
	f("HTTP/1.1 200 OK\nX-A: b\nContent-Length: 4\n\nhell", "hello", "ends after 4")
	f("HTTP/1.1 200 OK\nX-A: b\nContent-Length: 5\n\nhelloHTTP", "hello", "after the end")
	f("HTTP/1.1 200 OK\nX-A: c\nContent-Length: 5\n\nhello", "hello", `X-A is "c"`)
	f("HTTP/1.1 404 Not Found\nX-A: b\nContent-Length: 5\n\nhello", "hello", "status 404")
	f("HTTP/1.1 200 OK\nX-A: b\n\nhello", "hello", "without a length")
	f("HTTP/1.0 200 OK\nX-A: b\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n", "hello", "without a length")
	f("SMTP/1.1 200 OK\n\n", "", errHead.Error())
}

// The oracle is the standard library: what it reads as the wanted body and nothing more, the client does too, and the client
// takes nothing for right that it does not.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 3)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 7)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		if piece < 1 || piece > 1<<20 {
			return
		}
		want := []byte("hello")
		var a answer
		a.reset(&Shot{Status: 200, Body: want})
		var err error
		for rest := text; len(rest) > 0 && err == nil; {
			n := min(piece, len(rest))
			err = a.feed(rest[:n])
			rest = rest[n:]
		}
		if err != nil || a.phase != done {
			return
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil {
			return // it is stricter about fields
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength > int64(len(want)) {
			return
		}
		if r.StatusCode != 200 || !bytes.Equal(body, want) {
			t.Errorf("%q passes for %q, but is %d with %q", text, want, r.StatusCode, body)
		}
	})
}
