package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// Two engines may share a folder, also two versions of them: nobody cleans up
// what another uses. Who is alone does.
func TestFolderIsShared(t *testing.T) {
	dir := t.TempDir()
	open := func(version string) *disk {
		t.Helper()
		d, err := openDisk(dir, version)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	there := func(what, path string, want bool) {
		t.Helper()
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", what, err == nil, want)
		}
	}
	old := open("v1")
	compiling := filepath.Join(old.tmp, "x")
	if err := os.Mkdir(compiling, 0o700); err != nil {
		t.Fatal(err)
	}
	same := open("v1")
	newer := open("v2")
	there("what the first is compiling", compiling, true)
	there("the first's code", old.index, true)
	same.close()
	newer.close()
	old.close()
	old = open("v1")
	there("what a process left that is gone", compiling, false)
	there("the other version's code", newer.index, false)
	there("its own code", old.index, true)
	old.close()
}
