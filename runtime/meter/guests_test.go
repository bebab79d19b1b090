package meter

import (
	"slices"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine/enginetest/guests"
)

// What compilers make of C, Rust and AssemblyScript (for Go see TestGoGuest) computes the same metered, with equal fuel on both engines and with any
// slice, and has the state that a reset can put back.
func TestGuests(t *testing.T) {
	if racing {
		t.Skip("takes long under the race detector")
	}
	for _, language := range []guests.Language{guests.C, guests.Rust, guests.AssemblyScript} {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			module := guests.Module(t, language, guests.Work)
			m := mustRewrite(t, module)
			if m.Fixed || m.Bound || m.Saves {
				t.Errorf("%+v", m.State)
			}
			compiler, interpreter := newMachine(t, false, features), newMachine(t, true, features)
			plain := compiler.mustStart(module)
			runs := []struct {
				*instance
				slice int64
			}{{compiler.mustStart(m.Wasm), 100_000}, {compiler.mustStart(m.Wasm), 64}, {interpreter.mustStart(m.Wasm), 1000}}
			for _, name := range []string{"headers", "json", "loop", "crc", "alloc"} {
				want, _, err := plain.call(name, 2)
				if err != nil {
					t.Fatal(err)
				}
				var first int64
				for i, run := range runs {
					run.host.slice = run.slice
					got, used, err := run.call(name, 2)
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("%s, run %d: %x, %v, want %x", name, i, got, err, want)
					}
					if i == 0 {
						first = used
					} else if used != first {
						t.Errorf("%s, run %d used %d, the first %d", name, i, used, first)
					}
				}
				t.Logf("%s: %d units", name, first)
			}
		})
	}
}
