package origin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An upload sends the body of a request, on a goroutine of its own: an answer
// may come before the end of the body, and must not wait for it.
//
// It ends when all is sent (whole), when the body breaks or the server takes
// nothing (err, and the connection is closed, so that both sides see it), when
// a write fails (err; the connection stays, an answer may be there), or when
// stop is set. Then done is closed. err is written before done is closed and
// under mu, because the reader of the response asks for it as soon as its read
// has failed.
type upload struct {
	p       *pool
	c       *conn
	body    exchange.Body
	length  int64
	trailer *exchange.Header
	turn    turn // ended with the upload

	stop atomic.Bool
	sent atomic.Int64
	done chan struct{}

	mu    sync.Mutex
	head  bool // the final head of the response is there
	whole bool
	err   *exchange.Error
}

// settleTime is how long the end of a transfer waits for its upload: it has
// either just sent its last byte, or hangs in a read of the client, which the
// front ends.
const settleTime = 50 * time.Millisecond

func newUpload(p *pool, c *conn, q *exchange.Request, t turn) *upload {
	return &upload{p: p, c: c, body: q.Body, length: q.ContentLength, trailer: q.Trailer, turn: t, done: make(chan struct{})}
}

// run sends the body.
func (u *upload) run() {
	defer close(u.done)
	defer u.turn.end()
	defer func() {
		if v := recover(); v != nil {
			// The body is another package's. Its bug costs this exchange, not the node.
			u.fail(&exchange.Error{Source: exchange.SourceNode, Op: "read the request's body", Err: fmt.Errorf("BUG: it panicked: %v\n%s", v, debug.Stack())}, true)
		}
	}()
	buf := u.p.u.buffers.Get().(*[]byte)
	defer u.p.u.buffers.Put(buf)
	ok := false
	if u.length < 0 {
		ok = u.sendChunks(*buf)
	} else {
		ok = u.sendCounted(*buf)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.whole = ok
	if !u.head {
		u.c.SetReadDeadline(time.Now().Add(u.p.settings.FirstByteTimeout))
	}
}

var (
	errShort = errors.New("the request's body is shorter than its Content-Length")
	errLong  = errors.New("the request's body is longer than its Content-Length")
)

func (u *upload) sendCounted(buf []byte) bool {
	left := u.length
	for left > 0 {
		n, err := u.read(buf[:min(left, int64(len(buf))-1)])
		left -= int64(n)
		if left == 0 && err == nil {
			// If there is more, what would be sent is not what was meant. That
			// must show before the server has all that it was promised.
			var more int
			if more, err = u.read(buf[n : n+1]); more > 0 {
				return u.broken(errLong)
			}
			if err == errStopped {
				err = io.EOF
			}
		}
		if err != nil && err != io.EOF {
			return u.broken(err)
		}
		if n > 0 && !u.write(buf[:n]) {
			return false
		}
		if err == io.EOF && left > 0 {
			return u.broken(errShort)
		}
	}
	return true
}

func (u *upload) sendChunks(buf []byte) bool {
	const before, after = 10, 2 // size in hexadecimal and CRLF; CRLF
	for {
		n, err := u.read(buf[before : len(buf)-after])
		if n > 0 {
			var size [before]byte
			line := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
			copy(buf[before-len(line):], line)
			copy(buf[before+n:], "\r\n")
			if !u.write(buf[before-len(line) : before+n+after]) {
				return false
			}
		}
		if err == io.EOF {
			return u.write(u.appendEnd(buf[:0]))
		}
		if err != nil {
			return u.broken(err)
		}
	}
}

// appendEnd appends the last chunk and the trailer section.
func (u *upload) appendEnd(b []byte) []byte {
	b = append(b, "0\r\n"...)
	if u.trailer != nil {
		for f := range u.trailer.All() {
			if validName(f.Name) && all(f.Value, charValue) && !framesMessage(f) {
				b = append(append(b, f.Name...), ": "...)
				b = append(append(b, f.Value...), "\r\n"...)
			}
		}
	}
	return append(b, "\r\n"...)
}

// errStopped is the error of a body that nobody wants to the end.
var errStopped = errors.New("the upload was stopped")

// read reads the body: n > 0 or an error.
func (u *upload) read(p []byte) (int, error) {
	for range 100 {
		n, err := 0, error(nil)
		if !u.stop.Load() {
			n, err = u.body.Read(p)
		}
		if u.stop.Load() {
			return 0, errStopped // also what was read meanwhile is not wanted any more
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// write sends b. It gives the server IdleTimeout to take anything.
func (u *upload) write(b []byte) bool {
	for {
		u.c.SetWriteDeadline(time.Now().Add(u.p.settings.IdleTimeout))
		n, err := u.c.Conn.Write(b)
		u.sent.Add(int64(n))
		b = b[n:]
		if err == nil {
			return true
		}
		slow := errors.Is(err, os.ErrDeadlineExceeded)
		if slow && n > 0 && u.c.wire == nil {
			continue // it takes bytes, however slowly. (TLS is unusable after a write that timed out.)
		}
		reason := exchange.ReasonOriginCut
		if slow {
			reason = exchange.ReasonOriginTimeout
		}
		u.fail(u.p.failure("send the body to", u.c.server, reason, err), slow)
		return false
	}
}

// broken ends an upload whose body cannot be read: the connection is closed,
// so that the server does not take what it has for the whole.
func (u *upload) broken(err error) bool {
	if err != errStopped {
		u.fail(u.p.clientFailed(err), true)
	}
	return false
}

func (u *upload) fail(err *exchange.Error, abort bool) {
	u.mu.Lock()
	if u.err == nil {
		u.err = err
	}
	u.mu.Unlock()
	if abort {
		u.c.close()
	}
}

// answered tells the upload that a final head is there: the time for it does
// not begin any more.
func (u *upload) answered() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.head = true
}

func (u *upload) failed() *exchange.Error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

func (u *upload) isDone() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// isWhole tells whether the server has been sent everything.
func (u *upload) isWhole() bool {
	if !u.isDone() {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.whole
}

// settle waits a moment for the upload's end.
func (u *upload) settle() {
	if u.isDone() {
		return
	}
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-u.done:
	case <-t.C:
	}
}
