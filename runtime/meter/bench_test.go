package meter

import (
	"context"
	"testing"
)

func BenchmarkRewrite(b *testing.B) {
	g := guest(b)
	b.SetBytes(int64(len(g)))
	b.ReportAllocs()
	for b.Loop() {
		mustRewrite(b, g)
	}
}

// BenchmarkGuest runs the Go guest plain and metered, in turns within one process.
func BenchmarkGuest(b *testing.B) {
	original := guest(b)
	plain := newMachine(b, false, features).mustStart(original)
	metered := newMachine(b, false, features).mustStart(mustRewrite(b, original).Wasm)
	run := func(name string, in *instance, f string, arg uint64) {
		fn := in.mod.ExportedFunction(f)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if in.g != nil {
					in.g.Set(0)
				}
				if _, err := fn.Call(context.Background(), arg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, c := range []struct {
		f   string
		arg uint64
	}{{"work", 5}, {"spin", 1_000_000}, {"move", 700_000}} {
		run(c.f+"/plain", plain, c.f, c.arg)
		run(c.f+"/metered", metered, c.f, c.arg)
	}
}
