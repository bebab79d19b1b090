package kv

import "testing"

func TestFindLock(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 11 08:01:131 0 EOF
2: FLOCK  ADVISORY  WRITE 22 08:01:1131 0 EOF
3: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF
3: -> FLOCK  ADVISORY  WRITE 33 08:01:132 0 EOF
4: FLOCK
5: FLOCK  ADVISORY  WRITE many 08:01:133 0 EOF
`
	f := func(inode uint64, want int) {
		t.Helper()
		if pid := findLock(locks, inode); pid != want {
			t.Errorf("inode %d: process %d, want %d", inode, pid, want)
		}
	}
	f(131, 4711)
	f(1131, 22)
	f(132, 0)
	f(133, 0)
	f(31, 0)
}
