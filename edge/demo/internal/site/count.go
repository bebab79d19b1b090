package site

import "sync"

// kept is how many requests a log remembers one by one.
const kept = 1024

// A Request is one that the origin was asked.
type Request struct {
	Number  int // counted from 1, over both variants
	Variant string
	Method  string
	URI     string // path and query, as they arrived
}

// A Log is what an origin was asked. Its zero value is empty.
//
// It grows by one entry a request up to kept, then forgets the oldest; the number goes on.
type Log struct {
	mu     sync.Mutex
	last   []Request
	number int
}

func (l *Log) add(variant, method, uri string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	if len(l.last) == kept {
		l.last = l.last[:copy(l.last, l.last[1:])]
	}
	l.last = append(l.last, Request{l.number, variant, method, uri})
	return l.number
}

// Number is how many requests there were.
func (l *Log) Number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number
}

// Since returns the requests behind a number, as far as they are remembered.
func (l *Log) Since(number int) []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	var after []Request
	for _, r := range l.last {
		if r.Number > number {
			after = append(after, r)
		}
	}
	return after
}
