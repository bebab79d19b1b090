package faultfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/wedgecdn/wedge/edge/cache/disk/vfs"
)

// In good health it does what a folder of the operating system does.
func TestLikeFolder(t *testing.T) {
	f := func(name string, fsys vfs.FS) {
		file, err := fsys.Create("a")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := fsys.Create("a"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: a second file of the name: %v", name, err)
		}
		if _, err := fsys.Open("b"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a file that is not there: %v", name, err)
		}
		if err := fsys.Remove("b"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: remove a file that is not there: %v", name, err)
		}
		file.WriteAt([]byte("hello"), 3)
		b := make([]byte, 10)
		if n, err := file.ReadAt(b, 0); n != 8 || err != io.EOF || string(b[:n]) != "\x00\x00\x00hello" {
			t.Errorf("%s: read %q, %v", name, b[:n], err)
		}
		if err := errors.Join(file.Truncate(4), file.Sync(), fsys.Rename("a", "b"), fsys.Sync()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if size, err := file.Size(); size != 4 || err != nil {
			t.Errorf("%s: size %d, %v", name, size, err)
		}
		if err := vfs.WriteFile(fsys, "b", []byte("new"), true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := vfs.ReadFile(fsys, "b", 3); string(b) != "new" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if _, err := vfs.ReadFile(fsys, "b", 2); err != io.ErrShortBuffer {
			t.Errorf("%s: a file that is too long: %v", name, err)
		}
		if names, err := fsys.List(); len(names) != 1 || names[0] != "b" || err != nil {
			t.Errorf("%s: %v, %v", name, names, err)
		}
		file.Close()
	}
	f("folder", vfs.Dir(t.TempDir()))
	f("memory", New(1))
}

// Each fault shows itself.
func TestFaults(t *testing.T) {
	f := func(faults Faults, want error) {
		t.Helper()
		d := New(1)
		file, _ := d.Create("a")
		file.WriteAt(make([]byte, 100), 0)
		d.Set(faults)
		_, err := file.WriteAt(bytes.Repeat([]byte{1}, 200), 0)
		b := make([]byte, 100)
		_, rerr := file.ReadAt(b, 0)
		if got := errors.Join(err, rerr, file.Sync()); !errors.Is(got, want) || d.Counts() == (Counts{}) {
			t.Errorf("%+v: %v, want %v, %+v", faults, got, want, d.Counts())
		}
	}
	f(Faults{ReadError: 1}, syscall.EIO)
	f(Faults{WriteError: 1}, syscall.EIO)
	f(Faults{SyncError: 1}, syscall.EIO)
	f(Faults{Full: true, Room: 50}, syscall.ENOSPC)
	f(Faults{BitFlip: 1}, nil)
	f(Faults{TornWrite: 1}, nil)
}

// A power cut keeps what was synced, and of the rest some.
func TestCrash(t *testing.T) {
	d := New(1)
	file, _ := d.Create("a")
	const size = 100 * sector
	file.WriteAt(bytes.Repeat([]byte{1}, size), 0)
	file.Sync()
	file.WriteAt(bytes.Repeat([]byte{2}, size), size/2)
	d.Crash()
	b, _ := vfs.ReadFile(d, "a", 2*size)
	if len(b) < size || !bytes.Equal(b[:size/2], bytes.Repeat([]byte{1}, size/2)) {
		t.Error("what was synced is not there")
	}
	old, late := bytes.Count(b[size/2:size], []byte{1}), bytes.Count(b[size/2:size], []byte{2})
	if old == 0 || late == 0 || old+late != size/2 {
		t.Errorf("%d old and %d new bytes of %d", old, late, size/2)
	}
	before := bytes.Clone(b)
	d.Flip("a", 10)
	if b, _ = vfs.ReadFile(d, "a", 2*size); bytes.Equal(b, before) || !bytes.Equal(b[:10], before[:10]) {
		t.Error("no bit was flipped, or the wrong one")
	}
}
