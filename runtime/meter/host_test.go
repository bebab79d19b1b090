package meter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// features are all that the engine has, apart from those that are refused anyway.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesTypedFunctionReferences

// everything is all that the engine has.
const everything = features | experimental.CoreFeaturesThreads | experimental.CoreFeaturesExceptionHandling

// meteringHost is the other side of tick: it hands out slices until the budget is spent.
type meteringHost struct {
	slice, budget int64
	granted       int64
	ticks         int
	written       [][2]uint32 // what was announced: address and length
	worst         int64       // the lowest counter that it was shown
}

var (
	errSpent = errors.New("fuel is spent")
	errStack = errors.New("stack is spent")
)

func (h *meteringHost) tick(_ context.Context, stack []uint64) {
	g := int64(stack[0])
	if at, n, ok := Announced(g); ok {
		h.written = append(h.written, [2]uint32{at, n})
		return
	}
	h.ticks++
	if g == StackSpent {
		panic(errStack)
	}
	if g >= 0 {
		panic("BUG: tick with fuel left")
	}
	h.worst = min(h.worst, g)
	used := h.granted - g
	if used > h.budget {
		panic(errSpent)
	}
	next := min(h.slice, h.budget-used)
	h.granted += next - g
	stack[0] = uint64(next)
}

// machine is an engine with the host's side of metering.
type machine struct {
	t    testing.TB
	r    wazero.Runtime
	host *meteringHost
	// known counts calls that noted all that they wrote, if it was something, and unknown those that say that they do not know.
	known, unknown int
}

func newMachine(t testing.TB, interpreter bool, f api.CoreFeatures) *machine {
	t.Helper()
	ctx := context.Background()
	cfg := wazero.NewRuntimeConfigCompiler()
	if interpreter {
		cfg = wazero.NewRuntimeConfigInterpreter()
	}
	r := wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(f).WithMemoryLimitPages(4096))
	t.Cleanup(func() { r.Close(ctx) })
	m := &machine{t: t, r: r, host: &meteringHost{slice: 100_000, budget: 1 << 62}}
	i64 := []api.ValueType{api.ValueTypeI64}
	_, err := r.NewHostModuleBuilder(TickModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, s []uint64) { m.host.tick(ctx, s) }), i64, i64).
		Export(TickName).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		t.Fatal(err)
	}
	return m
}

// instance is a module that runs; g is nil if it is not metered.
type instance struct {
	*machine
	mod  api.Module
	g    api.MutableGlobal
	from uint32 // Module.NotedFrom
}

func (m *machine) start(module []byte) (*instance, error) {
	ctx := context.Background()
	c, err := m.r.CompileModule(ctx, module)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	cfg := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
	m.host.granted = 0
	mod, err := m.r.InstantiateModule(ctx, c, cfg)
	if err != nil {
		return nil, fmt.Errorf("instantiate: %w", err)
	}
	in := &instance{machine: m, mod: mod, from: notedFrom(m.t, module)}
	if g, ok := mod.ExportedGlobal(FuelGlobal).(api.MutableGlobal); ok {
		in.g = g
	}
	return in, nil
}

func (m *machine) mustStart(wasm []byte) *instance {
	m.t.Helper()
	in, err := m.start(wasm)
	if err != nil {
		m.t.Fatal(err)
	}
	return in
}

// call runs a function and tells what it used.
func (in *instance) call(name string, args ...uint64) (results []uint64, used int64, err error) {
	in.t.Helper()
	in.host.granted, in.host.ticks, in.host.worst = 0, 0, 0
	if in.g != nil {
		in.g.Set(0)
	}
	f := in.mod.ExportedFunction(name)
	if f == nil {
		in.t.Fatalf("no function %q", name)
	}
	notes, _ := in.mod.ExportedGlobal(WrittenGlobal).(api.MutableGlobal)
	var before []byte
	if notes != nil && in.g != nil {
		notes.Set(0)
		before = bytes.Clone(memory(in.mod))
	}
	results, err = f.Call(context.Background(), args...)
	if before != nil {
		in.checkNotes(name, before, memory(in.mod), notes.Get(), in.from)
	}
	if in.g != nil {
		used = in.host.granted - int64(in.g.Get())
	}
	return results, used, err
}

// checkNotes looks whether all that a call changed in memory was noted. What the memory grew by is not noted.
func (m *machine) checkNotes(name string, before, after []byte, notes uint64, from uint32) {
	m.t.Helper()
	switch {
	case notes&WrittenUnknown != 0:
		m.unknown++
		return
	case notes != 0:
		m.known++
	}
	for at := range before {
		if before[at] == after[at] {
			continue
		}
		noted := func(at int) bool {
			n := at/WrittenPage - int(from)
			return at >= 0 && n >= 0 && n < 63 && notes>>n&1 != 0
		}
		if !noted(at) && !(at%WrittenPage < WrittenBeyond && noted(at-WrittenBeyond)) {
			m.t.Fatalf("%s: byte %d was written to, and is not in the notes %b from page %d on", name, at, notes, from)
		}
	}
}

// notedFrom is Module.NotedFrom of a module that may be rewritten already: neither its memory nor its first global changes.
func notedFrom(t testing.TB, b []byte) uint32 {
	t.Helper()
	m, err := wasm.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.AllMemories()) == 0 {
		return 0
	}
	return (&rewriter{m: m}).notedFrom()
}

func mustRewrite(t testing.TB, wasm []byte) *Module {
	t.Helper()
	m, err := Rewrite(wasm, Caps{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
