package node

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CacheDir is a folder in the user's cache folder for what is costly to make
// again; "" if there is none that is the user's alone. What lies there is
// executed: a folder that others can write into, or that is another's because
// sudo left HOME as it was, is neither read nor filled.
func CacheDir(name string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	for _, part := range [...]string{"wedge", name} {
		dir = filepath.Join(dir, part)
		if err := os.MkdirAll(dir, 0o700); err != nil || !private(dir) {
			return ""
		}
	}
	return dir
}

// private tells whether a folder is this user's, and nobody else can write into
// it.
func private(dir string) bool {
	var s unix.Stat_t
	return unix.Lstat(dir, &s) == nil && s.Mode&unix.S_IFMT == unix.S_IFDIR && int(s.Uid) == os.Geteuid() && s.Mode&0o022 == 0
}
