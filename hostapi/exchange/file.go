package exchange

import "os"

// A FileSender is a writer that can have the kernel send a part of a file, so
// that it does not pass through this process. A body that stands in a file looks
// for it in the writer that its WriteTo is given.
type FileSender interface {
	// SendFile sends n bytes of f from the offset on, after what was written
	// before. It sends less without an error only if the file ends there. An
	// error that is errors.ErrUnsupported means that nothing was sent, and that
	// this writer cannot do it: then Write is the way.
	SendFile(f *os.File, off, n int64) (sent int64, err error)
}

// A MemorySender is a FileSender that does less for a file which stands in
// memory: the kernel has no disk to wait for.
type MemorySender interface {
	// SendMemory is SendFile of such a file.
	SendMemory(f *os.File, off, n int64) (sent int64, err error)
}
