package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/wedgecdn/wedge/edge/config"
	"github.com/wedgecdn/wedge/edge/node"
)

// body is what everybody answers.
var body = []byte(strings.Repeat("a", 1024))

// serve runs one of the servers until its parent has gone.
func serve(name, profile string) {
	if err := serveNamed(name, profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveNamed(name, profile string) error {
	var addr string
	switch name {
	case "bare":
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addr = ln.Addr().String()
		s := &fasthttp.Server{Handler: bare, NoDefaultServerHeader: true, NoDefaultContentType: true}
		go s.Serve(ln)
	default:
		dir, err := os.MkdirTemp("", "wedge-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		origin, err := startOrigin()
		if err != nil {
			return err
		}
		n, err := startNode(dir, origin, name == "wedge+function")
		if err != nil {
			return err
		}
		defer n.Shutdown(context.Background())
		addr = n.Addr()
	}
	fmt.Println(addr)
	if profile != "" {
		f, err := os.Create(filepath.Join(profile, name+".cpu"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
	return nil
}

// bare answers as many bytes as the node does, in the same number of fields.
func bare(c *fasthttp.RequestCtx) {
	h := &c.Response.Header
	h.Set("Cache-Control", "max-age=86400")
	h.Set("Content-Type", "text/plain")
	h.Set("Age", "0")
	h.Set("Cache-Status", "wedge-00000000; hit; ttl=86400")
	h.Set("X-Request-Id", "f27cce38860d3c63e143581f3a662abb")
	c.SetBody(body)
}

// startOrigin is what the node asks once.
func startOrigin() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &fasthttp.Server{NoDefaultServerHeader: true, NoDefaultContentType: true, Handler: func(c *fasthttp.RequestCtx) {
		c.Response.Header.Set("Cache-Control", "max-age=86400")
		c.Response.Header.Set("Content-Type", "text/plain")
		c.SetBody(body)
	}}
	go s.Serve(ln)
	return ln.Addr().String(), nil
}

func startNode(dir, origin string, withFunction bool) (*node.Node, error) {
	functions, bind := "", ""
	if withFunction {
		wasm := filepath.Join(dir, "setter.wasm")
		if err := os.WriteFile(wasm, setter(), 0o600); err != nil {
			return nil, err
		}
		functions = "functions: [{name: setter, module: setter.wasm, isolation: instance}]\n"
		bind = ", functions: [setter]"
	}
	text := fmt.Sprintf(`listen: {http: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
data: data
access_log: {file: access.log}
%sorigins: [{name: o, servers: [{url: "http://%s"}]}]
sites: [{hosts: ["*"], origin: o%s}]
`, functions, origin, bind)
	file := filepath.Join(dir, "wedge.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	n, err := node.New(c, node.Options{Version: "bench", Stderr: os.Stderr})
	if err != nil {
		return nil, err
	}
	return n, n.Start()
}
