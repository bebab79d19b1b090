package observe

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of the functions' logs.
const (
	// FunctionLines is how many lines of a function are kept.
	FunctionLines = 1000
	// FunctionLine is the longest line, in bytes; the rest is cut.
	FunctionLine = 4 << 10
	// functionBytes bounds what is kept of one function, in bytes.
	functionBytes = 1 << 20
)

// A LogLine is a line that a function wrote, or that the node wrote about it.
type LogLine struct {
	// Number counts a function's lines from 1; it is the cursor to follow by.
	Number  uint64    `json:"number"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Request string    `json:"request,omitempty"`
	Version string    `json:"version,omitempty"`
	Message string    `json:"message"`
}

// FunctionLogs keep the last lines of each function in memory. It is safe for
// concurrent use.
type FunctionLogs struct {
	// mu guards logs; each log has a lock of its own, taken after mu is free.
	mu   sync.Mutex
	logs map[[2]string]*functionLog
}

// functionLog is a ring of lines. mu guards all.
//
// INVARIANT: len(lines) ≤ FunctionLines and bytes ≤ functionBytes.
type functionLog struct {
	mu    sync.Mutex
	lines []LogLine // the oldest first
	bytes int
	last  uint64
}

// maxLogs bounds how many functions have a log; names come from the
// configuration, so this is reached only by a large one.
const maxLogs = 10_000

func (f *FunctionLogs) of(owner, name string, create bool) *functionLog {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := [2]string{owner, name}
	l := f.logs[key]
	if l == nil && create && len(f.logs) < maxLogs {
		if f.logs == nil {
			f.logs = map[[2]string]*functionLog{}
		}
		l = &functionLog{}
		f.logs[key] = l
	}
	return l
}

// Add adds a line; what of its message is too long is cut.
func (f *FunctionLogs) Add(owner, name string, line LogLine) {
	l := f.of(owner, name, true)
	if l == nil {
		return
	}
	if len(line.Message) > FunctionLine {
		line.Message = line.Message[:FunctionLine] + "…"
	}
	line.Message = strings.ToValidUTF8(line.Message, "\ufffd")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	line.Number = l.last
	l.lines = append(l.lines, line)
	l.bytes += len(line.Message)
	drop := 0
	for len(l.lines)-drop > FunctionLines || l.bytes > functionBytes {
		l.bytes -= len(l.lines[drop].Message)
		l.lines[drop] = LogLine{}
		drop++
	}
	l.lines = l.lines[drop:]
}

// OfRequest returns the last lines of a function in one exchange, the oldest first, at most n. Those for which skip is true are
// left out.
func (f *FunctionLogs) OfRequest(owner, name, request string, n int, skip func(message string) bool) (messages []string) {
	l := f.of(owner, name, false)
	if l == nil || request == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.lines) - 1; i >= 0 && len(messages) < n; i-- {
		if line := &l.lines[i]; line.Request == request && !skip(line.Message) {
			messages = append(messages, line.Message)
		}
	}
	slices.Reverse(messages)
	return messages
}

// After returns the lines behind the cursor, the oldest first, at most n, and
// the cursor behind the last of them. A cursor of 0 begins n lines before the end.
func (f *FunctionLogs) After(owner, name string, cursor uint64, n int) ([]LogLine, uint64) {
	l := f.of(owner, name, false)
	if l == nil || n <= 0 {
		return nil, cursor
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	from := 0
	if cursor == 0 {
		from = max(0, len(l.lines)-n)
	} else {
		for from < len(l.lines) && l.lines[from].Number <= cursor {
			from++
		}
	}
	lines := append([]LogLine(nil), l.lines[from:min(len(l.lines), from+n)]...)
	if len(lines) > 0 {
		cursor = lines[len(lines)-1].Number
	}
	return lines, cursor
}
