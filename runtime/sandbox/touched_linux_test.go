package sandbox

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
	"unsafe"
)

// own tells of each page of b whether it is the process's own, in memory and no longer a file's: whether it was written to.
func own(t *testing.T, b []byte) []bool {
	t.Helper()
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries := make([]byte, len(b)/pageBytes*8)
	if _, err := f.ReadAt(entries, int64(uintptr(unsafe.Pointer(&b[0]))/pageBytes*8)); err != nil {
		t.Fatal(err)
	}
	pages := make([]bool, len(b)/pageBytes)
	for n := range pages {
		const present, file = 1 << 63, 1 << 61
		e := binary.LittleEndian.Uint64(entries[8*n:])
		pages[n] = e&present != 0 && e&file == 0
	}
	return pages
}

// What is known of touched pages is never more than what the kernel knows, whatever a guest and resets do: cold pages are
// at least those that are not there, and where a place was announced, all are.
func TestTouched(t *testing.T) {
	const most = 4 << 20
	f := func(way Way, seed uint64) {
		t.Helper()
		r := rand.New(rand.NewPCG(seed, 3))
		size := (1 + r.IntN(16)) * blockBytes
		im, err := newImage(make([]byte, size), nil, true)
		if err != nil {
			t.Fatal(err)
		}
		defer im.release()
		l := newLinear(most)
		l.Allocate(0, most)
		defer l.Free()
		l.Reallocate(uint64(size))
		check := func(did string) {
			t.Helper()
			pages := own(t, l.bytes)
			absent := 0
			for _, is := range pages {
				if !is {
					absent++
				}
			}
			if absent > l.cold {
				t.Fatalf("%s, seed %d: after %s %d pages were not touched, at most %d are said to be so", way, seed, did, absent, l.cold)
			}
		}
		check("it was made")
		if err := l.lay(im); err != nil {
			t.Fatal(err)
		}
		check("the image was laid")
		for range 100 {
			switch k := r.IntN(5); k {
			case 0:
				l.Reallocate(uint64(min(len(l.bytes)+(1+r.IntN(8))*blockBytes, most)))
				check("growth")
			case 1:
				l.bytes[r.IntN(len(l.bytes))]++
				check("a write")
			case 2, 3:
				at, n := uint32(r.IntN(len(l.bytes))), uint32(blockBytes+r.IntN(piece-blockBytes)) // shorter ones are not announced
				from, to := l.missing(at, n)
				if outside := int(at+n) > len(l.bytes); outside && from != to || from < 0 || to > len(l.bytes) || from > to {
					t.Fatalf("of %d bytes at %d, %d to %d are missing", n, at, from, to)
				} else if from < to {
					l.populate(from, to)
				}
				check("an announcement")
				if end := int(at + n); l.cold > 0 && n > 0 && end <= len(l.bytes) {
					absent := 0
					for _, is := range own(t, l.bytes)[int(at)/pageBytes : (end+pageBytes-1)/pageBytes] {
						if !is {
							absent++
						}
					}
					if absent > (int(n)/2+2*blockBytes)/pageBytes { // blocks may have been announced in part before, half of them at the most
						t.Fatalf("%s, seed %d: after the announcement of %d bytes at %d, %d of their pages were not touched", way, seed, n, at, absent)
					}
				}
			case 4:
				if err := l.clear(im.size, len(l.bytes)); err != nil {
					t.Fatal(err)
				}
				l.shrink = im.size
				l.Reallocate(0)
				l.shrink = -1
				if err := l.putBack(im, way); err != nil {
					t.Fatal(err)
				}
				check("a reset")
			}
		}
	}
	for _, way := range Ways() {
		for seed := range uint64(8) {
			f(way, seed)
		}
	}
}
