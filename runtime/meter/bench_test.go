package meter

import (
	"context"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
)

func BenchmarkRewrite(b *testing.B) {
	g := guest(b)
	b.SetBytes(int64(len(g)))
	b.ReportAllocs()
	for b.Loop() {
		mustRewrite(b, g)
	}
}

// BenchmarkValidate is what the engine takes to validate the same module, for comparison.
func BenchmarkValidate(b *testing.B) {
	g := guest(b)
	b.SetBytes(int64(len(g)))
	for b.Loop() {
		ctx := context.Background()
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
		if _, err := r.CompileModule(ctx, g); err != nil {
			b.Fatal(err)
		}
		r.Close(ctx)
	}
}

// BenchmarkGuest runs the Go guest plain and metered, in turns, and reports metered/plain: the smallest time of each, since
// what disturbs only adds.
func BenchmarkGuest(b *testing.B) {
	original := guest(b)
	plain := newMachine(b, false, features).mustStart(original)
	metered := newMachine(b, false, features).mustStart(mustRewrite(b, original).Wasm)
	run := func(name string, arg uint64) {
		b.Run(name, func(b *testing.B) {
			var least [2]time.Duration
			for b.Loop() {
				for i, in := range []*instance{plain, metered} {
					f := in.mod.ExportedFunction(name)
					if in.g != nil {
						in.g.Set(0)
					}
					start := time.Now()
					if _, err := f.Call(context.Background(), arg); err != nil {
						b.Fatal(err)
					}
					if d := time.Since(start); least[i] == 0 || d < least[i] {
						least[i] = d
					}
				}
			}
			b.ReportMetric(float64(least[1])/float64(least[0]), "metered/plain")
			b.ReportMetric(float64(least[0])/1e6, "plain-ms")
		})
	}
	run("work", 5)
	run("spin", 1_000_000)
}
