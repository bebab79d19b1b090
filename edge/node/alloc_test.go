package node_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
)

// A wire is a kept connection on which the same request is made again and again, without an allocation.
type wire struct {
	t       testing.TB
	conn    net.Conn
	request []byte
	answer  []byte // of the first request; the others are as long
	buf     []byte
}

func dial(t testing.TB, addr, request string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, conn: conn, request: []byte(request), buf: make([]byte, 64<<10)}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(w.request); err != nil {
		t.Fatal(err)
	}
	for !w.whole() {
		n, err := conn.Read(w.buf[len(w.answer):])
		if err != nil {
			t.Fatal(err)
		}
		w.answer = w.buf[:len(w.answer)+n]
	}
	w.answer = bytes.Clone(w.answer)
	return w
}

// whole tells whether the answer is there: its head, and as much as Content-Length says.
func (w *wire) whole() bool {
	head, body, ok := bytes.Cut(w.answer, []byte("\r\n\r\n"))
	if !ok {
		return false
	}
	var n int
	_, after, _ := bytes.Cut(bytes.ToLower(head), []byte("content-length: "))
	if _, err := fmt.Sscan(string(after), &n); err != nil {
		w.t.Fatalf("no length in %s", head)
	}
	return len(body) == n
}

// again makes the request n times. All answers have the length that the first had.
func (w *wire) again(n int) {
	for range n {
		if _, err := w.conn.Write(w.request); err != nil {
			w.t.Fatal(err)
		}
		for got := 0; got < len(w.answer); {
			m, err := w.conn.Read(w.buf)
			if err != nil {
				w.t.Fatal(err)
			}
			got += m
		}
	}
}

// ask makes the request once more, whose answer has the status of the one before. It may have another length: its fields tell the time.
func (w *wire) ask() {
	const line = len("HTTP/1.1 200")
	before := string(w.answer[:line])
	if _, err := w.conn.Write(w.request); err != nil {
		w.t.Fatal(err)
	}
	for w.answer = w.buf[:0]; !w.whole(); {
		n, err := w.conn.Read(w.buf[len(w.answer):])
		if err != nil {
			w.t.Fatal(err)
		}
		w.answer = w.buf[:len(w.answer)+n]
	}
	if status := string(w.answer[:line]); status != before {
		w.t.Errorf("%s, before it was %s", status, before)
	}
}

// Requests that are measured at once, and how often at most.
const measured, measures = 4000, 5

// allocations is what a request costs the whole process, client and server, in objects. What goes on beside the requests
// only adds to it, so it is measured anew as long as it is above what is wanted.
func allocations(w *wire, wanted float64) (least float64) {
	w.again(2000) // pools, series and buffers are made
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for n := 0; n == 0 || n < measures && least > wanted; n++ {
		runtime.GC()
		w.again(200)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.again(measured)
		runtime.ReadMemStats(&after)
		if got := float64(after.Mallocs-before.Mallocs) / measured; n == 0 || got < least {
			least = got
		}
	}
	return least
}

// TestAllocations: from socket to socket, with access log and metrics on, a hit allocates nothing beyond what a bare
// fasthttp handler does; with a function that sets a field as well, with default limits, and whether its instance keeps what it
// knows or is put back to its snapshot after each request, which is the default.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector sync.Pool drops what it is given")
	}
	body := strings.Repeat("x", 1024)
	u := newUpstream(t, "shop")
	u.serve(func(w http.ResponseWriter, r *http.Request) {
		// Age and what is left of the freshness keep their number of digits for a while.
		w.Header().Set("Cache-Control", "max-age=9000")
		w.Header().Set("Age", "100")
		w.Header().Set("Content-Type", "text/plain")
		w.Write([]byte(body))
	})
	w := newWorld(t, fmt.Sprintf(`
functions: [{name: f}, {name: kept, isolation: instance}, {name: go}]
origins: [{name: shop, servers: [{url: %q}]}]
sites: [{hosts: [shop.example], origin: shop, routes: [{path: /f, functions: [f]}, {path: /kept, functions: [kept]}, {path: /go, functions: [go]}]}]
`, u.url()), nil)
	for _, name := range []string{"f", "kept"} {
		g := newGuest()
		w.deploy(name, g.hook("on_response", g.setField("X-Function", "pooled")).bytes())
	}
	w.deploy("go", Go(t, goFieldSetter))

	bare := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("text/plain")
		ctx.SetBodyString(body)
	}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go bare.Serve(ln)
	t.Cleanup(func() { bare.Shutdown() })

	request := func(path string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: identity\r\n\r\n"
	}
	plain := allocations(dial(t, ln.Addr().String(), request("/")), 0.01)
	f := func(path, field string) {
		t.Helper()
		w.want("http://shop.example"+path, 200, body)
		c := dial(t, w.node.Addr(), request(path))
		if !strings.Contains(string(c.answer), "; hit") || !strings.Contains(string(c.answer), field) {
			t.Fatalf("not the answer that is to be measured: %s", c.answer)
		}
		lines := func() int {
			b, err := os.ReadFile(w.path("access.log"))
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Count(b, []byte(`"outcome":"hit"`))
		}
		hits, logged := w.metric("wedge_requests_total", `outcome="hit"`), lines()
		most := plain + 0.05
		got := allocations(c, most)
		t.Logf("%s: %.4f allocations a request, a bare handler %.4f", path, got, plain)
		if got > most {
			t.Errorf("%s: %.4f allocations a request, a bare handler %.4f", path, got, plain)
		}
		// It was the whole way: each request is counted, and logged.
		if n := w.metric("wedge_requests_total", `outcome="hit"`) - hits; n < measured {
			t.Errorf("metrics count %v hits", n)
		}
		eventually(t, "the access log is written", func() bool { return lines()-logged >= measured })
	}
	f("/", "")
	f("/f", "X-Function: pooled")
	f("/kept", "X-Function: pooled")
	f("/go", "X-Function: go")
	if n := w.metric("wedge_events_total", `event="function_instance_served"`); n != 0 {
		t.Errorf("%v instances served one request only", n)
	}
}

const goFieldSetter = `
package main

import "unsafe"

//go:wasmimport wedge field_set
func fieldSet(message uint32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

func main() {}

//go:wasmexport wedge_abi_v1
func abi() {}

//go:wasmexport on_response
func onResponse() int32 {
	name, value := []byte("X-Function"), []byte("go")
	fieldSet(1, unsafe.Pointer(&name[0]), 10, unsafe.Pointer(&value[0]), 2)
	return 0
}
`
