// Command gen reads abi.txt and writes what follows from it: the tables of package abi, the reference page and the raw
// layers of the SDKs. go generate runs it in hostapi/abi; a test fails when a file differs from what it would write.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen: error:", err)
		os.Exit(1)
	}
}

// run generates the files that follow from dir/abi.txt.
func run(dir string) error {
	files, err := generate(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(dir, f.path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// file is a generated file; its path is relative to hostapi/abi.
type file struct {
	path    string
	content []byte
}

func generate(dir string) ([]file, error) {
	text, err := os.ReadFile(filepath.Join(dir, "abi.txt"))
	if err != nil {
		return nil, err
	}
	c, err := parse(string(text))
	if err != nil {
		return nil, err
	}
	var files []file
	for _, w := range []struct {
		path  string
		write func(*contract) ([]byte, error)
	}{
		{"abi_gen.go", goTables},
		{"REFERENCE.md", reference},
		{"../../sdk/go/internal/raw/doc.go", goRawDoc},
		{"../../sdk/go/internal/raw/raw_gen.go", goRaw},
		{"../../sdk/go/internal/raw/wasm_gen.go", goRawWasm},
		{"../../sdk/go/internal/raw/native_gen.go", goRawNative},
		{"../../sdk/rust/src/raw.rs", rustRaw},
		{"../../sdk/assemblyscript/raw.ts", assemblyScriptRaw},
	} {
		b, err := w.write(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.path, err)
		}
		files = append(files, file{w.path, b})
	}
	for _, w := range []struct {
		path  string
		write func(c *contract, old []byte) ([]byte, error)
	}{
		{"../../sdk/c/wedge.h", cRaw},
		{"../../sdk/c/wedge_fake.h", cFake},
	} {
		old, err := os.ReadFile(filepath.Join(dir, w.path))
		if err != nil {
			return nil, err
		}
		b, err := w.write(c, old)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.path, err)
		}
		files = append(files, file{w.path, b})
	}
	return files, nil
}
