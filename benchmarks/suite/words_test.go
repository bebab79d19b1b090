package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/wedgecdn/wedge/benchmarks/guest"
	"github.com/wedgecdn/wedge/runtime/engine"
	"github.com/wedgecdn/wedge/runtime/wasm"
)

// Modules that say other words have code of their own: the node must not find that of one which it has compiled before.
func TestWordsAreCompiledAnew(t *testing.T) {
	dir := t.TempDir()
	b := &bench{made: dir}
	file := filepath.Join(dir, "ua.wasm")
	text := make([]byte, 256<<10) // so large that the node looks for its like
	copy(text, "desktop")
	module := wasm.Write([]wasm.Section{
		{ID: wasm.TypeSection, Data: []byte{1, 0x60, 0, 0}},
		{ID: wasm.FunctionSection, Data: []byte{1, 0}},
		{ID: wasm.MemorySection, Data: []byte{1, 0, 5}},
		{ID: wasm.ExportSection, Data: append(wasm.AppendName([]byte{1}, "memory"), 2, 0)},
		{ID: wasm.CodeSection, Data: []byte{1, 2, 0, 0x0b}},
		{ID: wasm.DataSection, Data: append(wasm.AppendU32([]byte{1, 0, 0x41, 0, 0x0b}, uint32(len(text))), text...)},
	})
	if err := os.WriteFile(file, module, 0o600); err != nil {
		t.Fatal(err)
	}
	const count = 3
	files, err := b.saying("c", guest.Module{File: file}, count)
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(dir, "cache")
	e, err := engine.New(engine.Options{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, file := range append(files, file) {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Compile(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
	}
	var compiled []os.FileInfo // kin have one file, of several names
	err = filepath.WalkDir(cache, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(filepath.Dir(name))) != "native" {
			return err
		}
		info, err := d.Info()
		for _, other := range compiled {
			if err == nil && os.SameFile(other, info) {
				return nil
			}
		}
		compiled = append(compiled, info)
		return err
	})
	if err != nil || len(compiled) != count+1 {
		t.Errorf("%d modules have %d files of code: %v", count+1, len(compiled), err)
	}
}
