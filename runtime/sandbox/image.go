package sandbox

import (
	"fmt"
	"sync/atomic"
)

// image is what instances of a pool are put back to: the state of the pool's first one after its initialisation. So it
// holds what that one was given: configuration, environment, secrets. It never leaves its pool.
//
// It never changes, but for refs. INVARIANT: refs is the number of its holders (the pool, each instance), and what it holds
// of the system is freed with the last.
type image struct {
	size    int      // of the memory, in bytes
	bytes   []byte   // the memory; in Go's heap, or a view of file
	file    *file    // nil if there is none: then the only way is Copy
	globals []uint64 // in the order of meter.Module.Globals
	way     Way
	noted   bool // where it is known which pages were written to, those are put back and no others
	refs    atomic.Int64
}

// newImage copies memory. Without a file it is in Go's heap, where only Copy reaches it.
func newImage(memory []byte, globals []uint64, inFile bool) (*image, error) {
	im := &image{size: len(memory), globals: globals, way: Copy}
	im.refs.Store(1)
	if !inFile {
		im.bytes = append([]byte(nil), memory...)
		return im, nil
	}
	var err error
	if im.file, im.bytes, err = newFile(memory); err != nil {
		return nil, fmt.Errorf("sandbox: keep the image of a memory: %w", err)
	}
	return im, nil
}

// leaveFile keeps the bytes in Go's heap alone: for Copy, which has no use for descriptors. Nobody else has the image yet.
func (im *image) leaveFile() {
	im.way = Copy
	if f := im.file; f != nil {
		view := im.bytes
		im.bytes, im.file = append([]byte(nil), view...), nil
		f.close(view)
	}
}

func (im *image) retain() *image {
	im.refs.Add(1)
	return im
}

func (im *image) release() {
	if im.refs.Add(-1) == 0 && im.file != nil {
		im.file.close(im.bytes)
		im.bytes = nil
	}
}
