package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dataFormat is the version of the data folder's layout. A folder of a newer
// one is refused; caches of an older one are dropped, stores never.
const dataFormat = 1

// data is the node's folder: uploads, stores, compiled code. One node at a
// time holds it.
type data struct {
	path string
	lock *os.File
}

// openData takes the folder, making it if need be.
func openData(path string) (*data, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s: %w", path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", path, err)
	}
	d := &data{path, lock}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("data folder %s is in use by %s: stop that node, or give this one a folder of its own (data: in wedge.yaml)", path, holder(lock))
		}
		return nil, fmt.Errorf("data folder %s: lock: %w", path, err)
	}
	if err := d.checkFormat(); err != nil {
		lock.Close()
		return nil, err
	}
	if err := lock.Truncate(0); err == nil {
		lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return d, nil
}

// holder says who has the lock, as far as the lock file tells.
func holder(lock *os.File) string {
	var b [20]byte
	n, _ := lock.ReadAt(b[:], 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return "process " + pid
	}
	return "another process"
}

func (d *data) checkFormat() error {
	file := d.file("format")
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return os.WriteFile(file, []byte(strconv.Itoa(dataFormat)+"\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("data folder %s: %w", d.path, err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(b)))
	switch {
	case err != nil || v < 1:
		return fmt.Errorf("data folder %s: the file format holds %q, which is no version: restore it, or use another folder", d.path, b)
	case v > dataFormat:
		return fmt.Errorf("data folder %s has format %d, and this version of wedge knows %d: use a newer wedge, or another folder", d.path, v, dataFormat)
	}
	return nil
}

func (d *data) file(name string) string { return filepath.Join(d.path, name) }

func (d *data) folder(name string) (string, error) {
	p := d.file(name)
	return p, os.MkdirAll(p, 0o700)
}

// close gives the folder back.
func (d *data) close() { d.lock.Close() }
