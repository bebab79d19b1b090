// Package origin is the server behind all that is measured: it makes up every body from the path, and counts what it was asked.
//
// A path is /ANYTHING/CLASS/SIZE/ID. The class says how long the response is fresh: "keep" for a day, "brief" for a second and
// with a validator, "pass" not at all; "slow" is as "keep", its second half half a second later; "json" is as "keep", a document.
// /-/count tells the counts.
// The suite runs it as a process of its own, on the client's processor. It compares nothing: the client knows the bodies too.
package origin

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Largest is the size of the largest body.
const Largest = 64 << 20

// stride is between the beginnings of two bodies in the text from which all are cut; it is prime.
const stride = 4099

// Bodies has every body that the origin can send.
type Bodies struct{ text []byte }

// NewBodies makes the same bodies each time, of up to most bytes.
func NewBodies(most int) *Bodies {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	b := &Bodies{text: make([]byte, most+1<<20)}
	r := rand.New(rand.NewPCG(7, 7))
	for i := 0; i+8 <= len(b.text); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b.text[i+j] = letters[v>>(5*j)&31]
		}
	}
	return b
}

// Body is that of an id. It must not be written to.
func (b *Bodies) Body(size, id int) []byte {
	at := id * stride % (1 << 20)
	return b.text[at : at+size : at+size]
}

// Path is where the origin has a body.
func Path(prefix, class string, size, id int) string {
	return fmt.Sprintf("/%s/%s/%d/%d", prefix, class, size, id)
}

// Counts is what the origin was asked since it started.
type Counts struct{ Requests, NotModified int }

// Serve answers until the listener is closed.
func Serve(ln net.Listener, bodies *Bodies) error {
	var requests, notModified atomic.Int64
	s := &fasthttp.Server{NoDefaultServerHeader: true, Concurrency: 1 << 16, Handler: func(c *fasthttp.RequestCtx) {
		path := string(c.Path())
		if path == "/-/count" {
			fmt.Fprintf(c, "%d %d", requests.Load(), notModified.Load())
			return
		}
		requests.Add(1)
		part := strings.Split(path, "/")
		if len(part) != 5 {
			c.Error("no such path", 404)
			return
		}
		size, err := strconv.Atoi(part[3])
		id, err2 := strconv.Atoi(part[4])
		if err != nil || err2 != nil || size < 0 || size > Largest || len(bodies.text)-1<<20 < size || id < 0 {
			c.Error("no such path", 404)
			return
		}
		h := &c.Response.Header
		h.Set("Content-Type", "text/plain")
		body := bodies.Body(size, id)
		switch part[2] {
		case "json":
			h.Set("Cache-Control", "max-age=86400")
			body = Document(size, id)
		case "keep":
			h.Set("Cache-Control", "max-age=86400")
		case "brief":
			tag := fmt.Sprintf(`"%d-%d"`, size, id)
			h.Set("Cache-Control", "max-age=1")
			h.Set("ETag", tag)
			if bytes.Contains(c.Request.Header.Peek("If-None-Match"), []byte(tag)) {
				notModified.Add(1)
				c.SetStatusCode(304)
				return
			}
		case "pass":
			h.Set("Cache-Control", "no-store")
		case "slow":
			h.Set("Cache-Control", "max-age=86400")
			c.SetBodyStream(&slow{Reader: *bytes.NewReader(body), half: int64(size / 2)}, size)
			return
		default:
			c.Error("no such class", 404)
			return
		}
		c.Response.SetBodyRaw(body)
	}}
	return s.Serve(ln)
}

// slow waits in the middle.
type slow struct {
	bytes.Reader
	half int64
}

func (s *slow) Read(p []byte) (int, error) {
	if left := int64(s.Len()) - s.half; left > 0 && int64(len(p)) > left {
		p = p[:left]
	} else if left == 0 {
		time.Sleep(500 * time.Millisecond)
	}
	return s.Reader.Read(p)
}

// WriteTo is hidden: it would write everything at once.
func (s *slow) WriteTo() {}

// Count asks an origin for its counts.
func Count(addr string) (c Counts, err error) {
	r, err := http.Get("http://" + addr + "/-/count")
	if err != nil {
		return c, fmt.Errorf("origin: %w", err)
	}
	defer r.Body.Close()
	if _, err := fmt.Fscan(r.Body, &c.Requests, &c.NotModified); err != nil {
		return c, fmt.Errorf("origin: its counts: %w", err)
	}
	return c, nil
}
