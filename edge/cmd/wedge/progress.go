package main

import (
	"fmt"
	"io"
	"time"
)

const (
	progressAfter = 300 * time.Millisecond // a short upload shows nothing
	progressEvery = 200 * time.Millisecond
	eraseLine     = "\r\x1b[K"
)

// progress counts what is read through it and shows it in one line of a terminal that is written over and over.
// It belongs to the one goroutine that reads.
type progress struct {
	r     io.Reader
	w     io.Writer
	what  string // "auth.wasm"
	total int64  // -1 if it is not known
	then  string // what is waited for after the last byte; "" if for nothing

	done  int64
	next  time.Time // when to show it again
	shown bool
}

// watch lets a person see how far r was read; without a terminal it is r itself. The second result takes the line
// away again and is called before anything else is written.
func (c *command) watch(r io.Reader, total int64, what, then string) (io.Reader, func()) {
	if !c.shows {
		return r, func() {}
	}
	p := &progress{r: r, w: c.stderr, what: what, total: total, then: then, next: time.Now().Add(progressAfter)}
	return p, p.erase
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	switch now := time.Now(); {
	case err == io.EOF && p.then != "":
		p.show(p.then)
	case now.After(p.next):
		p.next = now.Add(progressEvery)
		of := ""
		if p.total > 0 {
			of = fmt.Sprintf(" of %s, %d %%", bytesText(p.total), 100*p.done/p.total)
		}
		p.show(bytesText(p.done) + of)
	}
	return n, err
}

func (p *progress) show(text string) {
	p.shown = true
	fmt.Fprintf(p.w, eraseLine+"%s: %s", p.what, text)
}

func (p *progress) erase() {
	if p.shown {
		fmt.Fprint(p.w, eraseLine)
	}
}
