package store

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newMemory makes a file of so many bytes in memory, a multiple of hugePage for
// one that is sent from a lot; nil if there can be none.
//
// The kernel hands a file on page by page. With pages of 4 KiB that is what
// sending costs most: of those of 2 MiB it looks up, locks and releases one. The
// machine's settings rarely give files such pages by themselves, but who asks
// for them afterwards gets them. If there are none the file is as good, and slower.
func newMemory(size int64) *os.File {
	fd, err := unix.MemfdCreate("wedge-bodies", unix.MFD_CLOEXEC)
	if err != nil {
		return nil // too many files are open: copies without one do as well
	}
	f := os.NewFile(uintptr(fd), "wedge-bodies")
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil
	}
	if size%hugePage == 0 {
		collapse(f, size)
	}
	return f
}

// collapse gives the file large pages, where it can.
func collapse(f *os.File, size int64) {
	// Only what is there is collapsed: a byte of each page.
	for at := int64(0); at < size; at += hugePage {
		if _, err := f.WriteAt([]byte{0}, at); err != nil {
			return
		}
	}
	// It has to be mapped for that, where a large page could be.
	whole := uintptr(size) + hugePage
	base, err := unix.MmapPtr(-1, 0, nil, whole, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return
	}
	defer unix.MunmapPtr(base, whole)
	start := unsafe.Add(base, (hugePage-uintptr(base)%hugePage)%hugePage)
	mapped, err := unix.MmapPtr(int(f.Fd()), 0, start, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED)
	if err != nil {
		return
	}
	_ = unix.Madvise(unsafe.Slice((*byte)(mapped), size), unix.MADV_COLLAPSE)
}
