package pipeline

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing/synctest"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

// push METHOD URL [owner=NAME] [cut] stores the response in input: a status,
// field lines, after a "." the body. With cut the body breaks off.
func (w *world) push(b *strings.Builder, words []string, input string) {
	owner, cut := "default", false
	for _, word := range words[2:] {
		if v, ok := strings.CutPrefix(word, "owner="); ok {
			owner = v
		}
		cut = cut || word == "cut"
	}
	status, rest, _ := strings.Cut(input, "\n")
	fields, body, _ := strings.Cut(rest+"\n", ".\n")
	body = strings.TrimSuffix(body, "\n")
	r := &exchange.Response{ContentLength: int64(len(body))}
	r.Status, _ = strconv.Atoi(status)
	for line := range strings.SplitSeq(fields, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.Header.Add(name, strings.TrimSpace(value))
		}
	}
	var content io.Reader = strings.NewReader(body)
	if cut {
		content = io.MultiReader(content, breaks{})
		r.ContentLength++
	}
	closed := &closeCounter{Reader: content}
	r.Body = exchange.ReaderBody(closed)
	ended := w.howManyEnded()
	why, err := w.p.Push(w.fill(words, ""), owner, r)
	if n := w.howManyEnded(); n != ended {
		w.t.Errorf("a push was told of as %d requests of clients", n-ended)
	}
	synctest.Wait()
	switch {
	case err != nil:
		fmt.Fprintf(b, "error: %v\n", err)
	case why != exchange.ReasonNone:
		fmt.Fprintf(b, "not stored: %s\n", why)
	default:
		b.WriteString("stored\n")
	}
	if closed.n != 1 {
		fmt.Fprintf(b, "the body was closed %d times\n", closed.n)
	}
	w.seen(b)
}

type breaks struct{}

func (breaks) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type closeCounter struct {
	io.Reader
	n int
}

func (c *closeCounter) Close() error { c.n++; return nil }

// howManyEnded is how many clients' exchanges have ended.
func (w *world) howManyEnded() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.ended)
}
