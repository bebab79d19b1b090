package vfs

import (
	"io"
	"os"
	"path/filepath"
)

// An FS is one folder of files. It is safe for concurrent use.
type FS interface {
	// Create makes a file that is not there yet.
	Create(name string) (File, error)
	// Open opens a file for reading and writing.
	Open(name string) (File, error)
	Remove(name string) error
	// Rename replaces newname in one step.
	Rename(oldname, newname string) error
	// List is the names of all files.
	List() ([]string, error)
	// Sync makes what was created, renamed and removed outlive a power cut.
	Sync() error
}

// A File is an open file. It is safe for concurrent use; what overlapping writes
// leave is undefined.
type File interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes what was written outlive a power cut.
	Sync() error
	Close() error
}

// An OSFile is a file of the operating system, from which a front can have the
// kernel send.
type OSFile interface {
	File
	// OS is the file; it stays the owner's.
	OS() *os.File
}

// ReadFile reads a whole file of at most limit bytes; a longer one is
// io.ErrShortBuffer.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, io.ErrShortBuffer
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// WriteFile replaces a file in one step: after a crash there is the old or the
// new one. With sync that holds for a power cut as well.
func WriteFile(fsys FS, name string, b []byte, sync bool) (err error) {
	temporary := name + ".new"
	fsys.Remove(temporary) // left by a crash, if it is there at all
	f, err := fsys.Create(temporary)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(b, 0); err == nil && sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(temporary, name)
	}
	if err != nil {
		fsys.Remove(temporary)
		return err
	}
	if sync {
		return fsys.Sync()
	}
	return nil
}

// Dir is a folder of the operating system's file system.
type Dir string

func (d Dir) path(name string) string { return filepath.Join(string(d), name) }

// Create makes a file that is not there yet.
func (d Dir) Create(name string) (File, error) {
	return open(d.path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open opens a file for reading and writing.
func (d Dir) Open(name string) (File, error) { return open(d.path(name), os.O_RDWR) }

// Remove deletes a file.
func (d Dir) Remove(name string) error { return os.Remove(d.path(name)) }

// Rename replaces newname in one step.
func (d Dir) Rename(oldname, newname string) error {
	return os.Rename(d.path(oldname), d.path(newname))
}

// List is the names of all files; folders are left out.
func (d Dir) List() (names []string, err error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Sync makes what was created, renamed and removed outlive a power cut.
func (d Dir) Sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

type osFile struct{ *os.File }

func open(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Size is the file's length in bytes.
func (f osFile) Size() (int64, error) {
	i, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}

// OS is the file itself.
func (f osFile) OS() *os.File { return f.File }
