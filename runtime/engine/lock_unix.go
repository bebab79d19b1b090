//go:build unix

package engine

import (
	"errors"
	"os"
	"syscall"
)

// share takes the lock and tells whether nobody else has it; then it is held
// exclusively until settle, otherwise shared.
func share(lock *os.File) (alone bool, err error) {
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return false, err
	}
	return false, syscall.Flock(int(lock.Fd()), syscall.LOCK_SH)
}

// settle lets others in.
func settle(lock *os.File) error { return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH) }
