package guest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// writerFunc is a function as a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// echoModule streams: it reads chunks of 4 bytes and writes each one back, at on_response.
func echoModule(tail ...byte) []byte {
	m := newModule()
	begin := m.Import("wedge", "body_stream_begin", "", "i")
	read := m.Import("wedge", "body_stream_read", "ii", "i")
	write := m.Import("wedge", "body_stream_write", "ii", "i")
	set := m.Import("wedge", "field_set", "iiiii", "i")
	m.Func("on_response", "", "i", "i", Code(
		store4(0, "X-A "), store4(4, "bcde"),
		I32(1), I32(0), I32(3), I32(4), I32(4), Call(set), Op(0x1a),
		Call(begin), Op(0x1a),
		// loop: n = read(16, 4); if n > 0 { write(16, n); continue }
		Op(0x03, 0x40),
		I32(16), I32(4), Call(read), Set(0),
		Get(0), I32(0), Op(0x4a), Op(0x04, 0x40), // if n > 0
		I32(16), Get(0), Call(write), Op(0x1a), Op(0x0c, 0x01), Op(0x0b),
		Op(0x0b),
		I32(0), tail)...)
	m.Func("wedge_abi_v1", "", "", "")
	return m.Bytes()
}

func TestStream(t *testing.T) {
	f := load(t, newHost(t, Options{}), echoModule(), Spec{})
	for _, read := range []func(exchange.Body) (string, error){
		func(b exchange.Body) (string, error) { s, err := io.ReadAll(b); return string(s), err },
		func(b exchange.Body) (string, error) {
			var w bytes.Buffer
			_, err := b.WriteTo(&w)
			return w.String(), err
		},
	} {
		x := withResponse(request("/"), "hello, world")
		r := start(t, f, x)
		if answered, err := r.Call(exchange.OnResponse); answered || err != nil {
			t.Fatal(answered, err)
		}
		if a, _ := x.Response.Header.Named("X-A"); a != "bcde" || x.Response.ContentLength != -1 || x.Response.Header.Has(exchange.ETag) {
			t.Errorf("head %v, length %d", x.Response.Header, x.Response.ContentLength)
		}
		if len(x.Calls) != 0 {
			t.Error("the call is written down before it is over")
		}
		_, err := r.Call(exchange.OnResponse)
		wantReason(t, err, exchange.SourceNode, exchange.ReasonFunctionUnavailable, "still making the body")
		r.End()
		text, err := read(x.Response.Body)
		if err != nil || text != "hello, world" {
			t.Errorf("body %q, %v", text, err)
		}
		if err := x.Response.Body.Close(); err != nil {
			t.Error(err)
		}
		if len(x.Calls) != 1 || x.Calls[0].Failed != 0 {
			t.Errorf("calls %+v", x.Calls)
		}
	}
}

// A stream whose guest fails ends with an error, and so does one whose source was cut although the guest did not care.
func TestStreamFails(t *testing.T) {
	h := newHost(t, Options{})
	f := load(t, h, echoModule(0x00), Spec{}) // unreachable at the end
	x := withResponse(request("/"), "hello")
	r := start(t, f, x)
	if _, err := r.Call(exchange.OnResponse); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(x.Response.Body)
	if string(text) != "hello" {
		t.Errorf("body %q", text)
	}
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionTrap, "unreachable")
	x.Response.Body.Close()
	r.End()

	f = load(t, h, echoModule(), Spec{})
	cut := errors.New("cut")
	x = withResponse(request("/"), "")
	x.Response.Body = exchange.ReaderBody(io.NopCloser(io.MultiReader(strings.NewReader("hel"), errReader{cut})))
	r = start(t, f, x)
	if _, err := r.Call(exchange.OnResponse); err != nil {
		t.Fatal(err)
	}
	text, err = io.ReadAll(x.Response.Body)
	if string(text) != "hel" || !errors.Is(err, cut) {
		t.Errorf("body %q, %v", text, err)
	}
	x.Response.Body.Close()
	r.End()
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A client that goes ends the guest, and that is not the function's failure. The instance comes back.
func TestStreamStopped(t *testing.T) {
	f := load(t, newHost(t, Options{}), echoModule(), Spec{Instances: 1})
	for _, n := range []int{0, 2, 4, 6} {
		x := withResponse(request("/"), "hello, world")
		r := start(t, f, x)
		if _, err := r.Call(exchange.OnResponse); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if m, err := io.ReadFull(x.Response.Body, make([]byte, n)); m != n || err != nil {
				t.Fatal(m, err)
			}
		}
		r.End()
		x.Response.Body.Close()
		if len(x.Calls) != 1 || x.Calls[0].Failed != 0 || f.Stats().Failed != 0 {
			t.Errorf("calls %+v", x.Calls)
		}
	}
}

// Waiting for the peer is not the guest's wall time.
func TestStreamOfSlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := load(t, newHost(t, Options{}), echoModule(), Spec{Limits: limit.Limits{Wall: 500 * time.Millisecond}})
		x := withResponse(request("/"), "hello, world")
		r := start(t, f, x)
		if _, err := r.Call(exchange.OnResponse); err != nil {
			t.Fatal(err)
		}
		var w bytes.Buffer
		slow := writerFunc(func(p []byte) (int, error) {
			time.Sleep(time.Minute)
			return w.Write(p)
		})
		if _, err := x.Response.Body.WriteTo(slow); err != nil || w.String() != "hello, world" {
			t.Errorf("body %q, %v", w.String(), err)
		}
		x.Response.Body.Close()
		r.End()
		if wall := x.Calls[0].Wall; wall < 0 || wall > 100*time.Millisecond {
			t.Errorf("wall time %s", wall)
		}
	})
}
