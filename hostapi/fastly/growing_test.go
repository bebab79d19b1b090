package fastly

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// What is too long to be kept passes through: whoever reads from the beginning gets all of it, and no more of it is held than
// is allowed.
func TestGrowingPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := &gauge{most: 1000}
		gone := make(chan struct{})
		g := newGrowing(held, gone)
		g.most = 500
		spilled := 0
		g.spill = func() { spilled++ }
		slow, part := g.reader(0, -1), g.reader(10, 19)
		content := bytes.Repeat([]byte("0123456789"), 1000)
		done := make(chan bool)
		go func() {
			for b := range slices.Chunk(content, 100) {
				if !g.write(b) {
					t.Error("a write failed")
				}
			}
			g.end(nil)
			close(done)
		}()
		synctest.Wait()
		if n := held.n.Load(); n != 1000 || spilled != 1 || !g.passes() {
			t.Errorf("%d bytes are held, it spilled %d times", n, spilled)
		}
		if got, err := io.ReadAll(part); err != nil || string(got) != "0123456789" {
			t.Errorf("a part: %q, %v", got, err)
		}
		part.Close()
		got, err := io.ReadAll(slow)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		<-done
		late := g.reader(0, -1)
		if _, err := io.ReadAll(late); err == nil {
			t.Error("who comes later read it")
		}
		late.Close()
		slow.Close()
		if n := held.n.Load(); n != 0 {
			t.Errorf("%d bytes are held at the end", n)
		}
	})
}

// A writer that nobody reads any more is not stopped by what it is too long for.
func TestGrowingUnread(t *testing.T) {
	g := newGrowing(&gauge{most: 1000}, nil)
	g.most = 500
	r := g.reader(0, -1)
	for i := range 30 {
		if i == 5 {
			r.Close()
		}
		if !g.write(make([]byte, 100)) {
			t.Fatalf("write %d failed", i)
		}
	}
	g.end(nil)
	if n := g.held.n.Load(); n != 0 {
		t.Errorf("%d bytes are held", n)
	}
}

// When the run of a writer is over, who reads does not wait for it, nor it for them.
func TestGrowingGone(t *testing.T) {
	gone := make(chan struct{})
	g := newGrowing(&gauge{most: 100}, gone)
	g.most = 50
	r := g.reader(0, -1)
	if !g.write(make([]byte, 60)) {
		t.Fatal("a write failed")
	}
	close(gone)
	if g.write(make([]byte, 60)) {
		t.Error("a write beyond what is allowed")
	}
	if n, err := io.ReadAll(r); len(n) != 60 || err == nil {
		t.Errorf("%d bytes, %v", len(n), err)
	}
}

func TestHammerGrowing(t *testing.T) {
	g := newGrowing(&gauge{most: 4 << 10}, nil)
	g.most = 1 << 10
	content := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	var all sync.WaitGroup
	for range 4 {
		r := g.reader(0, -1)
		all.Go(func() {
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	for range 4 {
		r := g.reader(0, -1)
		all.Go(func() { // who leaves early holds nobody up
			io.ReadFull(r, make([]byte, 100))
			r.Close()
		})
	}
	for len(content) > 0 && g.size() < int64(len(content)) {
		at := g.size()
		if !g.write(content[at:min(at+300, int64(len(content)))]) {
			t.Fatal("a write failed")
		}
	}
	g.end(nil)
	all.Wait()
	if n := g.held.n.Load(); n != 0 {
		t.Errorf("%d bytes are held", n)
	}
}

// What was found stands on the account of who found it until nobody has it.
func TestGrowingHeld(t *testing.T) {
	on := &gauge{most: 100}
	f := func(what string, want int64) {
		t.Helper()
		if n := on.n.Load(); n != want {
			t.Errorf("%s: %d bytes are held, not %d", what, n, want)
		}
	}
	g := wholeOf(make([]byte, 60))
	for range 2 { // the second time they are held already
		if !g.hold(on) {
			t.Error("60 bytes of 100 do not fit")
		}
	}
	if wholeOf(make([]byte, 60)).hold(on) {
		t.Error("60 bytes of 100 fit twice")
	}
	f("found twice", 60)
	r := g.reader(0, -1)
	g.release()
	f("one has it", 60)
	g.release()
	f("read by another", 60)
	r.Close()
	f("nobody has it", 0)
	r.Close()
	f("twice", 0)

	// What was written stands there as well, once all of it is.
	g = newGrowing(on, nil)
	g.hold(on)
	g.write(make([]byte, 70))
	g.end(nil)
	f("written", 70)
	r = g.reader(0, -1)
	g.release()
	f("written and read", 70)
	r.Close()
	f("nobody has what was written", 0)
	if !g.hold(on) {
		t.Error("70 bytes of 100 fit")
	}
	f("found again", 70)
	g.release()
	f("and let go", 0)
}
