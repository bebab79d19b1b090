package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/wedgecdn/wedge/runtime/hostcall"
	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// large is a module beyond preparedFrom: an import, exports, a memory, a table, a global and many data segments.
func large() []byte {
	u32 := wasm.AppendU32
	name := func(s string) []byte { return wasm.AppendName(nil, s) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	data := join(u32(nil, 1), []byte{0, 0x41, 16, 0x0b}, u32(nil, preparedFrom), bytes.Repeat([]byte("x"), preparedFrom))
	return wasm.Write([]wasm.Section{
		{ID: wasm.TypeSection, Data: []byte{2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 1, 0x7f}},
		{ID: wasm.ImportSection, Data: join([]byte{1}, name("test"), name("f"), []byte{0, 0})},
		{ID: wasm.FunctionSection, Data: []byte{1, 1}},
		{ID: wasm.TableSection, Data: []byte{1, 0x70, 1, 3, 9}},
		{ID: wasm.MemorySection, Data: []byte{1, 1, 4, 8}},
		{ID: wasm.GlobalSection, Data: []byte{1, 0x7e, 1, 0x42, 5, 0x0b}},
		{ID: wasm.ExportSection, Data: join([]byte{3}, name("go"), []byte{0, 1}, name("memory"), []byte{2, 0}, name("left"), []byte{3, 0})},
		{ID: wasm.CodeSection, Data: []byte{1, 6, 0, 0x41, 40, 0x10, 0, 0x0b}},
		{ID: wasm.DataSection, Data: data},
	})
}

func testHost(names ...string) (out []hostcall.Func) {
	one := []hostcall.ValueType{hostcall.I32}
	for _, n := range names {
		out = append(out, hostcall.Func{Module: "test", Name: n, Params: one, Results: one, Body: func(_ *hostcall.Call, stack []uint64) { stack[0] += 2 }})
	}
	return out
}

func open(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// What was prepared is what would be prepared, and is not taken from another maker, nor if it is damaged.
func TestPrepared(t *testing.T) {
	dir, module := t.TempDir(), large()
	o := Options{Host: testHost("f"), CacheDir: dir}
	first := open(t, o)
	fresh, err := first.prepare(module)
	if err != nil || fresh.kept {
		t.Fatalf("kept %t, error %v", fresh != nil && fresh.kept, err)
	}
	// An invalid module leaves nothing: it never has code.
	bad := bytes.Replace(module, []byte{0x41, 40, 0x10, 0}, []byte{0x42, 40, 0x10, 0}, 1)
	if _, err := first.Compile(t.Context(), bad); err == nil {
		t.Error("the invalid module compiles")
	}
	if n := first.disk.preparedSize(); n != 0 {
		t.Errorf("an invalid module left %d bytes", n)
	}
	m, err := first.Compile(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	again := func(what string, e *Engine, kept bool) {
		t.Helper()
		p, err := e.prepare(module)
		switch {
		case err != nil:
			t.Fatalf("%s: %v", what, err)
		case p.kept != kept:
			t.Errorf("%s: it came from the disk: %t, want %t", what, p.kept, kept)
		case !bytes.Equal(p.wasm, fresh.wasm):
			t.Errorf("%s: another module", what)
		case !reflect.DeepEqual(p.about, fresh.about):
			t.Errorf("%s: it says\n%+v, want\n%+v", what, p.about, fresh.about)
		}
		if d, err := e.Describe(module); err != nil || d.Hash() != fresh.hash || d.Size() != len(module) || !reflect.DeepEqual(d.Exports(), m.Exports()) || !reflect.DeepEqual(d.Imports(), m.Imports()) {
			t.Errorf("%s: it is described in another way, error %v", what, err)
		}
	}
	again("the second time", first, true)
	again("after a start", open(t, o), true)
	again("with another import to offer", open(t, Options{Host: testHost("f", "g"), CacheDir: dir}), false)
	again("with other caps", open(t, Options{Host: testHost("f"), CacheDir: dir, Caps: meter.Caps{Functions: 7}}), false)
	if _, err := open(t, Options{Host: testHost("g"), CacheDir: dir}).Describe(module); err == nil {
		t.Error("its import is not offered, and it is described")
	}
	if first.disk.preparedBytes.Load() != first.disk.preparedSize() || first.disk.preparedSize() == 0 {
		t.Errorf("%d bytes are counted, there are %d", first.disk.preparedBytes.Load(), first.disk.preparedSize())
	}

	path := first.disk.preparedPath(fresh.hash)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		again(what, first, false)
	}
	for _, at := range []int{0, 40, 65, 90, len(whole) - 1} {
		b := bytes.Clone(whole)
		b[at] ^= 1
		damage("with another byte", b)
	}
	for _, n := range []int{0, 10, 67, 68, len(whole) - 1} {
		damage("cut off", whole[:n])
	}
	// It is written anew with the next compile.
	last := open(t, o)
	other, err := last.Compile(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	if last.disk.preparedBytes.Load() != last.disk.preparedSize() {
		t.Errorf("when one was replaced %d bytes are counted, there are %d", last.disk.preparedBytes.Load(), last.disk.preparedSize())
	}
	again("when it was damaged and compiled", first, true)

	// It is the first to go.
	if err := first.disk.prunePrepared(); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 0 || first.disk.preparedBytes.Load() != 0 {
		t.Errorf("%d files are left", len(names))
	}
	again("when it was deleted", first, false)
}
