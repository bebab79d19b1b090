package conform

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/guest"
	"github.com/wedgecdn/wedge/hostapi/proxywasm"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// A stuck filter is one that paused while nothing was under way.
const stuck = "nothing is under way"

// pausing returns an action from one callback; once is what it does before.
func pausing(callback string, action int32, once ...func(p *program) []byte) func(p *program) {
	return func(p *program) {
		params := "iii"
		if strings.HasSuffix(callback, "trailers") {
			params = "ii"
		}
		var code []byte
		for _, do := range once {
			code = append(code, do(p)...)
		}
		p.on("proxy_on_"+callback, params, "i", code, I32(action))
	}
}

// Actions are the specification's, and those that Envoy has beside them: filters for C++ and Go return these, and one that waits for a
// callout with them must be waited for, or whoever it was about to turn away would pass.
func TestActions(t *testing.T) {
	n := newNode(t)
	const request, response = "POST /\n\nbo|dy", "200\nContent-Length: 5\n\ngi|ven"
	const flows = "200\n\ngi|ven"
	f := func(name string, build func(p *program), request, response, fails string, client ...string) {
		t.Helper()
		p := newProgram(proxywasm.New().Funcs()).allocate()
		build(p)
		n.check(t, p.bytes(), testCase{name: name, request: request, response: response, fails: fails, client: client})
	}
	// A head: 0 and 2 go on, 1 has the body collected, and what is more waits.
	f("head 0", pausing("request_headers", 0), request, response, "", "200", "given")
	f("head 2", pausing("request_headers", 2), request, response, "", "200", "given")
	f("head 1 without a body", pausing("request_headers", 1), "GET /", response, stuck)
	f("response's head 2", pausing("response_headers", 2), request, flows, "", "200", "given")
	for _, action := range []int32{3, 4, 5, 99, -1} {
		f(fmt.Sprint("head ", action), pausing("request_headers", action), request, response, stuck)
		f(fmt.Sprint("head without a body ", action), pausing("request_headers", action), "GET /", response, stuck)
		f(fmt.Sprint("response's head ", action), pausing("response_headers", action), request, response, stuck)
		f(fmt.Sprint("flowing response's head ", action), pausing("response_headers", action), request, flows, stuck)
	}
	for _, action := range []int32{1, 2, 3, 4, -1} {
		f(fmt.Sprint("body ", action), pausing("request_body", action), request, response, stuck)
		f(fmt.Sprint("response's body ", action), pausing("response_body", action), request, response, stuck)
		f(fmt.Sprint("flowing body ", action), pausing("response_body", action), request, flows, stuck)
		f(fmt.Sprint("trailers ", action), pausing("request_trailers", action), request+"\n--\nT: 1", response, stuck)
		f(fmt.Sprint("response's trailers ", action), pausing("response_trailers", action), request, flows+"\n--\nT: 1", stuck)
	}
	// The callout's answer comes later than the body would, and turns the client away.
	for _, action := range []int32{1, 3, 4} {
		f(fmt.Sprint("a callout decides ", action), func(p *program) {
			p.on("proxy_on_request_headers", "iii", "i", p.do2(p.callout("shop", "/slow")), I32(action))
			p.on("proxy_on_request_body", "iii", "i", I32(0))
			p.on("proxy_on_http_call_response", "iiiii", "", p.do("proxy_send_local_response", I32(403), p.text(""), p.text("no"), p.text(""), I32(-1)))
		}, request, response, "", "403", "no", "!given")
		f(fmt.Sprint("a callout decides about a response ", action), func(p *program) {
			p.on("proxy_on_response_headers", "iii", "i", p.do2(p.callout("shop", "/slow")), I32(action))
			p.on("proxy_on_response_body", "iii", "i", I32(0))
			p.on("proxy_on_http_call_response", "iiiii", "", p.put(mResponse, "x", p.text("1")), p.do("proxy_continue_stream", I32(1)))
		}, request, flows, "", "200", "x: 1", "given")
	}
	// A chunk that is not to be kept is the filter's.
	f("dropped chunks", func(p *program) {
		p.answers(p.do("proxy_remove_header_map_value", I32(mResponse), p.text("content-length")))
		p.on("proxy_on_response_body", "iii", "i", Get(2), Op(0x45, 0x04, 0x40), I32(3), Op(0x0f, 0x0b),
			p.do("proxy_set_buffer_bytes", I32(1), I32(0), I32(0), p.text("all")), I32(0))
	}, request, "200\n\none|two|three", "", "all")
}

