package sandbox

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve maps n bytes that read as zero. They count as memory when they are touched, not before. It returns nil if the
// system refuses.
func reserve(n int) []byte {
	if n == 0 {
		return nil
	}
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	// Without this the kernel may back the first touched byte by 2 MiB, zeroed. An old kernel may not know it: no harm.
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE)
	return b
}

func unreserve(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic("BUG: sandbox: unmap a linear memory: " + err.Error())
	}
}

// forget makes the system drop what was written to b: it reads as before, as zero or as the file that is mapped there. It
// is a system call, so a stop of the world does not wait for it however large b is. It fails where memory is locked.
func forget(b []byte) error {
	if err := unix.Madvise(b, unix.MADV_DONTNEED); err != nil {
		return fmt.Errorf("sandbox: drop pages: %w", err)
	}
	return nil
}

// populate has pages mapped for writing, as if each had been written to, without the fault that this costs one by one. It is a
// system call, so a stop of the world does not wait for it.
//
// Linux 5.14 has the call. Before, and where it fails, they are touched: what a guest would do itself.
func populate(b []byte) {
	if unix.Madvise(b, unix.MADV_POPULATE_WRITE) == nil {
		return
	}
	for at := 0; at < len(b); at += pageBytes {
		atomic.AddUint32((*uint32)(unsafe.Pointer(&b[at])), 0) // a write that the compiler does not take for nothing
	}
}
