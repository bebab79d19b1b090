package engine_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/meter"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// script is a module as large as one in JavaScript has to be here: an engine, and what stands in its memory. Where change is not nil it gets each section, and
// returns what stands there instead.
func script(change func(id wasm.SectionID, data []byte) []byte) []byte {
	sections := []wasm.Section{
		{ID: wasm.TypeSection, Data: []byte{2, 0x60, 0, 1, 0x7e, 0x60, 0, 1, 0x7f}},
		{ID: wasm.ImportSection, Data: append(wasm.AppendName(wasm.AppendName([]byte{1}, "wedge"), "now"), 0, 0)},
		{ID: wasm.FunctionSection, Data: []byte{2, 1, 1}},
		{ID: wasm.TableSection, Data: []byte{1, 0x70, 0, 1}},
		{ID: wasm.MemorySection, Data: []byte{1, 0, 4}},
		{ID: wasm.GlobalSection, Data: []byte{2, 0x7f, 1, 0x41, 5, 0x0b, 0x7f, 0, 0x41, 7, 0x0b}},
		{ID: wasm.ExportSection, Data: append(wasm.AppendName([]byte{1}, "go"), 0, 1)},
		{ID: wasm.ElementSection, Data: []byte{1, 0, 0x41, 0, 0x0b, 1, 2}},
		{ID: wasm.DataCountSection, Data: []byte{1}},
		// go is the byte at 16, both globals, the pages of the memory, and what now and, through the table, the other function give.
		{ID: wasm.CodeSection, Data: []byte{2,
			26, 0, 0x41, 16, 0x2d, 0, 0, 0x23, 0, 0x6a, 0x23, 1, 0x6a, 0x3f, 0, 0x6a, 0x10, 0, 0xa7, 0x6a, 0x41, 0, 0x11, 1, 0, 0x6a, 0x0b,
			4, 0, 0x41, 3, 0x0b}},
		{ID: wasm.DataSection, Data: append(wasm.AppendU32([]byte{1, 0, 0x41, 16, 0x0b}, engine.KinFrom), bytes.Repeat([]byte{1}, engine.KinFrom)...)},
		{ID: wasm.CustomSection, Data: wasm.AppendName(nil, "note")},
	}
	if change != nil {
		for i := range sections {
			sections[i].Data = change(sections[i].ID, bytes.Clone(sections[i].Data))
		}
	}
	return wasm.Write(sections)
}

// in changes one section.
func in(id wasm.SectionID, f func(data []byte) []byte) func(wasm.SectionID, []byte) []byte {
	return func(s wasm.SectionID, data []byte) []byte {
		if s == id {
			return f(data)
		}
		return data
	}
}

// set writes a byte.
func set(at int, b byte) func([]byte) []byte {
	return func(data []byte) []byte { data[at] = b; return data }
}

// twoSegments cuts the data into two.
func twoSegments(id wasm.SectionID, data []byte) []byte {
	switch id {
	case wasm.DataCountSection:
		data[0] = 2
	case wasm.DataSection:
		data[0] = 2
		data = append(data, 1, 1, 'x') // a passive one
	}
	return data
}

