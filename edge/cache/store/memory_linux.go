package store

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slabsExist tells that newMemory makes files.
const slabsExist = true

// newMemory makes a file of so many bytes in memory, a multiple of hugePage for
// one with large pages, and shows it to who reads; nil if there can be none.
//
// The kernel hands a file on page by page. With pages of 4 KiB that is what
// sending costs most: of those of 2 MiB it looks up, locks and releases one. The
// machine's settings rarely give files such pages by themselves, but who asks
// for them afterwards gets them. If there are none the file is as good, and slower.
func newMemory(size int64) *memory {
	fd, err := unix.MemfdCreate("wedge-bodies", unix.MFD_CLOEXEC)
	if err != nil {
		return nil // too many files are open
	}
	m := &memory{file: os.NewFile(uintptr(fd), "wedge-bodies")}
	if m.file.Truncate(size) != nil || !m.show(uintptr(size)) {
		m.file.Close()
		return nil
	}
	if size%hugePage != 0 {
		return m
	}
	// Only what is there is collapsed: a byte of each page.
	for at := int64(0); at < size; at += hugePage {
		if _, err := m.file.WriteAt([]byte{0}, at); err != nil {
			return m
		}
	}
	_ = unix.Madvise(m.bytes, unix.MADV_COLLAPSE)
	return m
}

// show maps the file to where a large page could be.
func (m *memory) show(size uintptr) bool {
	whole := size + hugePage
	base, err := unix.MmapPtr(-1, 0, nil, whole, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return false
	}
	skip := (hugePage - uintptr(base)%hugePage) % hugePage
	start := unsafe.Add(base, skip)
	if _, err := unix.MmapPtr(int(m.file.Fd()), 0, start, size, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_FIXED); err != nil {
		_ = unix.MunmapPtr(base, whole)
		return false
	}
	if skip > 0 {
		_ = unix.MunmapPtr(base, skip)
	}
	if skip < hugePage {
		_ = unix.MunmapPtr(unsafe.Add(start, size), hugePage-skip)
	}
	m.bytes = unsafe.Slice((*byte)(start), size)
	return true
}

// close ends the file; what the kernel is still sending of it lives on.
func (m *memory) close() {
	_ = unix.MunmapPtr(unsafe.Pointer(&m.bytes[0]), uintptr(len(m.bytes)))
	m.bytes = nil
	m.file.Close()
}
