package engine

import (
	"bufio"
	"io"
	"reflect"
	"unsafe"

	"github.com/tetratelabs/wazero"
)

// fileCache is what wazero asks for compiled code, as it declares it.
type fileCache interface {
	Get(key [32]byte) (content io.ReadCloser, ok bool, err error)
	Add(key [32]byte, content io.Reader) error
	Delete(key [32]byte) error
}

// buffered gives wazero its files through a buffer. It reads the offsets of functions and instructions from them eight
// bytes at a time, each by a system call: for the Go guest of the benchmarks, which has 154 000 instructions with an
// offset, 310 000 of them.
type buffered struct{ fileCache }

// readBuffer is large enough that a system call is a small part of what is done with what it read.
const readBuffer = 64 << 10

// Get satisfies fileCache.
func (b buffered) Get(key [32]byte) (io.ReadCloser, bool, error) {
	f, ok, err := b.fileCache.Get(key)
	if !ok || err != nil {
		return f, ok, err
	}
	return bufferedFile{bufio.NewReaderSize(f, readBuffer), f}, true, nil
}

type bufferedFile struct {
	buffer *bufio.Reader // of Closer
	io.Closer
}

// Read satisfies io.Reader. It fills p unless the file ends, also where a buffer does: wazero takes less for the end.
func (f bufferedFile) Read(p []byte) (int, error) {
	n, err := io.ReadFull(f.buffer, p)
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}

// buffer puts a buffer before the files of a cache that no engine has seen yet, and tells whether it could. wazero takes only
// folders, so its cache's field is set from outside. If it is called otherwise one day, or is of another type, nothing is
// changed: loading takes longer, and a test fails.
func buffer(c wazero.CompilationCache) bool {
	v := reflect.Indirect(reflect.ValueOf(c))
	if v.Kind() != reflect.Struct {
		return false
	}
	f := v.FieldByName("fileCache")
	if !f.IsValid() || f.Kind() != reflect.Interface || !reflect.TypeFor[buffered]().Implements(f.Type()) {
		return false
	}
	f = reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
	files, ok := f.Interface().(fileCache)
	if !ok {
		return false
	}
	f.Set(reflect.ValueOf(buffered{files}))
	return true
}
