package watch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A folder with one clock: what is written has the time of the bubble, else two writes within a tick of the disk's would look
// the same.
type folder struct {
	t   *testing.T
	dir string
}

func (f folder) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
		f.t.Fatal(err)
	}
}

// wait runs Wait beside change, which may sleep.
func wait(w *Watcher, change func()) string {
	got := make(chan []string, 1)
	go func() { got <- w.Wait(context.Background()) }()
	change()
	return strings.Join(<-got, " ")
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, dir}
		f.write("main.c", "a")
		f.write("sdk/wedge.h", "h")
		w := New(dir, Options{})
		want := func(names string, change func()) {
			t.Helper()
			time.Sleep(time.Second)
			if got := wait(w, change); got != names {
				t.Errorf("changed %q, want %q", got, names)
			}
		}
		want("main.c", func() { f.write("main.c", "b") })
		want("main.c", func() { time.Sleep(time.Minute); f.write("main.c", "c") })
		want("other.c", func() { f.write("other.c", "") })
		want("main.c sdk/wedge.h", func() { f.write("sdk/wedge.h", "i"); f.write("main.c", "d") })
		want("other.c", func() { os.Remove(filepath.Join(dir, "other.c")) })
		want("renamed.c", func() {
			f.write(".renamed.c.swp", "x")
			os.Rename(filepath.Join(dir, ".renamed.c.swp"), filepath.Join(dir, "renamed.c"))
		})
		// What is none of the author's alone wakes nobody.
		want("main.c", func() {
			f.write("greet.wasm", "")
			f.write("node_modules/x/index.js", "")
			f.write("wedge-data/audit.log", "")
			f.write("target/release/x.d", "")
			f.write(".git/index", "")
			f.write("main.c~", "")
			f.write("main.c", "e")
		})
	})
}

// A file that is being written is waited for.
func TestSettles(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, dir}
		f.write("main.c", "whole")
		w := New(dir, Options{Every: 100 * time.Millisecond})
		began := time.Now()
		got := wait(w, func() {
			for range 10 {
				time.Sleep(50 * time.Millisecond)
				f.write("main.c", "half")
			}
		})
		if got != "main.c" {
			t.Errorf("changed %q", got)
		}
		if took := time.Since(began); took < 500*time.Millisecond || took > 800*time.Millisecond {
			t.Errorf("told after %v", took)
		}
	})
}

// What changes while the last change is being worked on is told by the next Wait.
func TestBetweenWaits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := folder{t, dir}
		f.write("main.c", "a")
		w := New(dir, Options{})
		time.Sleep(time.Second)
		f.write("main.c", "b")
		if got := wait(w, func() {}); got != "main.c" {
			t.Errorf("changed %q", got)
		}
	})
}

func TestEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := New(dir, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got := w.Wait(ctx); got != nil {
			t.Errorf("changed %q", got)
		}
		os.Remove(dir) // a folder that is gone has changed, if it had files; nothing panics
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got := w.Wait(ctx); got != nil {
			t.Errorf("changed %q", got)
		}
	})
}

func TestBound(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("a", "")
	f.write("b", "")
	f.write("c", "")
	if w := New(f.dir, Options{Files: 3}); w.Partial || len(w.seen) != 3 {
		t.Errorf("sees %d of 3 files, partial %t", len(w.seen), w.Partial)
	}
	if w := New(f.dir, Options{Files: 2}); !w.Partial || len(w.seen) != 2 {
		t.Errorf("sees %d of 2 files, partial %t", len(w.seen), w.Partial)
	}
}
