package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// An answer reads one response from the pieces in which it arrives and compares its body with what is wanted.
type answer struct {
	want *Shot
	head []byte // so far; complete once phase is past inHead
	// phase goes up only: inHead, then either inBody with left bytes to come, or the chunk phases, then done.
	phase  phase
	status int
	left   int // of the body, or of the chunk
	at     int // bytes of the body so far
	line   []byte
	close  bool // the server will close the connection
}

type phase int

const (
	inHead phase = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	done
)

const maxHead = 64 << 10

var errHead = errors.New("a response head that is no HTTP/1.1")

func (a *answer) reset(want *Shot) {
	*a = answer{want: want, head: a.head[:0], line: a.line[:0]}
}

// feed takes a piece. What it does not consume after the end of the response is an error: nobody asked for more.
func (a *answer) feed(p []byte) error {
	for len(p) > 0 {
		switch a.phase {
		case inHead:
			// The end may be split over two pieces.
			from := max(0, len(a.head)-3)
			before := len(a.head)
			a.head = append(a.head, p...)
			i := bytes.Index(a.head[from:], []byte("\r\n\r\n"))
			if i < 0 {
				if len(a.head) > maxHead {
					return errHead
				}
				return nil
			}
			end := from + i + 4
			a.head = a.head[:end]
			p = p[end-before:]
			if err := a.parse(); err != nil {
				return err
			}
		case inBody, inChunk:
			n := min(len(p), a.left)
			if err := a.compare(p[:n]); err != nil {
				return err
			}
			p = p[n:]
			if a.left -= n; a.left == 0 {
				a.phase++
				if a.phase == inChunkSize { // after inBody
					if err := a.finish(); err != nil {
						return err
					}
				}
			}
		case inChunkSize, inChunkEnd, inTrailer:
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				a.line = append(a.line, p...)
				return nil
			}
			a.line = append(a.line, p[:i+1]...)
			p = p[i+1:]
			if err := a.chunkLine(bytes.TrimRight(a.line, "\r\n")); err != nil {
				return err
			}
			a.line = a.line[:0]
		case done:
			return fmt.Errorf("%d bytes after the end of a response", len(p))
		}
	}
	return nil
}

func (a *answer) chunkLine(line []byte) error {
	switch a.phase {
	case inChunkSize:
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return fmt.Errorf("a chunk size that is none: %q", line)
		}
		a.left, a.phase = int(n), inChunk
		if n == 0 {
			a.phase = inTrailer
		}
	case inChunkEnd:
		if len(line) != 0 {
			return fmt.Errorf("a chunk longer than it says: %q", line)
		}
		a.phase = inChunkSize
	case inTrailer:
		if len(line) == 0 {
			return a.finish()
		}
	}
	return nil
}

// parse reads the head.
func (a *answer) parse() error {
	h := a.head
	if len(h) < 14 || string(h[:7]) != "HTTP/1." || h[8] != ' ' {
		return errHead
	}
	status, err := strconv.Atoi(string(h[9:12]))
	if err != nil {
		return errHead
	}
	a.status = status
	if status != a.want.Status {
		return fmt.Errorf("status %d, wanted %d:\n%s", status, a.want.Status, h)
	}
	a.close = h[7] == '0' || bytes.EqualFold(Field(h, "Connection"), []byte("close"))
	if f := a.want.Field; f != "" && string(Field(h, f)) != a.want.Value {
		return fmt.Errorf("%s is %q, wanted %q", f, Field(h, f), a.want.Value)
	}
	if h[7] != '0' && bytes.EqualFold(Field(h, "Transfer-Encoding"), []byte("chunked")) { // 1.0 has no codings
		a.phase = inChunkSize
		return nil
	}
	length := Field(h, "Content-Length")
	if status == 304 || status == 204 {
		return a.finish()
	}
	n, err := strconv.ParseUint(string(length), 10, 62)
	if err != nil {
		return fmt.Errorf("a response without a length:\n%s", h)
	}
	a.left, a.phase = int(n), inBody
	if n == 0 {
		return a.finish()
	}
	return nil
}

func (a *answer) compare(p []byte) error {
	if a.want.AnyBody {
		return nil
	}
	if w := a.want.Body; len(p) > len(w)-a.at || !bytes.Equal(p, w[a.at:a.at+len(p)]) {
		return fmt.Errorf("the body differs within the %d bytes from %d on (%d are wanted)", len(p), a.at, len(w))
	}
	a.at += len(p)
	return nil
}

func (a *answer) finish() error {
	a.phase = done
	if a.at != len(a.want.Body) && !a.want.AnyBody {
		return fmt.Errorf("the body ends after %d bytes of %d", a.at, len(a.want.Body))
	}
	return nil
}

// Field is the value of the first field line of that name in a head, nil if there is none.
func Field(head []byte, name string) []byte {
	for {
		i := bytes.IndexByte(head, '\n')
		if i < 0 {
			return nil
		}
		head = head[i+1:]
		if len(head) > len(name) && head[len(name)] == ':' && equalFold(head[:len(name)], name) {
			v := head[len(name)+1:]
			if e := bytes.IndexByte(v, '\n'); e >= 0 {
				v = v[:e]
			}
			return bytes.TrimSpace(v)
		}
	}
}

func equalFold(b []byte, s string) bool {
	for i, c := range b {
		d := s[i]
		if c != d && (c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
