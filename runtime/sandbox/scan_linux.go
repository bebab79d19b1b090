package sandbox

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// scanner is what the kernel is asked with and answers into. It is part of a linear, which does not move.
//
// https://docs.kernel.org/admin-guide/mm/pagemap.html
type scanner struct {
	arg     scanArg
	regions [64]region
}

// scanArg is struct pm_scan_arg.
type scanArg struct {
	size, flags                     uint64
	start, end, walkEnd             uint64
	vec, vecLen, maxPages           uint64
	inverted, mask, anyOf, returned uint64
}

// region is struct page_region: pages next to each other of the same categories.
type region struct{ start, end, categories uint64 }

// Categories of pages.
const (
	isFile    = 1 << 2
	isPresent = 1 << 3
	isSwapped = 1 << 4
)

// pagemapScan is the ioctl's number, PAGEMAP_SCAN: _IOWR('f', 16, struct pm_scan_arg).
const pagemapScan = 3<<30 | uintptr(unsafe.Sizeof(scanArg{}))<<16 | 'f'<<8 | 16

// scan puts the image's bytes back into every page that is not the image's own. It returns their number.
//
// A page that the guest has written to is its own: an anonymous one, no longer the file's. It may be in memory or
// swapped out, and one that is being moved between two places counts as swapped out. What is neither in memory nor in swap
// was not touched or is the file's.
func (l *linear) scan(im *image) (pages int, err error) {
	if im.file == nil || im.file.pagemap < 0 {
		return 0, unix.ENOSYS
	}
	if l.scanner == nil {
		l.scanner = new(scanner)
	}
	s := l.scanner
	base := uint64(uintptr(unsafe.Pointer(&l.reserve[0])))
	s.arg = scanArg{
		size: uint64(unsafe.Sizeof(s.arg)), start: base, end: base + uint64(im.size),
		vec: uint64(uintptr(unsafe.Pointer(&s.regions[0]))), vecLen: uint64(len(s.regions)),
		inverted: isFile, mask: isFile, anyOf: isPresent | isSwapped, returned: isPresent,
	}
	for {
		n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(im.file.pagemap), pagemapScan, uintptr(unsafe.Pointer(&s.arg)))
		runtime.KeepAlive(s)
		if errno != 0 {
			return pages, fmt.Errorf("scan pages: %w", errno)
		}
		for _, r := range s.regions[:n] {
			from, to := int(r.start-base), int(r.end-base)
			copyPieces(l.reserve[from:to], im.bytes[from:to])
			pages += (to - from) / pageBytes
		}
		if s.arg.walkEnd >= s.arg.end {
			return pages, nil
		}
		s.arg.start = s.arg.walkEnd
	}
}
