package origin

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
)

// How a server ends what it has said.
const (
	shut  = iota // closes the connection
	hangs        // says nothing more
)

// TestFaults is the table of what servers do wrong, and right: one line a
// case. Each is read by Read and by WriteTo, in one piece and byte by byte.
func TestFaults(t *testing.T) {
	run := func(method, says string, end int, writeTo bool, piece int) (got string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.serve["shop.test:80"] = func(s *side) {
				s.head()
				for rest := says; rest != ""; {
					n := min(piece, len(rest))
					if _, err := s.Conn.Write([]byte(rest[:n])); err != nil {
						return
					}
					rest = rest[n:]
				}
				if end == hangs {
					s.wait()
				}
			}
			x := request(method + " /")
			defer x.Release()
			got = w.outcome(context.Background(), x, writeTo)
		})
		return got
	}
	fm := func(method, says string, end int, expected string) {
		t.Helper()
		says = strings.ReplaceAll(says, "~", "\r\n")
		for _, writeTo := range []bool{false, true} {
			for _, piece := range []int{1 << 20, 1} {
				if piece == 1 && len(says) > 2000 {
					continue
				}
				if got := run(method, says, end, writeTo, piece); got != expected {
					t.Errorf("%s, %.60q (WriteTo %v, pieces of %d):\n got  %s\n want %s", method, says, writeTo, piece, got, expected)
				}
			}
		}
	}
	f := func(says string, end int, expected string) { t.Helper(); fm("GET", says, end, expected) }

	// What is right.
	f("HTTP/1.1 200 OK~Content-Length: 5~~hello", hangs, `200 "hello", length 5`)
	f("HTTP/1.1 200~Content-Length: 5~~hello", hangs, `200 "hello", length 5`)
	f("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", hangs, `200 "hello", length 5`)
	f("HTTP/1.1 200 OK~Content-Length: 0~~", hangs, `200 no body, length 0`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~~", hangs, `200 "hello", length -1`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: Chunked~~1;a=b~h~0004 ; c=\"d\"~ello~000~~", hangs, `200 "hello", length -1`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~Sum: 1~Content-Length: 9~~", hangs, `200 "hello", length -1 +Sum:1`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~0~~", hangs, `200 "", length -1`)
	f("HTTP/1.1 200 OK~~hello", shut, `200 "hello", length -1`)
	f("HTTP/1.1 200 OK~~", shut, `200 "", length -1`)
	f("HTTP/1.0 200 OK~~hello", shut, `200 "hello", length -1`)
	f("HTTP/1.0 200 OK~Content-Length: 5~~hello", hangs, `200 "hello", length 5`)
	f("HTTP/1.1 200 OK~Content-Length: 5~Content-Length: 5~~hello", hangs, `200 "hello", length 5`)
	f("HTTP/1.1 200 OK~Content-Length: 5, 5~~hello", hangs, `200 "hello", length 5`)
	f("HTTP/1.1 204 No Content~~", hangs, `204 no body, length 0`)
	f("HTTP/1.1 204 No Content~Content-Length: 5~~", hangs, `204 no body, length 0`)
	f("HTTP/1.1 304 Not Modified~Content-Length: 5~~", hangs, `304 no body, length 5`)
	f("HTTP/1.1 304 Not Modified~~", hangs, `304 no body, length -1`)
	fm("HEAD", "HTTP/1.1 200 OK~Content-Length: 5~~", hangs, `200 no body, length 5`)
	fm("HEAD", "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~", hangs, `200 no body, length -1`)
	f("HTTP/1.1 100 Continue~~HTTP/1.1 103 Early Hints~Link: a~~HTTP/1.1 200 OK~Content-Length: 2~~ok", hangs, `200 "ok", length 2`)
	f("HTTP/1.1 100 Continue~Content-Length: 7~~HTTP/1.1 200 OK~Content-Length: 2~~ok", hangs, `200 "ok", length 2`)
	f("HTTP/1.1 200 OK~Content-Length: 2~~ok, and more that nobody asked for", hangs, `200 "ok", length 2`)
	f("HTTP/1.1 200 OK~Content-Length: 100000~~"+strings.Repeat("x", 100000), hangs, `200 "xxxxxxxx... 100000 bytes", length 100000`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~186A0~"+strings.Repeat("x", 100000)+"~0~~", hangs, `200 "xxxxxxxx... 100000 bytes", length -1`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~"+strings.Repeat("1~x~", 5000)+"0~~", hangs, `200 "xxxxxxxx... 5000 bytes", length -1`)
	f("HTTP/1.1 200 OK~A: "+strings.Repeat("x", 60000)+"~Content-Length: 2~~ok", hangs, `200 "ok", length 2`)
	f("HTTP/1.1 200 OK~"+strings.Repeat("A: b~", maxFields-1)+"Content-Length: 2~~ok", hangs, `200 "ok", length 2`)

	// Cut at each place.
	f("", shut, "failed: origin origin-cut")
	f("HTT", shut, "failed: origin origin-cut")
	f("HTTP/1.1 200 OK~", shut, "failed: origin origin-cut")
	f("HTTP/1.1 200 OK~Content-Length: 10~", shut, "failed: origin origin-cut")
	f("HTTP/1.1 200 OK~Content-Length: 10~\r", shut, "failed: origin origin-cut")
	f("HTTP/1.1 103 Early Hints~~", shut, "failed: origin origin-cut")
	f("HTTP/1.1 200 OK~Content-Length: 10~~", shut, `200 "", length 10, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Content-Length: 10~~hello", shut, `200 "hello", length 10, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~", shut, `200 "", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5", shut, `200 "", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5\r", shut, `200 "", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hel", shut, `200 "hel", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello", shut, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello\r", shut, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~", shut, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0", shut, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~", shut, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~\r", shut, `200 "hello", length -1, broken: origin origin-cut`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~Sum: 1~", shut, `200 "hello", length -1, broken: origin origin-cut`)

	// Too slow.
	f("", hangs, "failed: origin origin-timeout")
	f("HTTP/1.1 200 OK~Content-Le", hangs, "failed: origin origin-timeout")
	f("HTTP/1.1 103 Early Hints~~", hangs, "failed: origin origin-timeout")
	f("HTTP/1.1 200 OK~Content-Length: 10~~hello", hangs, `200 "hello", length 10, broken: origin origin-timeout`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello", hangs, `200 "hello", length -1, broken: origin origin-timeout`)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~", hangs, `200 "hello", length -1, broken: origin origin-timeout`)
	f("HTTP/1.1 200 OK~~hello", hangs, `200 "hello", length -1, broken: origin origin-timeout`)

	// Against the protocol.
	const bad = "failed: origin origin-protocol"
	f("SSH-2.0-OpenSSH_9.2~", hangs, bad)
	f("garbage", hangs, bad)
	f("\r\nHTTP/1.1 200 OK~~", hangs, bad)
	f("HTTP/2.0 200 OK~~", hangs, bad)
	f("HTTP/1.x 200 OK~~", hangs, bad)
	f("HTTP/1.1 20 OK~~", hangs, bad)
	f("HTTP/1.1 2000 OK~~", hangs, bad)
	f("HTTP/1.1 099 OK~~", hangs, bad)
	f("HTTP/1.1 600 OK~~", hangs, bad)
	f("HTTP/1.1 -20 OK~~", hangs, bad)
	f("HTTP/1.1  200 OK~~", hangs, bad)
	f("HTTP/1.1 200 O\x00K~~", hangs, bad)
	f("HTTP/1.1 200 OK~A: b~ c~~", hangs, bad)
	f("HTTP/1.1 200 OK~ A: b~~", hangs, bad)
	f("HTTP/1.1 200 OK~A : b~~", hangs, bad)
	f("HTTP/1.1 200 OK~A~~", hangs, bad)
	f("HTTP/1.1 200 OK~: b~~", hangs, bad)
	f("HTTP/1.1 200 OK~A\x80: b~~", hangs, bad)
	f("HTTP/1.1 200 OK~A: b\x00~~", hangs, bad)
	f("HTTP/1.1 200 OK~A: b\rc~~", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: 5~Content-Length: 6~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: 5, 6~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: +5~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: -5~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: 5a~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length:~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: 99999999999999999999~~hello", hangs, bad)
	f("HTTP/1.1 200 OK~Content-Length: 5~Transfer-Encoding: chunked~~5~hello~0~~", hangs, bad)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~Content-Length: 5~~5~hello~0~~", hangs, bad)
	f("HTTP/1.1 200 OK~Transfer-Encoding: gzip, chunked~~5~hello~0~~", hangs, bad)
	f("HTTP/1.1 200 OK~Transfer-Encoding: identity~~5~hello~0~~", hangs, bad)
	f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~Transfer-Encoding: chunked~~5~hello~0~~", hangs, bad)
	f("HTTP/1.1 200 OK~Transfer-Encoding:~~5~hello~0~~", hangs, bad)
	f("HTTP/1.0 200 OK~Transfer-Encoding: chunked~~5~hello~0~~", hangs, bad)
	f("HTTP/1.1 101 Switching Protocols~Upgrade: x~~", hangs, bad)
	f("HTTP/1.1 200 OK~A: "+strings.Repeat("x", maxHead)+"~~", hangs, bad)
	f("HTTP/1.1 200 OK~"+strings.Repeat("A: b~", maxHead/6), hangs, bad)
	f("HTTP/1.1 200 OK~"+strings.Repeat("A: b~", maxFields)+"Content-Length: 2~~ok", hangs, bad)
	f(strings.Repeat("HTTP/1.1 103 Early Hints~~", maxInterim+1), hangs, bad)
	f(strings.Repeat("HTTP/1.1 100 Continue~~", maxInterim+1), hangs, bad)
	f(strings.Repeat("HTTP/1.1 103 Early Hints~A: "+strings.Repeat("x", maxHead/8)+"~~", 8), hangs, bad)
	broken := func(after, body string) {
		t.Helper()
		f("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~"+body, hangs, `200 "`+after+`", length -1, broken: origin origin-protocol`)
	}
	broken("", "x~hello~0~~")
	broken("", "~5~hello~0~~")
	broken("", "-5~hello~0~~")
	broken("", " 5~hello~0~~")
	broken("", "0x5~hello~0~~")
	broken("", "5 5~hello~0~~")
	broken("", "5\nhello~0~~")
	broken("", "5;\x01~hello~0~~")
	broken("", "8000000000000000~hello~0~~")
	broken("", "ffffffffffffffffff~hello~0~~")
	broken("", strings.Repeat("0", maxChunkLine+1)+"5~hello~0~~")
	broken("", strings.Repeat("0", 2*maxChunkLine))
	broken("", "5;"+strings.Repeat("x", maxChunkLine)+"~hello~0~~")
	broken("hello", "5~helloo~0~~")
	broken("hello", "5~hello\n0~~")
	broken("hello", "5~hello\rx0~~")
	broken("hello", "5~hello~0~Sum : 1~~")
	broken("hello", "5~hello~0~\n")
	broken("hello", "5~hello~0~Sum: 1\n~")
	broken("hello", "5~hello~0~Sum: 1~\n")
	broken("hello", "5~hello~0~Sum: 1~ folded~~")
	broken("hello", "5~hello~0~A: "+strings.Repeat("x", maxHead)+"~~")
}
