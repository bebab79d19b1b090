package observe

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// An AccessLog writes a line of JSON for each request. It never blocks whoever
// logs: lines gather in one of two buffers while a goroutine writes the other;
// when the gathering one is full, lines are dropped and counted.
//
// mu guards gather and what stands below it; the writer holds it only to exchange them. out is
// the writer's alone, but for Reopen, which hands a new one over by reopen.
//
// INVARIANT: len(gather) ≤ size.
type AccessLog struct {
	path string
	size int

	mu     sync.Mutex
	gather []byte
	lines  int // in gather
	closed bool

	clock   atomic.Pointer[clockText] // of the last line's second; never changed
	wake    chan struct{}             // there is a first line
	urgent  chan struct{}             // do not wait for more: much has gathered, or the end has come
	reopen  chan chan error
	done    chan struct{}
	written atomic.Uint64
	dropped atomic.Uint64
	failed  atomic.Uint64
}

// gathering is how long lines gather before they are written: a write for each
// request would cost more than the request.
const gathering = 100 * time.Millisecond

// enough is how many bytes of lines are worth a write before that. Few, so that
// both buffers stay in the processor's cache: lines that gather by the megabyte
// are written to memory and read back from it.
const enough = 128 << 10

// logBuffer is how much of unwritten lines is kept, in bytes: at 300 bytes a
// line, some 14 000 lines.
const logBuffer = 4 << 20

// usualLine is the length up to which a line is made without allocating.
const usualLine = 768

// OpenAccessLog opens a log on a file, appending to it, or on stdout if path is
// "-". It returns nil, which is a log that takes everything and writes nothing,
// if path is "off".
func OpenAccessLog(path string, stdout io.Writer) (*AccessLog, error) {
	if path == "off" {
		return nil, nil
	}
	var out io.Writer = stdout
	if path != "-" {
		f, err := openLog(path)
		if err != nil {
			return nil, err
		}
		out = f
	}
	return newAccessLog(path, out, logBuffer), nil
}

func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	return f, nil
}

func newAccessLog(path string, out io.Writer, size int) *AccessLog {
	l := &AccessLog{path: path, size: size, wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1), reopen: make(chan chan error), done: make(chan struct{})}
	go l.write(out)
	return l
}

// Log adds the line of an exchange that has ended.
func (l *AccessLog) Log(x *exchange.Exchange, took time.Duration) {
	if l == nil {
		return
	}
	clock := l.clock.Load()
	if clock == nil || clock.second != x.Now.Unix() {
		clock = newClockText(x.Now)
		l.clock.Store(clock)
	}
	// The line is made before the lock is taken, which all processors want.
	var room [usualLine]byte
	line := appendLine(room[:0], x, took, clock)
	l.mu.Lock()
	before := len(l.gather)
	if before+len(line) > l.size || l.closed {
		l.mu.Unlock()
		l.dropped.Add(1)
		return
	}
	l.gather = append(l.gather, line...)
	l.lines++
	least := min(enough, l.size/2)
	much := before < least && len(l.gather) >= least
	l.mu.Unlock()
	if before == 0 {
		signal(l.wake)
	}
	if much {
		signal(l.urgent)
	}
}

// signal says something to the writer, who needs to hear it only once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped is how many lines were lost because the log could not be written fast
// enough, or at all.
func (l *AccessLog) Dropped() uint64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load() + l.failed.Load()
}

// Reopen closes the log's file and opens it again by its name, so that whoever
// rotates logs may have renamed it. It does nothing for stdout.
func (l *AccessLog) Reopen() error {
	if l == nil || l.path == "-" {
		return nil
	}
	answer := make(chan error, 1)
	select {
	case l.reopen <- answer:
		return <-answer
	case <-l.done:
		return nil
	}
}

// Close writes what has gathered and ends the log; it waits for that at most d.
func (l *AccessLog) Close(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	signal(l.wake)
	signal(l.urgent)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.done:
	case <-t.C:
	}
}

// write is the goroutine that writes.
func (l *AccessLog) write(out io.Writer) {
	defer close(l.done)
	var spare []byte
	wait := time.NewTimer(gathering)
	for {
		select {
		case <-l.wake:
		case answer := <-l.reopen:
			f, err := openLog(l.path)
			if err == nil {
				if old, ok := out.(io.Closer); ok {
					old.Close()
				}
				out = f
			}
			answer <- err
			continue
		}
		wait.Reset(gathering)
		select {
		case <-wait.C:
		case <-l.urgent:
			wait.Stop()
		}
		// What comes from here on is told by wake again.
		l.mu.Lock()
		full, lines, closed := l.gather, l.lines, l.closed
		l.gather, l.lines = spare[:0], 0
		l.mu.Unlock()
		if lines > 0 {
			if _, err := out.Write(full); err != nil {
				l.failed.Add(uint64(lines)) // a full disk: requests go on
			} else {
				l.written.Add(uint64(lines))
			}
		}
		spare = full
		if closed {
			if c, ok := out.(io.Closer); ok && l.path != "-" {
				c.Close()
			}
			return
		}
	}
}
