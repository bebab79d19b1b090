package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// file is a file in memory that holds the bytes of an image, so that many memories map the same pages of it until they
// write to them. It is sealed: it can neither change nor shrink, which would end the process with a bus error.
type file struct {
	fd      int
	pagemap int // /proc/self/pagemap, or -1
}

// newFile makes one and returns a view of it. Its length is a multiple of 64 KiB, and not 0.
func newFile(content []byte) (*file, []byte, error) {
	fd, err := unix.MemfdCreate("wedge-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, nil, fmt.Errorf("memfd_create: %w", err)
	}
	view, err := fill(fd, content)
	if err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	f := &file{fd: fd}
	if f.pagemap, err = unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		f.pagemap = -1 // no /proc here: Scan does not work, and the other ways do
	}
	return f, view, nil
}

func fill(fd int, content []byte) ([]byte, error) {
	if err := unix.Ftruncate(fd, int64(len(content))); err != nil {
		return nil, fmt.Errorf("ftruncate: %w", err)
	}
	for at := 0; at < len(content); {
		end := min(at+piece, len(content))
		if isZero(content[at:end]) { // a hole reads as zero and takes no memory
			at = end
			continue
		}
		n, err := unix.Pwrite(fd, content[at:end], int64(at))
		if err != nil {
			return nil, fmt.Errorf("pwrite: %w", err)
		}
		at += n
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	// Private, as kernels before 6.7 take a shared mapping of a writable descriptor for one that could write.
	view, err := unix.Mmap(fd, 0, len(content), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	return view, nil
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// over maps the file privately in place of what was at b.
func (f *file) over(b []byte) error {
	_, err := unix.MmapPtr(f.fd, 0, unsafe.Pointer(&b[0]), uintptr(len(b)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) // see reserve
	return nil
}

func (f *file) close(view []byte) {
	if err := unix.Munmap(view); err != nil {
		panic("BUG: sandbox: unmap the view of an image: " + err.Error())
	}
	unix.Close(f.fd)
	if f.pagemap >= 0 {
		unix.Close(f.pagemap)
	}
}
