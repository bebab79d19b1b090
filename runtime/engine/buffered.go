package engine

import (
	"encoding/hex"
	"errors"
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
//
// It gives no file that is being checked before that is done: wazero validates the module meanwhile, which takes it
// longer, on another processor.
type buffered struct {
	fileCache
	checks *checks
}

// These are why wazero gets no file. They must be errors: without a file it would compile the module itself, in this process, at
// the priority of requests and without limits.
var (
	errDamaged = errors.New("engine: compiled code is damaged")
	errGone    = errors.New("engine: compiled code is not there, or was compiled for another processor")
)

// readBuffer is large enough that a system call is a small part of what is done with what it read.
const readBuffer = 64 << 10

// Get satisfies fileCache.
func (b buffered) Get(key [32]byte) (io.ReadCloser, bool, error) {
	if k := b.checks.of(hex.EncodeToString(key[:])); k != nil && !k.wait() {
		return nil, false, errDamaged
	}
	f, ok, err := b.fileCache.Get(key)
	if err != nil {
		return nil, false, err
	}
	if !ok {
		return nil, false, errGone
	}
	return &bufferedFile{ReadCloser: f, buffer: make([]byte, readBuffer)}, true, nil
}

// bufferedFile is a reader that fills what it is given unless the file ends, also where the buffer does: wazero takes less
// for the end.
type bufferedFile struct {
	io.ReadCloser
	buffer []byte
	left   []byte // of buffer
}

// Read satisfies io.Reader.
func (f *bufferedFile) Read(p []byte) (n int, err error) {
	if len(p) <= len(f.left) { // Fast path: eight bytes
		n = copy(p, f.left)
		f.left = f.left[n:]
		return n, nil
	}
	n = copy(p, f.left)
	f.left = nil
	if len(p)-n >= len(f.buffer) {
		more, err := io.ReadFull(f.ReadCloser, p[n:])
		return n + more, ended(n+more, err)
	}
	got, err := io.ReadAtLeast(f.ReadCloser, f.buffer, len(p)-n)
	more := copy(p[n:], f.buffer[:got])
	f.left = f.buffer[more:got]
	return n + more, ended(n+more, err)
}

// ended is the error of a read of n bytes that met the end of the file, or err.
func ended(n int, err error) error {
	switch {
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return err
	case n > 0:
		return nil
	}
	return io.EOF
}

// buffer puts a buffer, and checks, before the files of a cache that no engine has seen yet, and tells whether it could. wazero takes only
// folders, so its cache's field is set from outside. If it is called otherwise one day, or is of another type, nothing is
// changed: loading takes longer, and a test fails.
func buffer(c wazero.CompilationCache, checks *checks) bool {
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
	f.Set(reflect.ValueOf(buffered{files, checks}))
	return true
}