// A module whose code is in the cache already is not compiled, and is itself none the less.
func TestKin(t *testing.T) {
	dir, compiled := t.TempDir(), 0
	e := newEngine(t, engine.Options{Host: host(), CacheDir: dir, Compiler: func(_ context.Context, path, out string) error { compiled++; return engine.CompileInto(path, out) }})
	f := func(what string, compiles bool, want uint64, change func(wasm.SectionID, []byte) []byte) {
		t.Helper()
		before := compiled
		m, err := e.Compile(t.Context(), script(change))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer m.Close()
		if compiles != (compiled > before) {
			t.Errorf("%s: it was compiled: %t, want %t", what, !compiles, compiles)
		}
		if r := run(t, m, "go"); r[0] != want {
			t.Errorf("%s: it gives %d, want %d", what, r[0], want)
		}
	}
	f("the first", true, 1+5+7+4+7+3, nil)
	f("itself", false, 27, nil)
	f("itself, with more in a section that the compiler does not get", false, 27, in(wasm.CustomSection, func(b []byte) []byte { return append(b, '!') }))
	f("other data", false, 56, in(wasm.DataSection, set(len(wasm.AppendU32(nil, engine.KinFrom))+5, 30)))
	f("data in two parts", false, 27, twoSegments)
	f("a global that begins with another value", false, 31, in(wasm.GlobalSection, set(4, 9)))
	f("a constant of another value", false, 23, in(wasm.GlobalSection, set(9, 3)))
	f("a larger memory", false, 28, in(wasm.MemorySection, set(2, 5)))
	f("a memory with an end", false, 27, in(wasm.MemorySection, func([]byte) []byte { return []byte{1, 1, 4, 8} }))
	f("a global that may change", true, 27, in(wasm.GlobalSection, set(7, 1)))
	f("one more global", true, 27, in(wasm.GlobalSection, func(b []byte) []byte { b[0]++; return append(b, 0x7f, 0, 0x41, 7, 0x0b) }))
	f("another table", true, 27, in(wasm.TableSection, set(3, 2)))
	f("other code", true, 28, in(wasm.CodeSection, func(b []byte) []byte { b[len(b)-2] = 4; return b }))

	// What is damaged is nobody's kin.
	damaged := map[string][]byte{} // all are made before one is written: some are one file
	for _, name := range files(t, dir, "native") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		damaged[name] = b
	}
	for name, b := range damaged {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f("kin of what is damaged", true, 37, in(wasm.DataSection, set(len(wasm.AppendU32(nil, engine.KinFrom))+5, 11)))
	f("kin of that one", false, 38, in(wasm.DataSection, set(len(wasm.AppendU32(nil, engine.KinFrom))+5, 12)))

	// An invalid module is refused whatever its kin.
	if _, err := e.Compile(t.Context(), script(in(wasm.GlobalSection, set(3, 0x42)))); err == nil {
		t.Error("an invalid module has kin, and passes")
	}
	if left := files(t, dir, "tmp"); len(left) != 0 {
		t.Errorf("it leaves %v", left)
	}
}

