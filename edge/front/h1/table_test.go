package h1

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/edge/front/fronttest"
	"github.com/wedgecdn/wedge/hostapi/exchange"
)

var rewrite = flag.Bool("rewrite", false, "write what happened into testdata")

// A table in testdata is text. "# " begins a comment, "== " a case and its
// name; "send" lines hold what the client sends, quoted as in Go, in one write
// a line; "end" closes its sending side. What follows up to the next case is
// what happened, and is written by -rewrite.
type tableCase struct {
	before []string // comments and the name
	name   string
	send   []string
	script []string // the send and end lines as they stand
	end    bool
	got    []string
}

func parseTable(t testing.TB, path string, b []byte) (cases []*tableCase) {
	t.Helper()
	var before []string
	var c *tableCase
	for i, line := range strings.Split(strings.TrimRight(string(b), "\n"), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || word == "#":
			before = append(before, line)
		case word == "==":
			c = &tableCase{before: append(before, line), name: rest}
			before = nil
			cases = append(cases, c)
		case word == "send":
			s, err := strconv.Unquote(rest)
			if err != nil {
				t.Fatalf("%s:%d: %v", path, i+1, err)
			}
			c.send, c.script = append(c.send, expand(s)), append(c.script, line)
		case word == "end":
			c.end, c.script = true, append(c.script, line)
		default:
			c.got = append(c.got, line)
		}
	}
	return cases
}

// expand turns "{a*100}" into a hundred times a.
func expand(s string) string {
	for {
		i := strings.IndexByte(s, '{')
		if i < 0 {
			return s
		}
		j := i + strings.IndexByte(s[i:], '}')
		text, n, _ := strings.Cut(s[i+1:j], "*")
		times, _ := strconv.Atoi(n)
		s = s[:i] + strings.Repeat(text, times) + s[j+1:]
	}
}

// runTable runs every case and compares what happened.
func runTable(t *testing.T, path string, run func(t *testing.T, c *tableCase) []string) []*tableCase {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases := parseTable(t, path, b)
	var out strings.Builder
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, c)
			if !*rewrite && strings.Join(got, "\n") != strings.Join(c.got, "\n") {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.got, "\n\t"))
			}
			c.got = got
		})
		for _, line := range append(append(c.before, c.script...), c.got...) {
			fmt.Fprintln(&out, line)
		}
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cases
}

// tableServer reads each request to its end and says what it saw.
type tableServer struct {
	mu    sync.Mutex
	lines []string
}

func (s *tableServer) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// taken returns what was said since the last call.
func (s *tableServer) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return lines
}

func (s *tableServer) Serve(x *exchange.Exchange) {
	r := &x.Request
	s.say("served %s %+q of %q, HTTP/%s", r.Method, r.Target, r.Host, r.Proto)
	for f := range r.Header.All() {
		if f.Known() != exchange.Host {
			s.say("  %s: %s", f.Name, quoted(f.Value))
		}
	}
	status := 200
	if r.Body != nil && r.Target != "/unread" {
		b, err := io.ReadAll(r.Body)
		s.say("  content %s", quoted(string(b)))
		if r.Trailer != nil {
			for f := range r.Trailer.All() {
				s.say("  trailer %s: %s", f.Name, quoted(f.Value))
			}
		}
		if err != nil {
			s.say("  %s: %v", exchange.ReasonOf(err, exchange.ReasonNone), err)
			switch status = 400; exchange.ReasonOf(err, exchange.ReasonNone) {
			case exchange.ReasonTooLarge:
				status = 413
			case exchange.ReasonSlowClient:
				status = 408
			}
		}
	}
	fronttest.Respond(x, status, "")
}

func (s *tableServer) Refuse(x *exchange.Exchange, status int, reason exchange.Reason) {
	s.say("refused %s: %v", reason, x.Err)
	fronttest.Respond(x, status, "")
}

// quoted keeps the tables readable.
func quoted(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%+q and more, %d in all", s[:20], len(s))
	}
	return fmt.Sprintf("%+q", s)
}

// tableLimits are small, so that a case can exceed them; the timeouts are
// longer than a case may take, so that one that waits for them fails.
var tableLimits = Options{HeaderSize: 2 << 10, HeaderCount: 20, BodySize: 1000}

// patience is how long a case waits for the front; what it waits for comes at
// once, so this is the time of a hang.
const patience = 8 * time.Second

// talk plays a case over loopback and returns the statuses that came back
// until the front closed the connection.
func talk(t *testing.T, address string, c *tableCase, last string) (statuses []string) {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	for _, s := range append(c.send, last) {
		if _, err := io.WriteString(nc, s); err != nil {
			break // the front has closed: what it said shows below
		}
	}
	if c.end {
		nc.(*net.TCPConn).CloseWrite()
	}
	br := bufio.NewReader(nc)
	for {
		if _, err := br.Peek(1); err != nil {
			// A client that said that it would send no more, and does, may be reset.
			if err != io.EOF && !(errors.Is(err, syscall.ECONNRESET) && last != "" && len(statuses) > 0) {
				t.Errorf("the front did not close the connection in good order: %v", err)
				statuses = append(statuses, "hang")
			}
			return statuses
		}
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Errorf("what came back is no response: %v", err)
			return append(statuses, "garbage")
		}
		io.Copy(io.Discard, resp.Body)
		statuses = append(statuses, strconv.Itoa(resp.StatusCode))
	}
}

func listenLoopback(t *testing.T, f *Front) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Serve(ln) }()
	t.Cleanup(func() {
		f.Close()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// TestMalformed: each request that breaks a rule is answered 4xx or 5xx, at
// once, and the connection is closed.
func TestMalformed(t *testing.T) {
	s := &tableServer{}
	address := listenLoopback(t, New(s, tableLimits))
	cases := runTable(t, "testdata/malformed.txt", func(t *testing.T, c *tableCase) []string {
		statuses := talk(t, address, c, "")
		lines := append(s.taken(), "status "+strings.Join(statuses, " "))
		if last := statuses[max(len(statuses)-1, 0)]; last[0] != '4' && last[0] != '5' {
			t.Errorf("answered %s", last)
		}
		return lines
	})
	if len(cases) < 45 {
		t.Errorf("%d cases, want at least 45", len(cases))
	}
}

// TestValid: what looks odd but breaks no rule is served, and leaves the
// connection where the next request begins.
func TestValid(t *testing.T) {
	s := &tableServer{}
	address := listenLoopback(t, New(s, tableLimits))
	runTable(t, "testdata/valid.txt", func(t *testing.T, c *tableCase) []string {
		statuses := talk(t, address, c, "GET /next HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n")
		return append(s.taken(), "status "+strings.Join(statuses, " "))
	})
}
