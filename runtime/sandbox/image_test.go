package sandbox

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestPutBack writes wherever it likes and compares every byte after each reset: all ways have the same result.
func TestPutBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := func(size int, way Way) {
		t.Helper()
		content := make([]byte, size)
		for at := range content {
			if at&(1<<17) == 0 { // the other halves are holes
				content[at] = byte(r.Uint32())
			}
		}
		im, err := newImage(content, nil, way != Copy)
		if err != nil {
			t.Fatal(err)
		}
		defer im.release()
		l := newLinear(int64(size) + 8*piece)
		l.Allocate(0, uint64(l.limit))
		defer l.Free()
		l.Reallocate(uint64(size))
		if err := l.lay(im); err != nil {
			t.Fatal(err)
		}
		for n := range 3 * learnAfter {
			switch k := r.IntN(8); {
			case n == 5: // more places than one answer of the kernel has room for
				for at := 0; at < size; at += 2 * pageBytes {
					l.bytes[at]++
				}
			case n == 6:
				for at := range l.bytes {
					l.bytes[at]++
				}
			case k == 0: // nothing
			case k == 1: // only reads
				bytes.Equal(l.bytes, content)
			default:
				for range r.IntN(300) {
					l.bytes[r.IntN(size)]++
				}
			}
			if grown := r.IntN(3) * r.IntN(8*piece); grown > 0 && grown < 8*piece {
				more := l.Reallocate(uint64(size + grown))
				for at := size; at < len(more); at += 1000 {
					if more[at] != 0 {
						t.Fatalf("%s: byte %d behind the image is not zero", way, at-size)
					}
					more[at] = 1
				}
				if err := l.clear(size, size+grown); err != nil {
					t.Fatal(err)
				}
				l.Reallocate(uint64(size))
			}
			if err := l.putBack(im, way); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(l.bytes, content) {
				t.Fatalf("%s: after %d resets the memory of %d bytes is not the image", way, n, size)
			}
		}
	}
	for _, way := range Ways() {
		f(wasmPage, way)
		f(5*wasmPage, way)
		f(40*wasmPage, way)
	}
}

// The measurement finds out what does not work, and leaves the memory as it was.
func TestMeasure(t *testing.T) {
	content := bytes.Repeat([]byte{1, 2, 3, 4}, 4*wasmPage)
	im, err := newImage(content, nil, true)
	if err != nil {
		if len(Ways()) == 1 {
			return // there is nothing to measure
		}
		t.Fatal(err)
	}
	defer im.release()
	l := newLinear(int64(len(content)))
	l.Allocate(0, uint64(l.limit))
	defer l.Free()
	l.Reallocate(uint64(len(content)))
	if err := l.lay(im); err != nil {
		t.Fatal(err)
	}
	if way := l.measure(im); !has(way) || !bytes.Equal(l.bytes, content) {
		t.Errorf("measured %q; the memory is as it was: %v", way, bytes.Equal(l.bytes, content))
	}
	if _, ok := l.try(im, "none"); ok {
		t.Error("a way that does nothing works")
	}
}
