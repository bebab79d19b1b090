package guest

import (
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/hostapi/services"
	. "github.com/wedgecdn/wedge/runtime/engine/enginetest"
	"github.com/wedgecdn/wedge/runtime/limit"
)

// goSource is a guest of Go's own compiler that does what the request's path says, on the imports alone.
const goSource = `package main

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"
	"unsafe"
)

//go:wasmimport wedge request_part
func requestPart(part uint32, b unsafe.Pointer, n uint32) int32

//go:wasmimport wedge field_set
func fieldSet(message uint32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport wedge var_set
func varSet(name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32) int32

//go:wasmimport wedge respond
func respond(code int32, b unsafe.Pointer, n uint32) int32

//go:wasmimport wedge config
func config(name unsafe.Pointer, nameLen uint32, b unsafe.Pointer, n uint32) int32

//go:wasmimport wedge secret
func secret(name unsafe.Pointer, nameLen uint32, b unsafe.Pointer, n uint32) int32

//go:wasmimport wedge seed
func seed() int64

//go:wasmimport wedge body_stream_begin
func streamBegin() int32

//go:wasmimport wedge body_stream_read
func streamRead(b unsafe.Pointer, n uint32) int32

//go:wasmimport wedge body_stream_write
func streamWrite(b unsafe.Pointer, n uint32) int32

func p(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

func value(f func(unsafe.Pointer, uint32, unsafe.Pointer, uint32) int32, name string) string {
	b := make([]byte, 100)
	n := f(p([]byte(name)), uint32(len(name)), p(b), 100)
	if n < 0 {
		return fmt.Sprint(n)
	}
	return string(b[:n])
}

func set(message uint32, name, v string) int32 {
	return fieldSet(message, p([]byte(name)), uint32(len(name)), p([]byte(v)), uint32(len(v)))
}

// What is known while the module is initialised.
var (
	issuer  = value(config, "issuer")
	key     = value(secret, "key")
	outside = varSet(p([]byte("a")), 1, p([]byte("b")), 1)
	served  int
)

func main() {}

//go:wasmexport wedge_abi_v1
func marker() {}

//go:wasmexport on_request
func onRequest() int32 {
	b := make([]byte, 200)
	path := string(b[:requestPart(3, p(b), 200)])
	served++
	switch path {
	case "/init":
		set(0, "X-Init", fmt.Sprint(issuer, " ", key, " ", outside, " ", os.Getenv("LANGUAGE")))
	case "/answer":
		respond(403, p([]byte("no")), 2)
		set(1, "Content-Type", "text/plain")
		return 1
	case "/served":
		set(0, "X-Served", fmt.Sprint(served))
	case "/time":
		set(0, "X-Time", fmt.Sprint(time.Now().Unix()))
	case "/seed":
		set(0, "X-Seed", fmt.Sprint(seed(), " ", rand.New(rand.NewSource(seed())).Int63()))
	case "/panic":
		set(0, "X-A", "b")
		panic("the guest is in trouble")
	case "/log":
		fmt.Println("hello from the guest")
	case "/loop":
		for {
		}
	}
	return 0
}

//go:wasmexport on_response
func onResponse() int32 {
	set(1, "X-Upper", "yes")
	if streamBegin() != 0 {
		return 9
	}
	b := make([]byte, 64)
	for {
		n := streamRead(p(b), uint32(len(b)))
		if n <= 0 {
			return n
		}
		up := []byte(strings.ToUpper(string(b[:n])))
		streamWrite(p(up), uint32(len(up)))
	}
}
`

// recorder is a Log that keeps lines.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Log(l *services.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l.Caller.Function+" "+l.Level.String()+" "+string(l.Message))
}

// A guest of a real toolchain, through all layers.
func TestGoGuest(t *testing.T) {
	if Race {
		t.Skip("compiling takes too long with the race detector, and the test is about the guest")
	}
	rec := &recorder{}
	h := newHost(t, Options{Services: &services.Services{Log: rec}})
	f := load(t, h, Go(t, goSource), Spec{
		Name: "fn", Limits: limit.Limits{CPU: 100 * time.Millisecond}, Config: map[string]string{"issuer": "id.example"},
		Secrets: map[string]Secret{"key": []byte("hush")}, Env: map[string]string{"LANGUAGE": "de"},
	})
	if want := exchange.HookSet(0).With(exchange.OnRequest).With(exchange.OnResponse); f.Hooks() != want || !f.Info().Streams {
		t.Fatalf("%+v", f.Info())
	}
	field := func(path, name, want string) string {
		t.Helper()
		x := request(path)
		if answered, err := once(t, f, x, exchange.OnRequest); answered || err != nil {
			t.Fatalf("%s: %v, %v", path, answered, err)
		}
		v, _ := x.Request.Header.Named(name)
		if want != "" && v != want {
			t.Errorf("%s: %s is %q, want %q", path, name, v, want)
		}
		return v
	}
	field("/init", "X-Init", "id.example hush -4 de")
	if v := field("/time", "X-Time", ""); !strings.HasPrefix(v, "170000000") { // the exchange's time, running on
		t.Errorf("X-Time is %q", v)
	}
	field("/served", "X-Served", "1") // a pristine instance for each exchange
	field("/served", "X-Served", "1")
	if a, b := field("/seed", "X-Seed", ""), field("/seed", "X-Seed", ""); a == b || a == "" {
		t.Errorf("two exchanges have the same random numbers: %q", a)
	}

	x := request("/answer")
	if answered, err := once(t, f, x, exchange.OnRequest); !answered || err != nil {
		t.Fatal(answered, err)
	}
	if b, err := io.ReadAll(x.Response.Body); x.Response.Status != 403 || string(b) != "no" || err != nil || x.Response.Header.Value(exchange.ContentType) != "text/plain" {
		t.Errorf("%d %q %v", x.Response.Status, b, err)
	}

	x = request("/panic")
	_, err := once(t, f, x, exchange.OnRequest)
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionTrap, "on_request of fn")
	if x.Request.Header.Len() != 0 {
		t.Error("a field was left behind")
	}
	_, err = once(t, f, request("/loop"), exchange.OnRequest)
	wantReason(t, err, exchange.SourceFunction, exchange.ReasonFunctionBudget, "cpu budget spent")
	field("/log", "", "")
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if !slices.Contains(rec.lines, "fn info hello from the guest") || !slices.ContainsFunc(rec.lines, func(l string) bool { return strings.Contains(l, "the guest is in trouble") }) {
		t.Errorf("log: %q", rec.lines)
	}

	x = withResponse(request("/"), strings.Repeat("hello, world ", 100))
	r := start(t, f, x)
	defer r.End()
	if _, err := r.Call(exchange.OnResponse); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(x.Response.Body)
	if up, _ := x.Response.Header.Named("X-Upper"); up != "yes" || string(text) != strings.Repeat("HELLO, WORLD ", 100) || err != nil {
		t.Errorf("body %.50q, %v, X-Upper %q", text, err, up)
	}
	x.Response.Body.Close()
}
