package fronttest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
)

func testInterim(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		var hints exchange.Header
		hints.Add("Link", "</style.css>; rel=preload")
		if err := x.Peer.Interim(103, &hints); err != nil {
			h.Errorf("interim: %v", err)
		}
		if err := x.Peer.Interim(200, &hints); err == nil {
			h.Error("200 went out as an interim response")
		}
		Respond(x, 200, "ok")
	})
	var links []string
	r := h.request("GET", "/", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			links = append(links, fmt.Sprint(code, " ", header.Get("Link")))
			return nil
		},
	}))
	h.want("content", h.all(h.do(r)), "ok")
	h.want("interim", strings.Join(links, "|"), "103 </style.css>; rel=preload")
}

func testContinue(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		if x.Request.Target == "/refuse" {
			Respond(x, 403, "no")
			return
		}
		b, err := io.ReadAll(x.Request.Body)
		if err != nil {
			h.Errorf("read body: %v", err)
		}
		Respond(x, 200, string(b))
	})
	source := &counted{r: strings.NewReader("content")}
	r := h.request("POST", "/take", source, "Expect: 100-continue")
	h.want("content", h.all(h.do(r)), "content")

	source = &counted{r: strings.NewReader("content")}
	resp := h.do(h.request("POST", "/refuse", source, "Expect: 100-continue"))
	h.wantStatus(resp, 403)
	h.want("content", h.all(resp), "no")
	if n := source.n.Load(); n > 0 {
		h.Errorf("the client sent %d bytes of content that nobody asked for", n)
	}
}

func testUpgrade(h *harness) {
	if !h.startsWithUpgrade() {
		h.Skip("the protocol has no Upgrade")
	}
	near, far := Pair()
	h.serve(func(x *exchange.Exchange) {
		h.want("upgrade", x.Request.Header.Value(exchange.Upgrade), "wedge-test")
		x.Response.Status = 101
		x.Response.Header.Add("Upgrade", "wedge-test")
		x.Response.Upgrade = near
	})
	resp := h.do(h.request("GET", "/", nil, "Connection: Upgrade", "Upgrade: wedge-test"))
	h.wantStatus(resp, 101)
	tunnel := resp.Body.(io.ReadWriteCloser)
	f := func(from io.Writer, to io.Reader, text string) {
		h.Helper()
		if _, err := io.WriteString(from, text); err != nil {
			h.Fatalf("write: %v", err)
		}
		h.wantNext(to, text)
	}
	f(tunnel, far, "up")
	f(far, tunnel, "down")
	f(tunnel, far, "up again")
	// A shutdown counts the tunnel as a request in flight.
	drained := make(chan error, 1)
	go func() { drained <- h.front.Shutdown(context.Background()) }()
	synctest.Wait()
	select {
	case err := <-drained:
		h.Fatalf("shut down with a tunnel open: %v", err)
	default:
	}
	f(far, tunnel, "still there")
	far.Close()
	if b, err := io.ReadAll(tunnel); err != nil || len(b) > 0 {
		h.Errorf("after the end: %q, %v", b, err)
	}
	tunnel.Close()
	h.recorder.Ended(1)
	if err := <-drained; err != nil {
		h.Errorf("shut down: %v", err)
	}
}

// startsWithUpgrade asks the front before the test's own server is there.
func (h *harness) startsWithUpgrade() bool {
	h.serve(func(x *exchange.Exchange) { Respond(x, 200, "") })
	defer func() { h.end(); h.front = nil }()
	return h.front.Upgrades
}

func testPanic(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		if x.Request.Target == "/body" {
			Stream(x, -1, func(w io.Writer) error {
				io.WriteString(w, "abc")
				panic("BUG: on purpose, in a body")
			})
			return
		}
		if x.Request.Target == "/serve" {
			h.recorder.mu.Lock()
			h.recorder.begun-- // it will not end
			h.recorder.mu.Unlock()
			panic("BUG: on purpose, in Serve")
		}
		Respond(x, 200, "ok")
	})
	resp := h.do(h.request("GET", "/serve", nil))
	h.wantStatus(resp, 500)
	h.all(resp)
	resp = h.do(h.request("GET", "/body", nil))
	if _, err := io.ReadAll(resp.Body); err == nil {
		h.Error("a response whose body panicked looks whole")
	}
	h.want("the next request", h.all(h.do(h.request("GET", "/", nil))), "ok")
}

// testPoison: whoever keeps a view of a request beyond its exchange sees it.
func testPoison(h *harness) {
	if !exchange.Invariants {
		h.Skip("needs -tags invariants")
	}
	h.serve(func(x *exchange.Exchange) { Respond(x, 200, "ok") })
	const path = "/a/path/that/somebody/keeps"
	h.want("content", h.all(h.do(h.request("GET", path, nil))), "ok")
	e := h.recorder.Ended(1)[0]
	synctest.Wait()
	h.want("a copy", e.Target, path)
	h.want("a kept view", e.Kept, strings.Repeat("\xcc", len(path)))
}

func testDrain(h *harness) {
	goOn := make(chan struct{})
	h.serve(func(x *exchange.Exchange) {
		if x.Request.Target == "/slow" {
			<-goOn
		}
		Respond(x, 200, "ok")
	})
	h.want("before", h.all(h.do(h.request("GET", "/", nil))), "ok")
	slow := make(chan *http.Response, 1)
	go func() { slow <- h.do(h.request("GET", "/slow", nil)) }()
	synctest.Wait()
	short, cancel := context.WithTimeout(h.Context(), time.Second)
	defer cancel()
	if err := h.front.Shutdown(short); err == nil {
		h.Error("shut down while a request was in flight")
	}
	drained := make(chan error, 1)
	go func() { drained <- h.front.Shutdown(h.Context()) }()
	synctest.Wait()
	close(goOn)
	resp := <-slow
	h.wantStatus(resp, 200)
	h.want("in flight", h.all(resp), "ok")
	if err := <-drained; err != nil {
		h.Errorf("shut down: %v", err)
	}
	if _, err := h.front.Client.RoundTrip(h.request("GET", "/", nil)); err == nil {
		h.Error("a request was served after the shutdown")
	}
}

func testParallel(h *harness) {
	h.serve(func(x *exchange.Exchange) {
		b, err := io.ReadAll(x.Request.Body)
		if err != nil {
			h.Errorf("read body: %v", err)
		}
		Respond(x, 200, x.Request.Target+" "+string(b))
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				path, body := fmt.Sprintf("/%d/%d", i, j), strings.Repeat("b", 100*j+1)
				h.want("content", h.all(h.do(h.request("POST", path, strings.NewReader(body)))), path+" "+body)
			}
		})
	}
	wg.Wait()
}
