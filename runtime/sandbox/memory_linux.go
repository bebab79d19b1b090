package sandbox

import "syscall"

// reserve maps n bytes that read as zero. They count as memory when they are touched, not before. It returns nil if the
// system refuses.
func reserve(n int) []byte {
	if n == 0 {
		return nil
	}
	const flags = syscall.MAP_PRIVATE | syscall.MAP_ANON | syscall.MAP_NORESERVE
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, flags)
	if err != nil {
		return nil
	}
	// Without this the kernel may back the first touched byte by 2 MiB, zeroed. An old kernel may not know it: no harm.
	_ = syscall.Madvise(b, madvNoHugePage)
	return b
}

const madvNoHugePage = 15

func unreserve(b []byte) {
	if err := syscall.Munmap(b); err != nil {
		panic("BUG: sandbox: unmap a linear memory: " + err.Error())
	}
}
