package meter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wedgecdn/wedge/runtime/wasm"
)

// differ runs modules as they are and metered, and compares all that can be seen of them.
type differ struct {
	t        *testing.T
	machines [3]*machine // plain, metered, metered with tiny slices
	compiled bool
	budget   int64

	modules, calls, traps, spent, ticks int
	fuel                                int64
}

// newDiffer makes one. All three machines are of one engine: the two do not agree on the bits of NaNs. Where the compiler gets
// comparisons wrong (see fusion) the plain module has them put differently too; what the interpreter runs is the original.
func newDiffer(t *testing.T, interpreted bool) *differ {
	d := &differ{t: t, compiled: !interpreted, budget: 20_000}
	for i := range d.machines {
		m := newMachine(t, interpreted, features)
		m.host.slice = []int64{0, 100_000, 37}[i]
		b := m.r.NewHostModuleBuilder("fuzzing-support")
		for name, typ := range map[string]api.ValueType{"i32": api.ValueTypeI32, "i64": api.ValueTypeI64, "f32": api.ValueTypeF32, "f64": api.ValueTypeF64} {
			b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), []api.ValueType{typ}, nil).Export("log-" + name)
		}
		if _, err := b.Instantiate(context.Background()); err != nil {
			t.Fatal(err)
		}
		d.machines[i] = m
	}
	return d
}

// run compares one module, and says whether it was valid and ran.
func (d *differ) run(name string, module []byte) bool {
	if !accepts(d.machines[0].r, module) {
		return false
	}
	m, err := Rewrite(module, Caps{MemoryPages: 64, Stack: 100_000})
	if err != nil {
		return false
	}
	var in [3]*instance
	for i, machine := range d.machines {
		b := m.Wasm
		if i == 0 {
			if b = module; d.compiled {
				b = straight(d.t, module)
			}
		}
		machine.host.budget = 1 << 62
		ctx := context.Background()
		c, err := machine.r.CompileModule(ctx, b)
		if err != nil {
			d.t.Fatalf("%s: it does not compile any more: %v", name, err)
		}
		defer c.Close(ctx)
		mod, err := machine.r.InstantiateModule(ctx, c, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			if i > 0 {
				d.t.Fatalf("%s: an instance before, none after: %v", name, err)
			}
			return false
		}
		defer mod.Close(ctx)
		in[i] = &instance{machine: machine, mod: mod, from: m.NotedFrom}
		in[i].g, _ = mod.ExportedGlobal(FuelGlobal).(api.MutableGlobal)
		machine.host.budget = d.budget
	}
	d.modules++
	for _, e := range m.Exports {
		if !d.call(name, in, e) {
			break
		}
	}
	return true
}

// call compares one function, and says whether the instances can go on.
func (d *differ) call(name string, in [3]*instance, e Func) bool {
	var args []uint64
	for i, p := range e.Type.Params {
		if p.Code == wasm.V128 {
			args = append(args, 1)
		}
		args = append(args, uint64(i*5+3))
	}
	d.calls++
	r1, used1, err1 := in[1].call(e.Name, args...)
	d.ticks += in[1].host.ticks
	r2, used2, err2 := in[2].call(e.Name, args...)
	d.ticks += in[2].host.ticks
	for _, t := range e.Type.Results {
		if t.Code == wasm.FuncRef || t.Code == wasm.ExternRef {
			r1, r2 = nil, nil // addresses
		}
	}
	if fmt.Sprint(r1) != fmt.Sprint(r2) || used1 != used2 || firstLine(err1) != firstLine(err2) {
		d.t.Fatalf("%s, %s: %v %d %v, and with small slices %v %d %v", name, e.Name, r1, used1, firstLine(err1), r2, used2, firstLine(err2))
	}
	d.fuel += used1
	if errors.Is(err1, errSpent) || errors.Is(err1, errStack) {
		d.spent++
		return false // the original may never end
	}
	r0, _, err0 := in[0].call(e.Name, args...)
	if r1 == nil {
		r0 = nil
	}
	if fmt.Sprint(r0) != fmt.Sprint(r1) || firstLine(err0) != firstLine(err1) {
		d.t.Fatalf("%s, %s: %v %v, before: %v %v", name, e.Name, r1, firstLine(err1), r0, firstLine(err0))
	}
	if err0 != nil {
		d.traps++
	}
	for i := 1; i < 3; i++ {
		if !bytes.Equal(memory(in[0].mod), memory(in[i].mod)) {
			d.t.Fatalf("%s, %s: memory differs", name, e.Name)
		}
		if g := in[0].mod.ExportedGlobal("global"); g != nil && g.Get() != in[i].mod.ExportedGlobal("global").Get() {
			d.t.Fatalf("%s, %s: the global differs", name, e.Name)
		}
	}
	return true
}

func (d *differ) report(what string) {
	d.t.Logf("%s: %d modules, %d calls, of which %d trap and %d spend their budget; %d units of fuel, %d ticks; %d calls noted what they wrote, %d did not know",
		what, d.modules, d.calls, d.traps, d.spent, d.fuel, d.ticks, d.machines[1].known, d.machines[1].unknown)
}

// Metering changes nothing that a guest or its host can see, in random modules of our own.
func TestDifferentialOwn(t *testing.T) {
	if racing {
		t.Skip("takes long under the race detector")
	}
	t.Parallel()
	n := uint64(5200)
	if testing.Short() {
		n = 200
	}
	if *whole {
		n = 100_000
	}
	interpreter, compiler := newDiffer(t, true), newDiffer(t, false)
	for seed := range n {
		d := interpreter
		if seed%4 == 0 {
			d = compiler
		}
		if !d.run(fmt.Sprint("seed ", seed), generate(seed)) {
			t.Fatalf("seed %d is not valid", seed)
		}
	}
	interpreter.report("own, interpreted")
	compiler.report("own, compiled")
	traps, calls := interpreter.traps+compiler.traps, interpreter.calls+compiler.calls
	spent := interpreter.spent + compiler.spent
	if interpreter.modules+compiler.modules < int(n) || traps < calls/20 || spent > calls/4 {
		t.Error("too few modules, too few traps, or too many that never end")
	}
	if known, unknown := interpreter.machines[1].known+compiler.machines[1].known, interpreter.machines[1].unknown+compiler.machines[1].unknown; known < calls/50 || unknown < calls/50 {
		t.Errorf("%d calls noted what they wrote, and %d did not know: too few to be sure of either", known, unknown)
	}
}

// The same for modules that Binaryen makes of random bytes.
func TestDifferentialBinaryen(t *testing.T) {
	opt, err := exec.LookPath("wasm-opt")
	if err != nil {
		t.Skip("wasm-opt is missing: apt-get install binaryen")
	}
	if racing {
		t.Skip("takes long under the race detector")
	}
	t.Parallel()
	n := 60
	if testing.Short() {
		n = 5
	}
	if *whole {
		n = 3000
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.wasm")
	d := newDiffer(t, false)
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		b := make([]byte, 500+r.IntN(5000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if err := os.WriteFile(in, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(opt, "-ttf", in, "-o", out, "--mvp-features", "--enable-bulk-memory", "--enable-sign-ext",
			"--enable-nontrapping-float-to-int", "--enable-multivalue", "--enable-mutable-globals", "--enable-tail-call")
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, msg)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		d.run(fmt.Sprint("seed ", seed), b)
	}
	d.report("binaryen")
	if d.modules < n*9/10 {
		t.Errorf("%d of %d modules ran", d.modules, n)
	}
}
