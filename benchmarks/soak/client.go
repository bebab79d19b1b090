package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// A client asks for one thing after the other and checks what comes.
type client struct {
	node string
	http *http.Client
	rand *rand.Rand
	turn <-chan time.Time // one for each request; nil for no limit
	tell func(kind string, err error)
}

// pick is the next path: a few are asked for often, many seldom.
func (c *client) pick() (class, path string) {
	classes := []string{"keep", "keep", "keep", "keep", "keep", "function", "function", "brief", "stale", "vary", "pass", "slow", "error", "cut", "reset"}
	class = classes[c.rand.IntN(len(classes))]
	if c.rand.IntN(50) == 0 { // seldom: each loop takes all the time that it may have
		class = []string{"loop", "trap"}[c.rand.IntN(2)]
	}
	sizes := []int{100, 1000, 1000, 16000, 16000, 100000, 300000}
	id := int(c.rand.ExpFloat64() * c.rand.ExpFloat64() * 200)
	if class == "cut" || class == "reset" || class == "error" {
		id %= 50
	}
	return class, fmt.Sprintf("/%s/%d/%d", class, sizes[id%len(sizes)], id)
}

// once asks for one thing. An error is one that nobody injected.
func (c *client) once(ctx context.Context) (kind string, err error) {
	class, path := c.pick()
	method, want := http.MethodGet, 200
	_, size := split(path)
	body := text(path, size)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if class == "keep" && c.rand.IntN(20) == 0 {
		method = http.MethodHead
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+c.node+path, nil)
	if err != nil {
		return class, err
	}
	kind = class
	switch {
	case method == http.MethodHead:
		kind, body = "head", nil
	case class == "vary":
		v := fmt.Sprint(c.rand.IntN(4))
		r.Header.Set("X-Kind", v)
		body = text(path+v, size)
	case class == "keep" && c.rand.IntN(10) == 0:
		kind, want = "range", 206
		from := c.rand.IntN(size)
		to := from + c.rand.IntN(size-from)
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to))
		body = body[from : to+1]
	case class == "keep" && c.rand.IntN(30) == 0:
		kind = "abandoned"
	case class == "error":
		want, body = 500, []byte("on purpose\n")
	case class == "reset":
		want, body = 502, nil
	case class == "loop", class == "trap":
		want, body = 500, nil
	}
	w, err := c.http.Do(r)
	if err != nil {
		if class == "cut" && errors.Is(err, io.ErrUnexpectedEOF) {
			return kind, nil
		}
		return kind, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer w.Body.Close()
	if kind == "abandoned" {
		io.CopyN(io.Discard, w.Body, int64(size/3))
		return kind, nil
	}
	got, err := io.ReadAll(w.Body)
	switch {
	case class == "cut":
		// Either the node saw it in time and says so, or the body is visibly cut.
		if err == nil && w.StatusCode != 502 {
			return kind, fmt.Errorf("%s: a cut body passes for %d bytes with status %d", path, len(got), w.StatusCode)
		}
		return kind, nil
	case err != nil:
		return kind, fmt.Errorf("%s %s: after %d bytes: %w", method, path, len(got), err)
	case w.StatusCode != want:
		return kind, fmt.Errorf("%s %s: status %d, wanted %d (%s): %.100s", method, path, w.StatusCode, want, w.Header.Get("Cache-Status"), got)
	case class != "reset" && class != "loop" && class != "trap" && !bytes.Equal(got, body):
		return kind, fmt.Errorf("%s %s: %d bytes that are not the %d wanted (%s)", method, path, len(got), len(body), w.Header.Get("Cache-Status"))
	case class == "function" && !strings.HasPrefix(w.Header.Get("X-Fn"), "see"):
		return kind, fmt.Errorf("%s %s: the function did not run", method, path)
	}
	return kind, nil
}

func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		if c.turn != nil {
			select {
			case <-c.turn:
			case <-ctx.Done():
				return
			}
		}
		kind, err := c.once(ctx)
		if ctx.Err() == nil {
			c.tell(kind, err)
		}
	}
}
