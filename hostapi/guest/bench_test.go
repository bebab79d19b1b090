package guest

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wedgecdn/wedge/hostapi/exchange"
	"github.com/wedgecdn/wedge/runtime/sandbox"
)

func BenchmarkHeader(b *testing.B) {
	f := load(b, newHost(b, Options{}), headerModule(), Spec{Isolation: new(sandbox.PerInstance)})
	b.ReportAllocs()
	for b.Loop() {
		x := request("/")
		r, err := f.Start(x, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Call(exchange.OnRequest); err != nil {
			b.Fatal(err)
		}
		r.End()
		x.Release()
	}
}

func BenchmarkFresh(b *testing.B) {
	f := load(b, newHost(b, Options{}), headerModule(), Spec{})
	b.ReportAllocs()
	for b.Loop() {
		x := request("/")
		r, err := f.Start(x, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Call(exchange.OnRequest); err != nil {
			b.Fatal(err)
		}
		r.End()
		x.Release()
	}
}

func BenchmarkStream(b *testing.B) {
	f := load(b, newHost(b, Options{}), echoModule(), Spec{Isolation: new(sandbox.PerInstance)})
	body := strings.Repeat("hello, world", 100)
	b.ReportAllocs()
	for b.Loop() {
		x := withResponse(request("/"), body)
		r, err := f.Start(x, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Call(exchange.OnResponse); err != nil {
			b.Fatal(err)
		}
		r.End()
		x.Response.Body.WriteTo(io.Discard)
		x.Response.Body.Close()
		x.Release()
	}
}
