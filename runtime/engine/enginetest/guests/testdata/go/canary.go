// Leaves a mark wherever a Go program can keep one, and looks for the mark of somebody else.
package main

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

var (
	initialised = [2]uint64{1, 2} // in a data segment
	zero        [4]uint64         // behind it
	held        *[8]uint64        // on the heap
	kept        = map[uint64]uint64{}
	grown       [][]byte
)

//go:wasmexport mark
func mark(m uint64) {
	initialised[1], zero[2] = m, m
	held = &[8]uint64{3: m}
	kept[m] = m
	_ = append(make([]uint64, 0, 8), m, m) // garbage
	os.Setenv("MARK", strconv.FormatUint(m, 16))
	syscall.Close(2)
}

// memorySize is the size of the memory in pages.
func memorySize() int32

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_get
func fdStat(fd int32, buf unsafe.Pointer) uint32

//go:wasmexport find
func find(sought uint64) int32 {
	var found int32
	size := uintptr(memorySize()) << 16
	for p := uintptr(8); p != size; p += 8 {
		if *(*uint64)(unsafe.Add(nil, p))*0x9e3779b97f4a7c15 == sought {
			found |= 1
		}
	}
	var stat [24]byte
	if fdStat(2, unsafe.Pointer(&stat)) != 0 {
		found |= 8
	}
	return found
}

//go:wasmexport grow
func grow(pages int32) int32 {
	grown = append(grown, make([]byte, int(pages)<<16))
	return 1
}

func main() {}
