package h1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// fileServer answers with a part of a file, by the kernel. It is a body, too.
type fileServer struct {
	t        testing.TB
	file     *os.File
	off, n   int64
	announce int64
	x        *exchange.Exchange
	errs     chan error
	copied   bool
	memory   bool // it says that the file stands in memory
}

func (s *fileServer) Serve(x *exchange.Exchange) {
	s.x = x
	x.Response.Status, x.Response.ContentLength, x.Response.Body = 200, s.announce, s
}

func (s *fileServer) Refuse(*exchange.Exchange, int, exchange.Reason) { panic("BUG: refused") }
func (s *fileServer) Read([]byte) (int, error)                        { return 0, io.EOF }

func (s *fileServer) WriteTo(w io.Writer) (int64, error) {
	send := w.(exchange.FileSender).SendFile
	if s.memory {
		send = w.(exchange.MemorySender).SendMemory
	}
	sent, err := send(s.file, s.off, s.n)
	if errors.Is(err, errors.ErrUnsupported) {
		s.copied = true
		sent, err = io.Copy(w, io.NewSectionReader(s.file, s.off, s.n))
	}
	return sent, err
}

func (s *fileServer) Close() error {
	err := s.x.Err
	s.x.Release()
	select {
	case s.errs <- err:
	default:
	}
	return nil
}

// serveFile serves a file of size bytes on a socket of the system.
func serveFile(t testing.TB, size int64, o Options) (*fileServer, net.Conn, []byte) {
	t.Helper()
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &fileServer{t: t, file: file, n: size, announce: size, errs: make(chan error, 1)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := New(s, o)
	go front.Serve(ln)
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		front.Close()
		ln.Close()
		file.Close()
	})
	return s, c, content
}

// A part of a file goes out whole, behind its head, as often as it is asked for.
func TestSendFile(t *testing.T) {
	const size = 5 << 20
	s, c, content := serveFile(t, size, Options{})
	r := bufio.NewReader(c)
	f := func(proto string, off, n int64) {
		t.Helper()
		s.off, s.n, s.announce = off, n, n
		fmt.Fprintf(c, "GET / %s\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", proto)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || !bytes.Equal(got, content[off:off+n]) {
			t.Errorf("%d bytes at %d: got %d, %v", n, off, len(got), err)
		}
		if err := <-s.errs; err != nil || s.copied {
			t.Errorf("%d bytes at %d: %v, copied %t", n, off, err, s.copied)
		}
	}
	for _, s.memory = range []bool{false, true} {
		f("HTTP/1.1", 0, size)
		f("HTTP/1.1", 1, size-1)
		f("HTTP/1.1", 12345, 1)
		f("HTTP/1.1", 54321, rawFile)
		f("HTTP/1.0", 100, 1<<20)
		f("HTTP/1.1", size-10, 10)
	}
}

// Content whose length nobody announced goes out in chunks, which the kernel cannot make.
func TestSendFileChunked(t *testing.T) {
	s, c, content := serveFile(t, 200_000, Options{})
	s.announce = -1
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(got, content) || !s.copied {
		t.Errorf("%d bytes, %v, copied %t", len(got), err, s.copied)
	}
}

// A file that ends early, and one that is longer than was announced, cut the response.
func TestSendFileCut(t *testing.T) {
	f := func(name string, prepare func(s *fileServer), want error) {
		t.Helper()
		s, c, _ := serveFile(t, 300_000, Options{})
		prepare(s)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if err := <-s.errs; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
		if err == nil {
			t.Errorf("%s: the client saw a whole response", name)
		}
	}
	f("short", func(s *fileServer) { s.file.Truncate(100_000) }, io.ErrUnexpectedEOF)
	f("long", func(s *fileServer) { s.announce = 1000 }, errOverlong)
	f("closed", func(s *fileServer) { s.file.Close() }, syscall.EBADF)
}

// A client that takes nothing any more is given up.
func TestSendFileStalled(t *testing.T) {
	s, c, _ := serveFile(t, 24<<20, Options{WriteTimeout: 100 * time.Millisecond})
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := <-s.errs; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Sending from a file allocates nothing.
func TestSendFileAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops what it is given")
	}
	const size = 256 << 10
	_, c, _ := serveFile(t, size, Options{})
	request, buf := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), make([]byte, 64<<10)
	got := testing.AllocsPerRun(200, func() {
		c.Write(request)
		for left := size + len("HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n"); left > 0; {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
	})
	if got >= 1 {
		t.Errorf("%v allocations a request", got)
	}
}
