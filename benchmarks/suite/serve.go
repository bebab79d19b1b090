package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/benchmarks/origin"
)

// serveNamed runs one of the servers that are in this program, until it is killed.
func serveNamed(name string, args []string) error {
	ln, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	switch name {
	case "serve-origin":
		fmt.Println(ln.Addr())
		go func() { // it ends with its parent
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		return origin.Serve(ln, origin.NewBodies(origin.Largest))
	case "serve-bare":
		b := bare{bodies: origin.NewBodies(origin.Largest), function: args[1]}
		s := &fasthttp.Server{Handler: b.serve, NoDefaultServerHeader: true, NoDefaultContentType: true, Concurrency: 1 << 16}
		return s.Serve(ln)
	case "serve-proxy":
		p := &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: args[1]}) },
			Transport: &http.Transport{MaxIdleConnsPerHost: 1 << 10, DisableCompression: true},
			ErrorLog:  log.New(io.Discard, "", 0),
		}
		return (&http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}).Serve(ln)
	}
	return fmt.Errorf("%s serves nothing", name)
}

// bare answers as many bytes as the node does for a hit, in the same number of fields, and does nothing else.
type bare struct {
	bodies   *origin.Bodies
	function string
}

func (b *bare) serve(c *fasthttp.RequestCtx) {
	h := &c.Response.Header
	h.Set("Cache-Control", "max-age=86400")
	h.Set("Content-Type", "text/plain")
	h.Set("Age", "0")
	h.Set("Cache-Status", "wedge-00000000; hit; ttl=86400")
	h.Set("X-Request-Id", "f27cce38860d3c63e143581f3a662abb")
	if b.function == "ua" {
		device := "desktop"
		if strings.Contains(string(c.Request.Header.UserAgent()), "Mobile") {
			device = "mobile"
		}
		h.Set("X-Device", device)
	}
	// /ANYTHING/CLASS/SIZE/ID
	part := strings.SplitN(string(c.Path()), "/", 5)
	if len(part) != 5 {
		c.SetStatusCode(404)
		return
	}
	size, err := strconv.Atoi(part[3])
	id, err2 := strconv.Atoi(part[4])
	if err != nil || err2 != nil || size > origin.Largest || size < 0 || id < 0 {
		c.SetStatusCode(404)
		return
	}
	c.Response.SetBodyRaw(b.bodies.Body(size, id))
}
