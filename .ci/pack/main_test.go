package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func TestPack(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "guests")
	write := func(dir, name, text string, age time.Duration) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	wanted := []string{}
	want := func(why string, names ...string) {
		t.Helper()
		if err := pack(from, to, wanted); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, names) {
			t.Errorf("%s: %q, want %q", why, got, names)
		}
	}
	unpacked := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		dec, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer dec.Close()
		text, err := dec.DecodeAll(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	want("nothing wanted")
	write(from, "a.wasm", "a", time.Hour)
	write(from, "b.wasm", "b", time.Hour)
	write(from, "other.wasm", "not wanted", time.Hour)
	wanted = []string{"a", "b"}
	write(to, "README.md", "stays", time.Hour)
	want("two built", "README.md", "a.wasm.zst", "b.wasm.zst")
	if got := unpacked("a.wasm.zst"); got != "a" {
		t.Errorf("a unpacks to %q", got)
	}

	write(from, "a.wasm", "older than what was packed", time.Minute)
	want("nothing new", "README.md", "a.wasm.zst", "b.wasm.zst")
	if got := unpacked("a.wasm.zst"); got != "a" {
		t.Errorf("a was packed again, though its source is older: %q", got)
	}
	write(from, "a.wasm", "new", -time.Minute)
	want("one new", "README.md", "a.wasm.zst", "b.wasm.zst")
	if got := unpacked("a.wasm.zst"); got != "new" {
		t.Errorf("a unpacks to %q after a change", got)
	}

	wanted = []string{"a"}
	write(to, "c.wasm.zst.tmp", "half of one", time.Hour)
	want("one no longer wanted", "README.md", "a.wasm.zst")

	wanted = []string{"absent"}
	if err := pack(from, to, wanted); err == nil {
		t.Error("an example that was not built is packed")
	}
}