// Modules with one codeKey have one code, byte by byte: the compiler looks at nothing that is not in it.
func TestKinCode(t *testing.T) {
	compile := func(module []byte) (key string, code []byte) {
		t.Helper()
		m, err := meter.Rewrite(module, meter.Caps{})
		if err != nil {
			t.Fatal(err)
		}
		metered, err := engine.Marked(module, m.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = engine.CodeKey(metered); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "m.wasm")
		if err := os.WriteFile(path, metered, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := engine.CompileInto(path, dir); err != nil {
			t.Fatal(err)
		}
		names, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
		if len(names) != 1 {
			t.Fatalf("%d files", len(names))
		}
		if _, ok := engine.ProcessorWord(metered, filepath.Base(names[0])); !ok {
			t.Errorf("the compiler calls its file %s: how?", filepath.Base(names[0]))
		}
		if code, err = os.ReadFile(names[0]); err != nil {
			t.Fatal(err)
		}
		return key, code
	}
	key, code := compile(script(nil))
	if _, err := hex.DecodeString(key); err != nil || len(key) != 64 {
		t.Errorf("the key is %q", key)
	}
	f := func(what string, kin bool, change func(wasm.SectionID, []byte) []byte) {
		t.Helper()
		k, c := compile(script(change))
		if (k == key) != kin {
			t.Errorf("%s: it has that key: %t, want %t", what, k == key, kin)
		}
		if kin && !bytes.Equal(c, code) {
			t.Errorf("%s: it has other code", what)
		}
	}
	f("other data", true, in(wasm.DataSection, set(100, 30)))
	f("data in two parts", true, twoSegments)
	f("a global that begins with another value", true, in(wasm.GlobalSection, set(4, 9)))
	f("a constant of another value", true, in(wasm.GlobalSection, set(9, 3)))
	f("a larger memory", true, in(wasm.MemorySection, set(2, 5)))
	f("other code", false, in(wasm.CodeSection, func(b []byte) []byte { b[len(b)-2] = 4; return b }))
	f("another export", false, in(wasm.ExportSection, set(len("go")+1, 'q')))
	f("another type", false, in(wasm.TypeSection, func(b []byte) []byte { b[0]++; return append(b, 0x60, 0, 0) }))
}

// Entries that name one file keep it while one of them is there. The engine must not compile by itself what is not.
func TestKinOfOneFile(t *testing.T) {
	dir, compiled := t.TempDir(), 0
	e := newEngine(t, engine.Options{Host: host(), CacheDir: dir, CacheBytes: 1, Compiler: counting(&compiled, func(_ context.Context, path, out string) error { return engine.CompileInto(path, out) })})
	f := func(module []byte) os.FileInfo {
		t.Helper()
		m, err := e.Compile(t.Context(), module)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		index, native := files(t, dir, "index"), files(t, dir, "native")
		if len(index) != 1 || len(native) != 1 {
			t.Fatalf("%d entries and %d files, want that of the last module", len(index), len(native))
		}
		s, err := os.Stat(native[0])
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := f(script(nil))
	second := f(script(in(wasm.CustomSection, func(b []byte) []byte { return append(b, '!') })))
	if compiled != 1 || !os.SameFile(first, second) {
		t.Errorf("the file went with the first entry: %d compiled, the same file %t", compiled, os.SameFile(first, second))
	}
}

// Code for another processor, in a folder that has moved, is compiled anew, by the compiler.
func TestKinOfAnotherProcessor(t *testing.T) {
	dir, compiled := t.TempDir(), 0
	o := engine.Options{Host: host(), CacheDir: dir, Compiler: counting(&compiled, func(_ context.Context, path, out string) error { return engine.CompileInto(path, out) })}
	e := newEngine(t, o)
	f := func(e *engine.Engine, want int, result uint64, module []byte) {
		t.Helper()
		m, err := e.Compile(t.Context(), module)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if compiled != want {
			t.Errorf("%d compiled, want %d", compiled, want)
		}
		if r := run(t, m, "go"); r[0] != result {
			t.Errorf("it gives %d, want %d", r[0], result)
		}
	}
	f(e, 1, 27, script(nil))

	native, index := files(t, dir, "native")[0], files(t, dir, "index")[0]
	elsewhere := filepath.Join(filepath.Dir(native), strings.Repeat("0", 64))
	b, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Replace(b, []byte(filepath.Base(native)), []byte(filepath.Base(elsewhere)), 1)
	b = bytes.Replace(b, []byte(`"word":`), []byte(`"word":1000`), 1)
	if err := errors.Join(os.Rename(native, elsewhere), os.WriteFile(index, b, 0o600)); err != nil {
		t.Fatal(err)
	}
	e = newEngine(t, o)
	f(e, 2, 56, script(in(wasm.DataSection, set(len(wasm.AppendU32(nil, engine.KinFrom))+5, 30))))
	f(e, 2, 27, script(nil)) // kin of that
	if n := len(files(t, dir, "native")); n != 2 {
		t.Errorf("%d files of code, want those of two modules", n)
	}
	f(newEngine(t, o), 2, 27, script(nil))
}

// What kin share takes room once.
func TestKinSize(t *testing.T) {
	dir := t.TempDir()
	o := engine.Options{Host: host(), CacheDir: dir}
	e := newEngine(t, o)
	var one int64
	const kin = 8
	for n := range kin {
		m, err := e.Compile(t.Context(), script(in(wasm.DataSection, set(len(wasm.AppendU32(nil, engine.KinFrom))+5, byte(n)))))
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		if n == 0 {
			one = engine.DiskSize(e)
		}
	}
	const entry = 4096
	if got, want := engine.DiskSize(e), one+(kin-1)*entry; got != want {
		t.Errorf("they take %d, want %d", got, want)
	}
	if got, want := engine.DiskSize(newEngine(t, o)), engine.DiskSize(e); got != want {
		t.Errorf("the next engine finds %d, want %d", got, want)
	}
}
