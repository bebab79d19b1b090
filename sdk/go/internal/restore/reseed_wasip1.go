package restore

import (
	"math/rand/v2"
	"unsafe"
)

// generator is Go's own, as internal/chacha8rand lays it out.
type generator struct {
	buf           [32]uint64 // numbers made in advance
	seed          [4]uint64
	next, n, step uint32 // the next of buf, how many of buf may be used, how often buf was filled since the last seed, times four
}

// found is the generator that Go uses, or nil if this Go keeps it otherwise.
var found = find()

// find looks for the number that the generator gave last: it is still in its buffer, at the place before the next. Two more numbers prove that it
// is the one.
func find() *generator {
	const (
		nilPage = 4096 // nothing lies below
		word    = 8
	)
	end := uintptr(unsafe.Pointer(new([word * 2]byte))) // the heap is behind all variables, of which the generator is one
	last := rand.Uint64()
	for at := uintptr(nilPage); at+word <= end; at += word {
		if *(*uint64)(unsafe.Add(nil, at)) != last {
			continue
		}
		for place := range uintptr(len(generator{}.buf)) {
			if at < nilPage+place*word {
				break
			}
			g := (*generator)(unsafe.Add(nil, at-place*word))
			if uintptr(g.next) == place+1 && g.gives(2) {
				return g
			}
		}
	}
	return nil
}

// gives tells whether the next numbers come from g.
func (g *generator) gives(numbers int) bool {
	for range numbers {
		if g.n < 28 || g.n > 32 || g.next > g.n || g.step > 12 || g.step%4 != 0 {
			return false
		}
		place := g.next
		if v := rand.Uint64(); place < g.n && (g.next != place+1 || g.buf[place] != v) || place == g.n && (g.next != 1 || g.buf[0] != v) {
			return false
		}
	}
	return true
}

// reseed makes the next number the first that the seed gives.
func reseed(seed [32]byte) {
	if found == nil {
		return
	}
	for i := range found.seed {
		found.seed[i] = *(*uint64)(unsafe.Pointer(&seed[i*8]))
	}
	found.next, found.step = found.n, 0 // nothing is left in the buffer: it is filled from the seed
}

// restored is what the node calls.
//
//go:wasmexport wedge_restored
func restored() { Restored() }
