package node

import (
	"os"
	"path/filepath"
	"testing"
)

// Compiled code is executed, so it is kept only where nobody else can put any.
func TestCacheDir(t *testing.T) {
	f := func(what string, prepare func(home string) error, private bool) {
		t.Helper()
		home := t.TempDir()
		t.Setenv("XDG_CACHE_HOME", home)
		t.Setenv("HOME", home) // of systems that have no such variable
		dir, err := os.UserCacheDir()
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		if err == nil {
			err = prepare(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if private {
			want = filepath.Join(dir, "wedge", "compiled")
		}
		if got := CacheDir("compiled"); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	mode := func(name string, mode os.FileMode) func(string) error {
		return func(home string) error {
			if err := os.MkdirAll(filepath.Join(home, "wedge", "compiled"), 0o700); err != nil {
				return err
			}
			return os.Chmod(filepath.Join(home, name), mode) // whatever the umask
		}
	}
	f("none yet", func(string) error { return nil }, true)
	f("others may read", mode("wedge/compiled", 0o755), true)
	f("the group may write", mode("wedge/compiled", 0o770), false)
	f("others may write", mode("wedge/compiled", 0o707), false)
	f("others may put another in its place", mode("wedge", 0o777), false)
	f("a link to somewhere else", func(home string) error { return os.Symlink(t.TempDir(), filepath.Join(home, "wedge")) }, false)
	if os.Getuid() == 0 {
		f("another user's", func(home string) error {
			if err := mode("wedge", 0o700)(home); err != nil {
				return err
			}
			return os.Chown(filepath.Join(home, "wedge", "compiled"), 1, 1)
		}, false)
	}
}
