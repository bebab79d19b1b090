package faultfs

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// Faults say what goes wrong, as probabilities for each call. The zero value is
// a disk in good health.
type Faults struct {
	ReadError, BitFlip    float64
	WriteError, TornWrite float64
	SyncError             float64
	// Room is how many more bytes fit on the disk, if Full is set.
	Full bool
	Room int64
}

// Counts are how often something went wrong.
type Counts struct{ ReadErrors, BitFlips, WriteErrors, TornWrites, Full, SyncErrors int }

// sector is what a power cut keeps or drops as a whole, in bytes: a page.
const sector = 4 << 10

// An FS is a folder in memory. mu guards everything in it and in its files.
type FS struct {
	mu     sync.Mutex
	random *rand.Rand
	faults Faults
	counts Counts
	files  map[string]*inode
}

// inode is a file: its bytes, and those of its sectors that a power cut may
// undo, as they were at the last sync.
type inode struct {
	bytes  []byte
	before map[int64][]byte
	size   int64 // at the last sync
}

// New makes an empty folder.
func New(seed uint64) *FS {
	return &FS{random: rand.New(rand.NewPCG(seed, 1)), files: map[string]*inode{}}
}

// Set says what goes wrong from now on.
func (f *FS) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// Counts are what has gone wrong so far.
func (f *FS) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Crash is a power cut: of each sector that was written since its file's last
// sync the old or the new bytes are there afterwards, at random. Files that are
// open must not be used any more.
func (f *FS) Crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	// In the order of their names: a map's own would not repeat.
	names := f.names()
	for _, name := range names {
		n := f.files[name]
		dirty := make([]int64, 0, len(n.before))
		for s := range n.before {
			dirty = append(dirty, s)
		}
		slices.Sort(dirty)
		end := n.size
		for _, s := range dirty {
			if f.random.IntN(2) == 0 {
				end = max(end, min(int64(len(n.bytes)), (s+1)*sector))
				continue
			}
			if at := s * sector; at < int64(len(n.bytes)) {
				clear(n.bytes[at:min(at+sector, int64(len(n.bytes)))])
				copy(n.bytes[at:], n.before[s])
			}
		}
		n.bytes = n.bytes[:min(end, int64(len(n.bytes)))]
		n.synced()
	}
}

// Flip turns one random bit of a file, of those from the offset on.
func (f *FS) Flip(name string, from int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.files[name]; n != nil && int64(len(n.bytes)) > from {
		i := from + f.random.Int64N(int64(len(n.bytes))-from)
		n.bytes[i] ^= 1 << f.random.IntN(8)
	}
}

func (n *inode) synced() { n.before, n.size = map[int64][]byte{}, int64(len(n.bytes)) }

func (f *FS) names() (names []string) {
	for name := range f.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// happens tells whether something of that probability happens now.
// Preconditions: mu is held.
func (f *FS) happens(p float64) bool { return p > 0 && f.random.Float64() < p }

// Create makes a file that is not there yet.
func (f *FS) Create(name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if f.faults.Full && f.faults.Room <= 0 {
		f.counts.Full++
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	n := &inode{}
	n.synced()
	f.files[name] = n
	return &file{f, n, name}, nil
}

// Open opens a file.
func (f *FS) Open(name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.files[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{f, n, name}, nil
}

// Remove deletes a file; who has it open keeps it.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.files[name]
	if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	f.faults.Room += int64(len(n.bytes))
	delete(f.files, name)
	return nil
}

// Rename replaces newname in one step.
func (f *FS) Rename(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.files[oldname]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: oldname, Err: fs.ErrNotExist}
	}
	delete(f.files, oldname)
	f.files[newname] = n
	return nil
}

// List is the names of all files.
func (f *FS) List() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names(), nil
}

// Sync does nothing: names outlive a power cut at once.
func (f *FS) Sync() error { return nil }

type file struct {
	fs   *FS
	n    *inode
	name string
}

// ReadAt reads, or fails, or returns other bytes than were written.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.happens(f.fs.faults.ReadError) {
		f.fs.counts.ReadErrors++
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: syscall.EIO}
	}
	if off >= int64(len(f.n.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.bytes[off:])
	if n > 0 && f.fs.happens(f.fs.faults.BitFlip) {
		f.fs.counts.BitFlips++
		p[f.fs.random.IntN(n)] ^= 1 << f.fs.random.IntN(8)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes, or a part, or nothing.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	faults, counts := &f.fs.faults, &f.fs.counts
	fail := func(n int, err error) (int, error) {
		f.put(p[:n], off)
		return n, &fs.PathError{Op: "write", Path: f.name, Err: err}
	}
	if f.fs.happens(faults.WriteError) {
		counts.WriteErrors++
		return fail(0, syscall.EIO)
	}
	if grows := off + int64(len(p)) - int64(len(f.n.bytes)); faults.Full && grows > 0 {
		if grows > faults.Room {
			counts.Full++
			n := min(max(0, int64(len(p))-grows+faults.Room), int64(len(p)))
			faults.Room = 0
			return fail(int(n), syscall.ENOSPC)
		}
		faults.Room -= grows
	}
	if len(p) > 1 && f.fs.happens(faults.TornWrite) {
		// The caller is not told: the rest was lost behind its back.
		counts.TornWrites++
		f.put(p[:f.fs.random.IntN(len(p))], off)
		return len(p), nil
	}
	f.put(p, off)
	return len(p), nil
}

func (f *file) put(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	n := f.n
	end := off + int64(len(p))
	for s := off / sector; s*sector < end; s++ {
		if _, kept := n.before[s]; !kept {
			var old []byte
			if at := s * sector; at < int64(len(n.bytes)) {
				old = slices.Clone(n.bytes[at:min(at+sector, int64(len(n.bytes)))])
			}
			n.before[s] = old
		}
	}
	if grow := end - int64(len(n.bytes)); grow > 0 {
		n.bytes = append(n.bytes, make([]byte, grow)...)
	}
	copy(n.bytes[off:], p)
}

// Size is the file's length.
func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.n.bytes)), nil
}

// Truncate cuts the file, or lengthens it by zeros.
func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if size <= int64(len(f.n.bytes)) {
		f.n.bytes = slices.Clone(f.n.bytes[:size])
	} else {
		f.n.bytes = append(f.n.bytes, make([]byte, size-int64(len(f.n.bytes)))...)
	}
	f.n.size = min(f.n.size, size)
	return nil
}

// Sync makes what was written outlive Crash.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.happens(f.fs.faults.SyncError) {
		f.fs.counts.SyncErrors++
		return &fs.PathError{Op: "sync", Path: f.name, Err: syscall.EIO}
	}
	f.n.synced()
	return nil
}

// Close does nothing.
func (f *file) Close() error { return nil }

// Clone is another disk with what is on this one now, in good health: what a
// process would find that began after this moment, and what this one did not
// live to see.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &FS{random: rand.New(rand.NewPCG(f.random.Uint64(), 1)), files: map[string]*inode{}}
	for name, n := range f.files {
		c.files[name] = &inode{bytes: slices.Clone(n.bytes), before: maps.Clone(n.before), size: n.size}
	}
	return c
}
