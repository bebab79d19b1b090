package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// An origin answers /CLASS/SIZE/ID. It breaks off, fails or hangs where the class says so, and only there.
type origin struct {
	addr     string
	server   *http.Server
	requests atomic.Int64
	faults   atomic.Int64 // failures on purpose
}

func newOrigin() (*origin, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &origin{addr: ln.Addr().String()}
	o.server = &http.Server{Handler: o}
	go o.server.Serve(ln)
	return o, nil
}

// text is the body of a path.
func text(path string, size int) []byte {
	b := make([]byte, 0, size+len(path))
	for len(b) < size {
		b = append(b, path...)
	}
	return b[:size]
}

// split is the class and the size in a path.
func split(path string) (class string, size int) {
	part := strings.Split(path, "/")
	if len(part) != 4 {
		return "", 0
	}
	size, _ = strconv.Atoi(part[2])
	return part[1], size
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.requests.Add(1)
	class, size := split(r.URL.Path)
	body := text(r.URL.Path, size)
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	h.Set("ETag", fmt.Sprintf("%q", r.URL.Path))
	switch class {
	case "keep", "function":
		h.Set("Cache-Control", "max-age=600")
	case "brief":
		h.Set("Cache-Control", "max-age=1")
	case "stale":
		h.Set("Cache-Control", "max-age=1, stale-while-revalidate=5")
	case "vary":
		h.Set("Cache-Control", "max-age=600")
		h.Set("Vary", "X-Kind")
		body = text(r.URL.Path+r.Header.Get("X-Kind"), size)
		h.Del("ETag")
	case "pass":
		h.Set("Cache-Control", "no-store")
	case "error":
		o.faults.Add(1)
		h.Del("ETag")
		http.Error(w, "on purpose", 500)
		return
	case "cut":
		o.faults.Add(1)
		h.Set("Content-Length", strconv.Itoa(size))
		h.Set("Cache-Control", "max-age=600")
		w.Write(body[:size/2])
		panic(http.ErrAbortHandler)
	case "reset":
		o.faults.Add(1)
		panic(http.ErrAbortHandler)
	case "slow":
		h.Set("Cache-Control", "max-age=2")
		h.Set("Content-Length", strconv.Itoa(size))
		w.Write(body[:size/2])
		w.(http.Flusher).Flush()
		time.Sleep(50 * time.Millisecond)
		w.Write(body[size/2:])
		return
	default:
		http.NotFound(w, r)
		return
	}
	if h.Get("ETag") != "" && r.Header.Get("If-None-Match") == h.Get("ETag") {
		w.WriteHeader(304)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}
