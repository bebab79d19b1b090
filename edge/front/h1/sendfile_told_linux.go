//go:build (!amd64 && !arm64) || race

package h1

import "syscall"

func sendMore(fd uintptr, p []byte) (int, error) {
	return syscall.SendmsgN(int(fd), p, nil, nil, syscall.MSG_MORE|syscall.MSG_NOSIGNAL)
}

func sendMemory(fd uintptr, file int, off *int64, n int) (int, error) {
	return syscall.Sendfile(int(fd), file, off, n)
}