// Each stream has its own number of callouts, however many there were before it in the same instance.
func TestCalloutsOfManyStreams(t *testing.T) {
	n := newNode(t)
	p := newProgram(proxywasm.New().Funcs()).allocate()
	p.on("proxy_on_request_headers", "iii", "i", p.put(mRequest, "sent", number(p.callout("shop", "/q"))), pause)
	p.on("proxy_on_http_call_response", "iiiii", "", p.put(mRequest, "answered", p.text("yes")), p.do("proxy_continue_stream", I32(0)))
	f, err := n.host.Load(context.Background(), p.bytes(), guest.Spec{
		Owner: "acme", Name: "fn", Version: "0123456789abcdef", Fetch: []string{"shop"}, Limits: limit.Limits{Wall: 20 * time.Second, CPU: 5 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 100 {
		origin, _, err := n.run(t, f, "GET /", "200\n\nx", false)
		if err != nil || !strings.Contains(origin, "sent: 0\n") || !strings.Contains(origin, "answered: yes\n") {
			t.Fatalf("stream %d: %v\n%s", i, err, origin)
		}
	}
}

// A callout may outlive its stream: what it tells its upstream arrives. So many at once are enough, and none outlives the function.
func TestCalloutsOutliveTheirStreams(t *testing.T) {
	const most = 64
	f := func(name string, build func(p *program), streams int, want string, times int) {
		t.Helper()
		n := newNode(t)
		p := newProgram(proxywasm.New().Funcs()).allocate()
		build(p)
		fn, err := n.host.Load(t.Context(), p.bytes(), guest.Spec{
			Owner: "acme", Name: "fn", Version: "0123456789abcdef", Fetch: []string{"shop"}, Limits: limit.Limits{Wall: 20 * time.Second, CPU: 5 * time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range streams {
			if _, _, err := n.run(t, fn, "GET /", "200\n\nx", false); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if want == "cut off" {
			fn.Close()
		} else {
			defer fn.Close()
		}
		if !n.await(t.Context(), want, times) {
			t.Errorf("%s: want %q %d times, noted %q", name, want, times, n.lines)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if want == "gone" && len(n.lines) == 2*streams*32 { // each was asked for, and has gone
			t.Errorf("%s: all %d were cut off, or none was", name, streams*32)
		}
	}
	deleted := func(p *program) { p.on("proxy_on_delete", "i", "", p.do("proxy_log", I32(2), p.text("is deleted"))) }
	f("in a head", func(p *program) {
		p.headers(p.do2(p.calloutFor(20000, "shop", "/end")))
		deleted(p)
	}, 1, "told of the end", 1)
	f("at the end", func(p *program) {
		p.headers()
		p.on("proxy_on_log", "i", "", p.do2(p.calloutFor(20000, "shop", "/end")))
		deleted(p)
	}, 1, "told of the end", 1)
	// They would wait for 20 s: those beyond the bound are cut off at once, and the others when the function is closed.
	f("too many", func(p *program) {
		p.headers(times(3, 32, p.do2(p.calloutFor(20000, "shop", "/end"))))
	}, 4, "cut off", 4*32)
	f("too many, and the function stays", func(p *program) {
		p.headers(times(3, 32, p.do2(p.calloutFor(30000, "shop", "/slow"))))
	}, 3, "gone", 3*32-most)
}
